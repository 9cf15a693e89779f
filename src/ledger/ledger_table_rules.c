/* The lines of a table, as ledger_text_rules.c writes them, and as a spreadsheet may save them. */
#include "ledger/ledger_table_rules.h"
#include "base/civil.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/integer.h"
#include "ledger/ledger_rules.h"
#include "ledger/ledger_text_rules.h"
#include <farmcore/money.h>
#include <limits.h>
#include <string.h>

enum { COLUMNS = 16 + LEDGER_TABLE_BALANCES };

/* --- what cells say --- */

/* So many digits; 0: there are fewer. */
static int32_t read_digits(const char **at, size_t count, int64_t *out) {
    *out = 0;
    for (size_t i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9') return 0;
        *out = *out * 10 + (**at - '0');
    }
    return 1;
}

static int32_t skip(const char **at, char expected) {
    if (**at != expected) return 0;
    (*at)++;
    return 1;
}

static int32_t read_date(const char **at, int64_t *out_days) {
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    if (!read_digits(at, 4, &year) || !skip(at, '-') || !read_digits(at, 2, &month) ||
        !skip(at, '-') || !read_digits(at, 2, &day))
        return 0;
    *out_days = civil_to_days((int32_t)year, (int32_t)month, (int32_t)day);
    const civil_date date = civil_from_days((int32_t)*out_days);
    return month >= 1 && date.year == year && date.month == month && date.day == day;
}

/* RFC 3339 in UTC, with `digits` of a second. */
static int32_t read_time(const char *text, size_t digits, int64_t *out) {
    int64_t days = 0;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t fraction = 0;
    int64_t scale = 1;
    if (!read_date(&text, &days) || !skip(&text, 'T') || !read_digits(&text, 2, &hour) ||
        !skip(&text, ':') || !read_digits(&text, 2, &minute) || !skip(&text, ':') ||
        !read_digits(&text, 2, &second) || !skip(&text, '.') ||
        !read_digits(&text, digits, &fraction) || !skip(&text, 'Z') || *text != '\0')
        return 0;
    const int64_t seconds = days * CIVIL_DAY_S + hour * 3600 + minute * 60 + second;
    if (hour > 23 || minute > 59 || second > 59 || seconds < 0 ||
        seconds > LEDGER_TIME_MAX_US / 1000000)
        return 0;
    for (size_t i = 0; i < digits; i++) scale *= 10;
    *out = seconds * scale + fraction;
    return 1;
}

static int32_t read_integer(const char *text, int64_t least, int64_t most, int64_t *out) {
    const int32_t has_minus = *text == '-';
    const char *digits = text + has_minus;
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits)) return 0;
    *out = 0;
    for (; *digits != '\0'; digits++) {
        const int64_t digit = has_minus ? '0' - *digits : *digits - '0';
        if (!integer_multiply(*out, 10, out) || !integer_add(*out, digit, out)) return 0;
    }
    return *out >= least && *out <= most;
}

static int32_t read_id(const char *text, const char *prefix, farm_id *out) {
    if (*text == '\0') return 1;
    return strncmp(text, prefix, strlen(prefix)) == 0 &&
           farm_id_from_text(text + strlen(prefix), out) == FARM_OK;
}

static int32_t read_kind(const char *text, int64_t *out) {
    for (*out = 0; *out < LEDGER_KIND_COUNT; ++*out)
        if (strcmp(ledger_kind_names[*out], text) == 0) return 1;
    return 0;
}

/* A spreadsheet is kept from taking it for a formula by a ' in front. */
static int32_t is_asset(const char *text, const char *asset) {
    return strcmp(text, asset) == 0 || (*text == '\'' && strcmp(text + 1, asset) == 0);
}

/* --- the columns --- */

typedef enum cell_type {
    CELL_NANOSECONDS,
    CELL_MICROSECONDS,
    CELL_KIND,
    CELL_TRANSFER,
    CELL_ACCOUNT,
    CELL_USER_DATA,
    CELL_AMOUNT,
    CELL_ASSET,
    CELL_INTEGER,
    CELL_INTEGER_32
} cell_type;

typedef struct column {
    const char *name;
    cell_type type;
    size_t offset; /* of an int64_t, but for ids and CELL_INTEGER_32 */
} column;

#define OF_ROW(field) offsetof(ledger_table_row, field)

