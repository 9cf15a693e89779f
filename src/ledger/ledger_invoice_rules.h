/* The rules of invoices: items, and what the store knows of what they name, in; results and what is
 * to be stored out. Pure functions over memory that the caller gives.
 *
 * ledger_invoice_rules.c walks the items; what is decided about one is in
 * ledger_invoice_item_rules.c but for its lines, which are in ledger_invoice_line_rules.c. */
#ifndef LEDGER_INVOICE_RULES_H
#define LEDGER_INVOICE_RULES_H

#include "base/id_map.h"
#include <farmcore/ledger_invoice.h>

/* A series that an item names. */
typedef struct ledger_series {
    int64_t book;
    const char *series;
    int64_t known_number; /* found; 0: there is no invoice in it */
    int64_t last_number;  /* with those that were decided about */
} ledger_series;

/* A transfer that a line names. */
typedef struct ledger_billed {
    farm_id id;
    farm_id debit_account_id;
    farm_id credit_account_id;
    int64_t book;
    int64_t timestamp_ns;
    int64_t left_minor; /* what no invoice has of it */
    int64_t kind;
} ledger_billed;

typedef struct ledger_owner {
    farm_id account_id;
    int64_t book;
} ledger_owner;

/* A line, stored or to be stored. */
typedef struct ledger_line {
    farm_id invoice_id;
    int64_t line_number;
    int32_t is_there; /* of what was looked for: whether it was found */
    int32_t tax_rate_ppm;
    farm_id transfer_id;
    int64_t timestamp_ns;
    int64_t corrected_line;
    int64_t amount_minor;
    int64_t tax_minor;
    int64_t credited_minor; /* with what was decided about */
    int64_t credited_tax_minor;
    const char *text;
    struct ledger_line *corrected; /* what it gives back of */
} ledger_line;

typedef struct ledger_invoicing {
    int64_t now_us;
    const farm_ledger_invoice *items;
    size_t count;
    const farm_ledger_invoice_line *lines;
    const size_t *first_lines; /* of each item, among the lines */
    farm_ledger_invoice_result *results;
    ledger_series *series; /* in the order of ledger_compare_series() */
    size_t series_count;
    const ledger_owner *owners;
    id_map owner_places;
    ledger_billed *transfers;
    id_map transfer_places;
    /* Those that are stored come first; there is room for one more an item, in the map, too. */
    farm_ledger_invoice_row *invoices;
    size_t invoice_count;
    size_t stored_count;
    size_t *invoice_items; /* of those behind them: which item it is */
    id_map invoice_places;
    /* Lines of stored invoices that were looked for, in the order of ledger_compare_lines(). */
    ledger_line *stored_lines;
    size_t stored_line_count;
    ledger_line *made_lines; /* one a line; of those that are issued */
} ledger_invoicing;

void ledger_issue(ledger_invoicing *invoicing);

/* For qsort() and bsearch(), of ledger_series and of ledger_line. */
int ledger_compare_series(const void *left, const void *right);
int ledger_compare_lines(const void *left, const void *right);
/* Whether it may name one. */
int32_t ledger_is_series(const char *series);

/* --- between the files of the rules --- */

/* An item that is being decided about. */
typedef struct ledger_issuing {
    ledger_invoicing *all;
    const farm_ledger_invoice *item;
    const farm_ledger_invoice_line *lines;
    ledger_line *made;
    farm_ledger_invoice_row *corrected; /* a credit note: the invoice, once it is found */
    farm_id account_id;                 /* once it is known */
    size_t refused_line;                /* from 1 on; 0: it was none of them */
    int64_t amount_minor;
    int64_t tax_minor;
} ledger_issuing;

/* Each answers CREATED, which is zero, or what the item is told. */
int32_t ledger_check_invoice(ledger_issuing *issuing);
int32_t ledger_repeat_invoice(ledger_issuing *issuing, const farm_ledger_invoice_row *found);
int32_t ledger_check_owner(ledger_issuing *issuing);
int32_t ledger_check_lines(ledger_issuing *issuing);
/* Take what the lines are of, all of them or none. */
int32_t ledger_bill_lines(ledger_issuing *issuing);

/* NULL: there is none. */
farm_ledger_invoice_row *ledger_find_invoice(const ledger_invoicing *all, const farm_id *id);
ledger_line *ledger_find_line(const ledger_invoicing *all, const farm_ledger_invoice_row *invoice,
                              int64_t line_number);
int32_t ledger_is_same_line(const farm_ledger_invoice_line *given, const ledger_line *found);

#endif
