/* The lines of an export. Numbers are made here digit by digit: no locale has a say in them. */
#include "ledger/ledger_text_rules.h"
#include "base/civil.h"
#include "base/id.h"
#include "base/text.h"
#include <farmcore/money.h>
#include <string.h>

/* --- pieces of text --- */

static void put(ledger_text *self, const char *text, size_t size) {
    if (self->size + size <= self->capacity) memcpy(self->data + self->size, text, size);
    self->size += size;
}

static void put_text(ledger_text *self, const char *text) {
    put(self, text, strlen(text));
}

/* With zeros in front, if it has fewer digits. */
static void put_number(ledger_text *self, int64_t number, int32_t digits) {
    char text[24];
    text_format(text, sizeof text, "%0*lld", (int)digits, (long long)number);
    put_text(self, text);
}

static void put_amount(ledger_text *self, int64_t amount) {
    char text[FARM_MONEY_TEXT_SIZE];
    (void)farm_money_to_text(amount, self->scale, text);
    put_text(self, text);
}

/* Zeros are no id. */
static void put_id(ledger_text *self, const char *prefix, const farm_id *id) {
    char text[FARM_ID_TEXT_SIZE];
    if (id_is_zero(id)) return;
    farm_id_to_text(id, text);
    put_text(self, prefix);
    put_text(self, text);
}

static void put_date(ledger_text *self, int64_t seconds) {
    const civil_date date = civil_from_days((int32_t)civil_divide_down(seconds, CIVIL_DAY_S));
    put_number(self, date.year, 4);
    put_text(self, "-");
    put_number(self, date.month, 2);
    put_text(self, "-");
    put_number(self, date.day, 2);
}

/* RFC 3339. fraction: of a second, with so many digits. */
static void put_time(ledger_text *self, int64_t seconds, int64_t fraction, int32_t digits) {
    const int64_t second = seconds - civil_divide_down(seconds, CIVIL_DAY_S) * CIVIL_DAY_S;
    put_date(self, seconds);
    put_text(self, "T");
    put_number(self, second / 3600, 2);
    put_text(self, ":");
    put_number(self, second / 60 % 60, 2);
    put_text(self, ":");
    put_number(self, second % 60, 2);
    put_text(self, ".");
    put_number(self, fraction, digits);
    put_text(self, "Z");
}

/* --- the table --- */

/* A spreadsheet takes what begins so for a formula (OWASP ASVS 1.2.10). */
static int32_t is_formula(const char *text) {
    return *text != '\0' && strchr("=+-@\t\r\n", *text) != NULL;
}

static void put_cell(ledger_text *self, const char *text) {
    const int32_t is_guarded = self->format == FARM_LEDGER_FORMAT_CSV && is_formula(text);
    const int32_t is_quoted = strpbrk(text, "\",\r\n") != NULL;
    if (is_quoted) put_text(self, "\"");
    if (is_guarded) put_text(self, "'");
    for (; *text != '\0'; text++) {
        if (*text == '"') put_text(self, "\"");
        put(self, text, 1);
    }
    if (is_quoted) put_text(self, "\"");
}

const char *const ledger_kind_names[LEDGER_KIND_COUNT] = {
    [FARM_LEDGER_KIND_SINGLE] = "single",   [FARM_LEDGER_KIND_PENDING] = "pending",
    [FARM_LEDGER_KIND_POSTED] = "posted",   [FARM_LEDGER_KIND_VOIDED] = "voided",
    [FARM_LEDGER_KIND_EXPIRED] = "expired", [FARM_LEDGER_KIND_REVERSAL] = "reversal"};

static int32_t moves_money(const farm_ledger_event *event) {
    return event->kind == FARM_LEDGER_KIND_SINGLE || event->kind == FARM_LEDGER_KIND_POSTED ||
           event->kind == FARM_LEDGER_KIND_REVERSAL;
}

void ledger_text_balances(const farm_ledger_balances *balances, int64_t out[2]) {
    out[0] = balances->credits_posted_minor - balances->debits_posted_minor;
    out[1] = balances->credits_pending_minor - balances->debits_pending_minor;
}