static const column columns[COLUMNS] = {
    {"timestamp", CELL_NANOSECONDS, OF_ROW(transfer.timestamp_ns)},
    {"effective", CELL_MICROSECONDS, OF_ROW(transfer.effective_us)},
    {"kind", CELL_KIND, OF_ROW(kind)},
    {"id", CELL_TRANSFER, OF_ROW(transfer.id)},
    {"pending_id", CELL_TRANSFER, OF_ROW(transfer.pending_id)},
    {"reversed_id", CELL_TRANSFER, OF_ROW(transfer.reversed_id)},
    {"debit_account", CELL_ACCOUNT, OF_ROW(transfer.debit_account_id)},
    {"credit_account", CELL_ACCOUNT, OF_ROW(transfer.credit_account_id)},
    {"amount", CELL_AMOUNT, OF_ROW(transfer.amount_minor)},
    {"asset", CELL_ASSET, 0},
    {"code", CELL_INTEGER_32, OF_ROW(transfer.code)},
    {"flags", CELL_INTEGER_32, OF_ROW(transfer.flags)},
    {"timeout_us", CELL_INTEGER, OF_ROW(transfer.timeout_us)},
    {"user_data_64", CELL_INTEGER, OF_ROW(transfer.user_data_64)},
    {"user_data_32", CELL_INTEGER_32, OF_ROW(transfer.user_data_32)},
    {"user_data_128", CELL_USER_DATA, OF_ROW(transfer.user_data_128)},
    {"debit_balance", CELL_AMOUNT, OF_ROW(balances[0])},
    {"debit_pending", CELL_AMOUNT, OF_ROW(balances[1])},
    {"credit_balance", CELL_AMOUNT, OF_ROW(balances[2])},
    {"credit_pending", CELL_AMOUNT, OF_ROW(balances[3])}};

const char *ledger_table_balance_name(size_t index) {
    return columns[COLUMNS - LEDGER_TABLE_BALANCES + index].name;
}

static int32_t read_small(const char *text, void *out) {
    int64_t number = 0;
    if (!read_integer(text, INT32_MIN, INT32_MAX, &number)) return 0;
    const int32_t small = (int32_t)number;
    memcpy(out, &small, sizeof small);
    return 1;
}

static int32_t read_cell(const ledger_table *self, const column *of, const char *text, void *out) {
    switch (of->type) {
    case CELL_NANOSECONDS:
        return read_time(text, 9, out);
    case CELL_MICROSECONDS:
        return read_time(text, 6, out);
    case CELL_KIND:
        return read_kind(text, out);
    case CELL_TRANSFER:
        return read_id(text, "tr_", out);
    case CELL_ACCOUNT:
        return read_id(text, "ac_", out);
    case CELL_USER_DATA:
        return read_id(text, "ud_", out);
    case CELL_AMOUNT:
        return farm_money_from_text(text, self->scale, NULL, out) == FARM_OK;
    case CELL_ASSET:
        return is_asset(text, self->asset);
    case CELL_INTEGER:
        return read_integer(text, INT64_MIN, INT64_MAX, out);
    case CELL_INTEGER_32:
        return read_small(text, out);
    }
    return 0;
}

static const char *const complaints[] = {
    [CELL_NANOSECONDS] = "is no time such as 2026-01-31T12:00:00.123456789Z",
    [CELL_MICROSECONDS] = "is no time such as 2026-01-31T12:00:00.123456Z",
    [CELL_KIND] = "is not single, pending, posted, voided, expired or reversal",
    [CELL_TRANSFER] = "is no id that begins with tr_",
    [CELL_ACCOUNT] = "is no id that begins with ac_",
    [CELL_USER_DATA] = "is no id that begins with ud_",
    [CELL_AMOUNT] = "is no amount of the book's decimal places",
    [CELL_ASSET] = "is not the book's",
    [CELL_INTEGER] = "is no whole number of 64 bits",
    [CELL_INTEGER_32] = "is no whole number of 32 bits"};

/* --- lines --- */

static int32_t complain(ledger_table *self, const char *column_name, const char *complaint) {
    self->column = column_name;
    self->complaint = complaint;
    return 0;
}

size_t ledger_table_line(const char *data, size_t size) {
    const char *end = size == 0 ? NULL : memchr(data, '\n', size);
    return end == NULL ? 0 : (size_t)(end - data) + 1;
}

