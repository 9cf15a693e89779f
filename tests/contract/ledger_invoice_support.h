/* Invoices in short, for their tests. */
#ifndef LEDGER_INVOICE_SUPPORT_H
#define LEDGER_INVOICE_SUPPORT_H

#include <farmcore/ledger_invoice.h>

enum { INVOICE_LINES_MAX = 3 };

/* Ids are those of ledger_script_id(), NULL is zeros. */
typedef struct short_line {
    const char *transfer;
    int64_t corrected_line;
    int64_t amount_minor;
    int64_t tax_minor;
    int32_t tax_rate_ppm;
    const char *text;
} short_line;

typedef struct short_invoice {
    const char *id;
    const char *account;
    const char *series;
    const char *corrects;
    int64_t book; /* 0: 1, -1: 0 */
    int64_t issued_us;
    const char *user_data;
    short_line lines[INVOICE_LINES_MAX]; /* up to the first without transfer and line */
} short_invoice;

/* Issue it alone; whatever it is told. */
farm_ledger_invoice_result issue(farm_session *session, const short_invoice *invoice);
/* Likewise several, as one call. */
void issue_all(farm_session *session, const short_invoice *invoices, size_t count,
               farm_ledger_invoice_result *results);
/* It is told this. */
farm_ledger_invoice_result expect_issue(farm_session *session, const short_invoice *invoice,
                                        int32_t status);
farm_ledger_invoice_row find_invoice(farm_session *session, const char *id);

#endif
