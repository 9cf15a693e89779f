/* A table that was exported, read line by line. Pure. */
#ifndef LEDGER_TABLE_RULES_H
#define LEDGER_TABLE_RULES_H

#include <farmcore/ledger_import.h>

/* What both accounts of a transfer have after it: credits less debits. */
enum { LEDGER_TABLE_BALANCES = 4 };

typedef struct ledger_table_row {
    farm_ledger_transfer transfer;
    int64_t kind; /* FARM_LEDGER_KIND_… */
    int64_t balances[LEDGER_TABLE_BALANCES];
} ledger_table_row;

/* What every line of a table goes by, and what is wrong with one that cannot be read. */
typedef struct ledger_table {
    const char *asset;
    int32_t scale;
    int64_t book;
    const char *column; /* NULL: it is the whole line */
    const char *complaint;
} ledger_table;

/* The first line, its end included; 0: its end is not there. */
size_t ledger_table_line(const char *data, size_t size);
/* Whether these are the names of the columns. */
int32_t ledger_table_read_head(ledger_table *self, const char *line, size_t size);
/* 0: it cannot be read. */
int32_t ledger_table_read(ledger_table *self, const char *line, size_t size, ledger_table_row *out);
/* The columns of those balances. */
const char *ledger_table_balance_name(size_t index);
void ledger_table_balances_of(const farm_ledger_transfer_result *result,
                              int64_t out[LEDGER_TABLE_BALANCES]);

#endif