static void put_balance(ledger_text *self, const farm_ledger_balances *balances) {
    int64_t amounts[2];
    ledger_text_balances(balances, amounts);
    for (size_t i = 0; i < 2; i++) {
        put_text(self, ",");
        put_amount(self, amounts[i]);
    }
}

static void put_balances(ledger_text *self, const farm_ledger_event *event) {
    if (id_is_zero(&self->account_id)) {
        put_balance(self, &event->debit);
        put_balance(self, &event->credit);
        return;
    }
    const int32_t is_debit = id_equals(&event->debit_account_id, &self->account_id);
    const int64_t moved = moves_money(event) ? event->amount_minor : 0;
    put_text(self, ",");
    put_amount(self, is_debit ? -moved : moved);
    put_balance(self, is_debit ? &event->debit : &event->credit);
}

static void put_row(ledger_text *self, const farm_ledger_event *event) {
    const int64_t us = event->effective_us;
    put_time(self, event->timestamp_ns / 1000000000, event->timestamp_ns % 1000000000, 9);
    put_text(self, ",");
    put_time(self, us / 1000000, us % 1000000, 6);
    put_text(self, ",");
    put_text(self, ledger_kind_names[event->kind]);
    put_text(self, ",");
    put_id(self, "tr_", &event->id);
    put_text(self, ",");
    put_id(self, "tr_", &event->pending_id);
    put_text(self, ",");
    put_id(self, "tr_", &event->reversed_id);
    put_text(self, ",");
    put_id(self, "ac_", &event->debit_account_id);
    put_text(self, ",");
    put_id(self, "ac_", &event->credit_account_id);
    put_text(self, ",");
    put_amount(self, event->amount_minor);
    put_text(self, ",");
    put_cell(self, self->asset);
    const int64_t numbers[] = {event->code, event->flags, event->timeout_us, event->user_data_64,
                               event->user_data_32};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        put_text(self, ",");
        put_number(self, numbers[i], 1);
    }
    put_text(self, ",");
    put_id(self, "ud_", &event->user_data_128);
    put_balances(self, event);
    put_text(self, "\r\n");
}

static void put_names(ledger_text *self) {
    put_text(self, id_is_zero(&self->account_id) ? LEDGER_TABLE_OF_BOOK : LEDGER_TABLE_OF_ACCOUNT);
    put_text(self, "\r\n");
}

/* --- the journal for hledger --- */

static void put_quantity(ledger_text *self, int64_t amount) {
    put_amount(self, amount);
    put_text(self, " \"");
    put_text(self, self->asset);
    put_text(self, "\"");
}

static void put_posting(ledger_text *self, const farm_id *account, int64_t amount,
                        const farm_ledger_balances *after) {
    put_id(self, "    ac_", account);
    put_text(self, "  ");
    put_quantity(self, amount);
    put_text(self, " = ");
    put_quantity(self, after->debits_posted_minor - after->credits_posted_minor);
    put_text(self, "\n");
}

static void put_transaction(ledger_text *self, const farm_ledger_event *event) {
    if (!moves_money(event)) return;
    put_date(self, event->timestamp_ns / 1000000000);
    put_text(self, "=");
    put_date(self, event->effective_us / 1000000);
    put_id(self, " tr_", &event->id);
    put_text(self, "  ; code:");
    put_number(self, event->code, 1);
    put_text(self, "\n");
    put_posting(self, &event->debit_account_id, event->amount_minor, &event->debit);
    put_posting(self, &event->credit_account_id, -event->amount_minor, &event->credit);
    put_text(self, "\n");
}

static void put_head(ledger_text *self) {
    put_text(self, "; book ");
    put_number(self, self->book, 1);
    put_text(self, ", in ");
    put_text(self, self->asset);
    put_text(self, "; debits are positive\n\n");
}

/* --- the journal for Beancount --- */

/* It asserts what an account has at the beginning of a day: so all are asserted behind everything,
 * on the last day that it knows. Without "~ 0" it would overlook the last decimal place. */
static const char last_day[] = "9999-12-31";

/* With decimal places and a unit, after two spaces. */
static void put_units(ledger_text *self, int64_t amount, const char *tolerance) {
    put_text(self, "  ");
    put_amount(self, amount);
    put_text(self, tolerance);
    put_text(self, " ");
    put_text(self, self->asset);
    put_text(self, "\n");
}

