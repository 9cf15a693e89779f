/* The lines of an export: an event in, text out. Pure; a line that does not fit is not written. */
#ifndef LEDGER_TEXT_RULES_H
#define LEDGER_TEXT_RULES_H

#include <farmcore/ledger_export.h>

/* The columns of a table; of a book's, and of an account's. */
#define LEDGER_TABLE_HEAD                                                                          \
    "timestamp,effective,kind,id,pending_id,reversed_id,debit_account,credit_account,amount,"      \
    "asset,code,flags,timeout_us,user_data_64,user_data_32,user_data_128,"
#define LEDGER_TABLE_OF_BOOK                                                                       \
    LEDGER_TABLE_HEAD "debit_balance,debit_pending,credit_balance,credit_pending"
#define LEDGER_TABLE_OF_ACCOUNT LEDGER_TABLE_HEAD "change,balance,pending"

/* By FARM_LEDGER_KIND_…, as a table names them. */
enum { LEDGER_KIND_COUNT = 6 };
extern const char *const ledger_kind_names[LEDGER_KIND_COUNT];

/* What every line of an export goes by. */
typedef struct ledger_text {
    const char *asset;
    int32_t scale;
    int32_t format;
    farm_id account_id; /* whose history it is; zeros: the book's */
    int64_t book;
    char *data;
    size_t size; /* written so far */
    size_t capacity;
} ledger_text;

/* What a table says of an account: what its credits are beyond its debits, posted and pending. */
void ledger_text_balances(const farm_ledger_balances *balances, int64_t out[2]);
/* 0: there is no room for it. */
int32_t ledger_text_begin(ledger_text *self);
int32_t ledger_text_add(ledger_text *self, const farm_ledger_event *event);
/* Of Beancount: what the account has, behind all transfers. */
int32_t ledger_text_add_account(ledger_text *self, const farm_ledger_account *account);
/* Whether the format is a journal, and whether it can name the asset. */
int32_t ledger_text_is_journal(int32_t format);
int32_t ledger_text_is_nameable(int32_t format, const char *asset);

#endif