/* Without its end. */
static size_t trim(const char *line, size_t size) {
    if (size > 0 && line[size - 1] == '\n') size--;
    if (size > 0 && line[size - 1] == '\r') size--;
    return size;
}

int32_t ledger_table_read_head(ledger_table *self, const char *line, size_t size) {
    static const char mark[] = "\xef\xbb\xbf";
    size = trim(line, size); /* which of one that does not end is 0 */
    if (size >= 3 && memcmp(line, mark, 3) == 0) {
        line += 3;
        size -= 3;
    }
    if (size == sizeof LEDGER_TABLE_OF_BOOK - 1 && memcmp(line, LEDGER_TABLE_OF_BOOK, size) == 0)
        return 1;
    return complain(self, NULL, "these are not the columns of a book's table");
}

/* The cells of a line, which is taken apart in place: RFC 4180. How many there are; more than there
 * is room for: COLUMNS + 1. 0: a quotation mark is where none can be. */
static size_t split(char *line, const char *cells[COLUMNS]) {
    size_t count = 0;
    for (char *from = line, *to = line;; from++) {
        if (count == COLUMNS) return COLUMNS + 1;
        cells[count++] = to;
        if (*from == '"') {
            for (from++; *from != '"' || from[1] == '"'; *to++ = *from++) {
                if (*from == '\0') return 0;
                if (*from == '"') from++;
            }
            from++;
        } else {
            while (*from != ',' && *from != '\0' && *from != '"') *to++ = *from++;
        }
        const char end = *from;
        *to++ = '\0';
        if (end == '\0') return count;
        if (end != ',') return 0;
    }
}

/* The id by which an expired hold is voided: always the same. */
static void make_void_id(const farm_id *hold, farm_id *out) {
    for (size_t half = 0; half < 2; half++) {
        const uint64_t number = hash_64(hold, sizeof *hold, half);
        for (size_t i = 0; i < 8; i++) out->bytes[half * 8 + i] = (uint8_t)(number >> (56 - 8 * i));
    }
}

/* What is posted to do it again. */
static void finish(ledger_table_row *row, int64_t book) {
    static const uint32_t flags[] = {0,
                                     FARM_LEDGER_PENDING,
                                     FARM_LEDGER_POST_PENDING_TRANSFER,
                                     FARM_LEDGER_VOID_PENDING_TRANSFER,
                                     FARM_LEDGER_VOID_PENDING_TRANSFER,
                                     0};
    farm_ledger_transfer *transfer = &row->transfer;
    const uint32_t closing =
        transfer->flags & (FARM_LEDGER_CLOSING_DEBIT | FARM_LEDGER_CLOSING_CREDIT);
    transfer->struct_size = sizeof *transfer;
    transfer->flags = flags[row->kind] | closing | FARM_LEDGER_IMPORTED;
    transfer->timeout_us = 0;
    transfer->book = book;
    if (row->kind == FARM_LEDGER_KIND_EXPIRED) make_void_id(&transfer->pending_id, &transfer->id);
}

int32_t ledger_table_read(ledger_table *self, const char *line, size_t size,
                          ledger_table_row *out) {
    char copy[FARM_LEDGER_LINE_MAX];
    const char *cells[COLUMNS];
    if (size == 0 || size > sizeof copy)
        return complain(self, NULL, "it is longer than 2,048 bytes");
    size = trim(line, size);
    if (memchr(line, '\0', size) != NULL) return complain(self, NULL, "it has a NUL");
    memcpy(copy, line, size);
    copy[size] = '\0';
    const size_t count = split(copy, cells);
    if (count == 0) return complain(self, NULL, "a quotation mark is not closed or not doubled");
    if (count != COLUMNS) return complain(self, NULL, "it has not 20 cells");
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < COLUMNS; i++) {
        void *field = (char *)out + columns[i].offset;
        if (!read_cell(self, &columns[i], cells[i], field))
            return complain(self, columns[i].name, complaints[columns[i].type]);
    }
    if ((out->kind == FARM_LEDGER_KIND_REVERSAL) == id_is_zero(&out->transfer.reversed_id))
        return complain(self, "reversed_id", "is of a reversal, and of nothing else");
    finish(out, self->book);
    return 1;
}

void ledger_table_balances_of(const farm_ledger_transfer_result *result,
                              int64_t out[LEDGER_TABLE_BALANCES]) {
    ledger_text_balances(&result->debit, &out[0]);
    ledger_text_balances(&result->credit, &out[2]);
}