/* Each part of an account's name begins with a capital letter or a digit. */
static void put_leg(ledger_text *self, const farm_id *account, int64_t amount) {
    put_id(self, "  Assets:Ac-", account);
    put_units(self, amount, "");
}

/* Links join it with the hold that it posts, or with what it reverses. */
static void put_entry(ledger_text *self, const farm_ledger_event *event) {
    if (!moves_money(event)) return;
    const int64_t ns = event->timestamp_ns;
    const int64_t us = event->effective_us;
    put_date(self, ns / 1000000000);
    put_text(self, " * \"");
    put_text(self, ledger_kind_names[event->kind]);
    put_text(self, "\"");
    put_id(self, " ^tr_", &event->id);
    put_id(self, " ^tr_", &event->pending_id);
    put_id(self, " ^tr_", &event->reversed_id);
    put_text(self, "\n  timestamp: \"");
    put_time(self, ns / 1000000000, ns % 1000000000, 9);
    put_text(self, "\"\n  effective: \"");
    put_time(self, us / 1000000, us % 1000000, 6);
    put_text(self, "\"\n  code: ");
    put_number(self, event->code, 1);
    put_text(self, "\n");
    put_leg(self, &event->debit_account_id, event->amount_minor);
    put_leg(self, &event->credit_account_id, -event->amount_minor);
    put_text(self, "\n");
}

static void put_options(ledger_text *self) {
    put_head(self);
    put_text(self, "option \"title\" \"book ");
    put_number(self, self->book, 1);
    put_text(self, "\"\noption \"operating_currency\" \"");
    put_text(self, self->asset);
    put_text(self, "\"\nplugin \"beancount.plugins.auto_accounts\"\n\n");
}

static int32_t is_capital(char letter) {
    return letter >= 'A' && letter <= 'Z';
}

static int32_t is_commodity(const char *asset) {
    static const char *const words[] = {"NULL", "TRUE", "FALSE"};
    const size_t size = strlen(asset);
    const char last = size == 0 ? '\0' : asset[size - 1];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(asset, words[i]) == 0) return 0;
    return size >= 2 && is_capital(asset[0]) &&
           (is_capital(last) || (last >= '0' && last <= '9')) &&
           strspn(asset, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'._-") == size;
}

/* --- all --- */

int32_t ledger_text_is_journal(int32_t format) {
    return format == FARM_LEDGER_FORMAT_HLEDGER || format == FARM_LEDGER_FORMAT_BEANCOUNT;
}

/* A quotation mark cannot be written within the quotation marks that hledger has. */
int32_t ledger_text_is_nameable(int32_t format, const char *asset) {
    if (format == FARM_LEDGER_FORMAT_BEANCOUNT) return is_commodity(asset);
    return format != FARM_LEDGER_FORMAT_HLEDGER || strchr(asset, '"') == NULL;
}

static int32_t keep_whole(ledger_text *self, size_t before) {
    if (self->size <= self->capacity) return 1;
    self->size = before;
    return 0;
}

int32_t ledger_text_begin(ledger_text *self) {
    const size_t before = self->size;
    if (self->format == FARM_LEDGER_FORMAT_BEANCOUNT)
        put_options(self);
    else if (self->format == FARM_LEDGER_FORMAT_HLEDGER)
        put_head(self);
    else
        put_names(self);
    return keep_whole(self, before);
}

int32_t ledger_text_add(ledger_text *self, const farm_ledger_event *event) {
    const size_t before = self->size;
    if (self->format == FARM_LEDGER_FORMAT_BEANCOUNT)
        put_entry(self, event);
    else if (self->format == FARM_LEDGER_FORMAT_HLEDGER)
        put_transaction(self, event);
    else
        put_row(self, event);
    return keep_whole(self, before);
}

int32_t ledger_text_add_account(ledger_text *self, const farm_ledger_account *account) {
    const size_t before = self->size;
    const farm_ledger_balances *balances = &account->balances;
    put_text(self, last_day);
    put_id(self, " balance Assets:Ac-", &account->id);
    put_units(self, balances->debits_posted_minor - balances->credits_posted_minor, " ~ 0");
    return keep_whole(self, before);
}
