/* The names of what an item is told, and what they say. */
#include <farmcore/ledger_invoice.h>
#include <farmcore/ledger_program.h>

typedef struct named {
    int32_t number;
    const char *name;
    const char *text;
} named;

#define NAMED(name, number, text) {number, #name, text},
static const named account_statuses[] = {FARM_LEDGER_ACCOUNT_STATUSES(NAMED)};
static const named transfer_statuses[] = {FARM_LEDGER_TRANSFER_STATUSES(NAMED)};
static const named invoice_statuses[] = {FARM_LEDGER_INVOICE_STATUSES(NAMED)};
static const named nomination_statuses[] = {FARM_LEDGER_NOMINATION_STATUSES(NAMED)};
#undef NAMED

static const named *find(const named *all, size_t count, int32_t number) {
    static const named unknown = {-1, "UNKNOWN", "no status of this library"};
    for (size_t i = 0; i < count; i++)
        if (all[i].number == number) return &all[i];
    return &unknown;
}

static const named *find_account_status(int32_t number) {
    return find(account_statuses, sizeof account_statuses / sizeof *account_statuses, number);
}

static const named *find_transfer_status(int32_t number) {
    return find(transfer_statuses, sizeof transfer_statuses / sizeof *transfer_statuses, number);
}

static const named *find_invoice_status(int32_t number) {
    return find(invoice_statuses, sizeof invoice_statuses / sizeof *invoice_statuses, number);
}

static const named *find_nomination_status(int32_t number) {
    return find(nomination_statuses, sizeof nomination_statuses / sizeof *nomination_statuses,
                number);
}

const char *farm_ledger_account_status_name(int32_t code) {
    return find_account_status(code)->name;
}

const char *farm_ledger_account_status_text(int32_t code) {
    return find_account_status(code)->text;
}

const char *farm_ledger_transfer_status_name(int32_t code) {
    return find_transfer_status(code)->name;
}

const char *farm_ledger_transfer_status_text(int32_t code) {
    return find_transfer_status(code)->text;
}

const char *farm_ledger_invoice_status_name(int32_t code) {
    return find_invoice_status(code)->name;
}

const char *farm_ledger_invoice_status_text(int32_t code) {
    return find_invoice_status(code)->text;
}

const char *farm_ledger_nomination_status_name(int32_t code) {
    return find_nomination_status(code)->name;
}

const char *farm_ledger_nomination_status_text(int32_t code) {
    return find_nomination_status(code)->text;
}
