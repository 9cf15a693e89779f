/* Plays scripts of the ledger. */
#include "contract/ledger_script.h"
#include "contract/contract.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 64, WORDS_MAX = 24, LINE_MAX_SIZE = 256 };

typedef struct expected {
    char line[LINE_MAX_SIZE];
    int32_t status;
    int64_t amount_minor; /* -1: whatever it is */
} expected;

typedef struct player {
    farm_session *session;
    int64_t now_us;
    farm_ledger_account accounts[BATCH_MAX];
    farm_ledger_transfer transfers[BATCH_MAX];
    expected expected[BATCH_MAX];
    size_t account_count;
    size_t transfer_count;
} player;

/* --- words --- */

farm_id ledger_script_id(const char *word) {
    farm_id id = {{0}};
    if (strcmp(word, "max") == 0) memset(&id, 0xff, sizeof id);
    if (strcmp(word, "max") == 0 || strcmp(word, "0") == 0) return id;
    const long number = strtol(word + 1, NULL, 10);
    id.bytes[0] = (uint8_t)word[0];
    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

static int64_t number_of(const char *word) {
    if (strcmp(word, "max") == 0) return INT64_MAX;
    if (strcmp(word, "max-1") == 0) return INT64_MAX - 1;
    return strtoll(word, NULL, 10);
}

static int64_t duration_of(const char *word) {
    char *end = NULL;
    if (strcmp(word, "max") == 0) return INT64_MAX;
    const int64_t number = strtoll(word, &end, 10);
    return strcmp(end, "s") == 0 ? number * 1000000 : number;
}

typedef struct flag_word {
    const char *word;
    uint32_t flag;
} flag_word;

static const flag_word account_flags[] = {
    {"linked", FARM_LEDGER_ACCOUNT_LINKED},
    {"debits<=credits", FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS},
    {"credits<=debits", FARM_LEDGER_ACCOUNT_CREDITS_MUST_NOT_EXCEED_DEBITS},
    {"history", FARM_LEDGER_ACCOUNT_HISTORY},
    {"imported", FARM_LEDGER_ACCOUNT_IMPORTED},
    {"closed", FARM_LEDGER_ACCOUNT_CLOSED},
    {"no-such-flag", 1 << 20},
    {NULL, 0}};

static const flag_word transfer_flags[] = {{"linked", FARM_LEDGER_LINKED},
                                           {"pending", FARM_LEDGER_PENDING},
                                           {"post", FARM_LEDGER_POST_PENDING_TRANSFER},
                                           {"void", FARM_LEDGER_VOID_PENDING_TRANSFER},
                                           {"balancing-debit", FARM_LEDGER_BALANCING_DEBIT},
                                           {"balancing-credit", FARM_LEDGER_BALANCING_CREDIT},
                                           {"closing-debit", FARM_LEDGER_CLOSING_DEBIT},
                                           {"closing-credit", FARM_LEDGER_CLOSING_CREDIT},
                                           {"imported", FARM_LEDGER_IMPORTED},
                                           {"no-such-flag", 1 << 20},
                                           {NULL, 0}};

static int set_flag(const flag_word *flags, const char *word, uint32_t *out) {
    for (; flags->word != NULL; flags++) {
        if (strcmp(flags->word, word) != 0) continue;
        *out |= flags->flag;
        return 1;
    }
    return 0;
}

/* The value of "name=value"; NULL: it is another word. */
static const char *value_of(const char *word, const char *name) {
    const size_t size = strlen(name);
    return strncmp(word, name, size) == 0 && word[size] == '=' ? word + size + 1 : NULL;
}

static int set_number(const char *word, const char *name, int64_t *out) {
    const char *value = value_of(word, name);
    if (value != NULL) *out = number_of(value);
    return value != NULL;
}

static int set_small(const char *word, const char *name, int32_t *out) {
    const char *value = value_of(word, name);
    if (value != NULL) *out = (int32_t)number_of(value);
    return value != NULL;
}

static int set_id(const char *word, const char *name, farm_id *out) {
    const char *value = value_of(word, name);
    if (value != NULL) *out = ledger_script_id(value);
    return value != NULL;
}

static int32_t status_of(int is_transfer, const char *word) {
    for (int32_t status = 0; status < 2048; status++) {
        const char *name = is_transfer ? farm_ledger_transfer_status_name(status)
                                       : farm_ledger_account_status_name(status);
        if (strcmp(name, word) == 0) return status;
    }
    cr_assert_fail("no status %s", word);
    return -1;
}

/* --- lines --- */

static void set_account_word(player *self, farm_ledger_account *account, const char *word) {
    const char *value = value_of(word, "ago");
    int64_t ignored = 0;
    if (value != NULL) account->timestamp_ns = (self->now_us - duration_of(value)) * 1000;
    const int is_known = value != NULL || set_flag(account_flags, word, &account->flags) ||
                         set_number(word, "book", &account->book) ||
                         set_small(word, "code", &account->code) ||
                         set_number(word, "limit", &account->credit_limit_minor) ||
                         set_number(word, "version", &account->version) ||
                         set_number(word, "timestamp", &account->timestamp_ns) ||
                         set_id(word, "data128", &account->user_data_128) ||
                         set_number(word, "data64", &account->user_data_64) ||
                         set_small(word, "data32", &account->user_data_32) ||
                         set_number(word, "dp", &account->balances.debits_pending_minor) ||
                         set_number(word, "dd", &account->balances.debits_posted_minor) ||
                         set_number(word, "cp", &account->balances.credits_pending_minor) ||
                         set_number(word, "cc", &account->balances.credits_posted_minor) ||
                         set_number(word, "ignored", &ignored);
    cr_assert(is_known, "no such word of an account: %s", word);
}

static void set_transfer_word(player *self, farm_ledger_transfer *transfer, const char *word) {
    const char *ago = value_of(word, "ago");
    const char *timeout = value_of(word, "timeout");
    int64_t conditions = 0;
    const char *counts = value_of(word, "counts");
    if (counts != NULL) transfer->effective_us = self->now_us - duration_of(counts);
    if (ago != NULL) transfer->timestamp_ns = (self->now_us - duration_of(ago)) * 1000;
    if (timeout != NULL) transfer->timeout_us = duration_of(timeout);
    int is_known = ago != NULL || timeout != NULL || counts != NULL ||
                   set_flag(transfer_flags, word, &transfer->flags) ||
                   set_number(word, "book", &transfer->book) ||
                   set_small(word, "code", &transfer->code) ||
                   set_id(word, "hold", &transfer->pending_id) ||
                   set_id(word, "reverses", &transfer->reversed_id) ||
                   set_number(word, "timestamp", &transfer->timestamp_ns) ||
                   set_number(word, "effective", &transfer->effective_us) ||
                   set_id(word, "data128", &transfer->user_data_128) ||
                   set_number(word, "data64", &transfer->user_data_64) ||
                   set_small(word, "data32", &transfer->user_data_32);
    if (set_number(word, "debit-version", &transfer->debit_version))
        is_known = (transfer->conditions |= FARM_LEDGER_IF_DEBIT_VERSION) != 0;
    if (set_number(word, "credit-version", &transfer->credit_version))
        is_known = (transfer->conditions |= FARM_LEDGER_IF_CREDIT_VERSION) != 0;
    if (set_number(word, "leaves", &transfer->debit_balance_minor))
        is_known = (transfer->conditions |= FARM_LEDGER_IF_DEBIT_BALANCE) != 0;
    if (set_number(word, "conditions", &conditions)) {
        transfer->conditions = (uint32_t)conditions;
        is_known = 1;
    }
    cr_assert(is_known, "no such word of a transfer: %s", word);
}

static void expect(player *self, size_t place, int is_transfer, char **words, size_t count,
                   const char *line) {
    expected *item = &self->expected[place];
    snprintf(item->line, sizeof item->line, "%s", line);
    item->status = count == 0 ? 0 : status_of(is_transfer, words[0]);
    item->amount_minor = count < 2 ? -1 : number_of(words[1]);
}

static size_t find_arrow(char **words, size_t count) {
    size_t place = 0;
    while (place < count && strcmp(words[place], "->") != 0) place++;
    return place;
}

static void add_account(player *self, char **words, size_t count, const char *line) {
    const size_t arrow = find_arrow(words, count);
    farm_ledger_account account = {.struct_size = sizeof account, .code = 1, .book = 1};
    account.id = ledger_script_id(words[1]);
    for (size_t i = 2; i < arrow; i++) set_account_word(self, &account, words[i]);
    self->accounts[self->account_count] = account;
    expect(self, self->account_count++, 0, words + arrow + 1, arrow < count ? count - arrow - 1 : 0,
           line);
}

static void add_transfer(player *self, char **words, size_t count, const char *line) {
    const size_t arrow = find_arrow(words, count);
    farm_ledger_transfer transfer = {.struct_size = sizeof transfer, .code = 1, .book = 1};
    transfer.id = ledger_script_id(words[1]);
    transfer.debit_account_id = ledger_script_id(words[2]);
    transfer.credit_account_id = ledger_script_id(words[3]);
    transfer.amount_minor = number_of(words[4]);
    for (size_t i = 5; i < arrow; i++) set_transfer_word(self, &transfer, words[i]);
    self->transfers[self->transfer_count] = transfer;
    expect(self, self->transfer_count++, 1, words + arrow + 1,
           arrow < count ? count - arrow - 1 : 0, line);
}

/* --- what is done --- */

static void send_accounts(player *self) {
    farm_ledger_account_result results[BATCH_MAX];
    for (size_t i = 0; i < self->account_count; i++) results[i].struct_size = sizeof *results;
    const farm_status status =
        farm_ledger_open_accounts(self->session, self->accounts, self->account_count, results);
    cr_assert_eq(status, FARM_OK, "%s", farm_session_error_text(self->session));
    for (size_t i = 0; i < self->account_count; i++)
        cr_assert_eq(results[i].status, self->expected[i].status, "%s: it answers %s",
                     self->expected[i].line, farm_ledger_account_status_name(results[i].status));
    self->account_count = 0;
}

static void send_transfers(player *self) {
    farm_ledger_transfer_result results[BATCH_MAX];
    for (size_t i = 0; i < self->transfer_count; i++) results[i].struct_size = sizeof *results;
    const farm_status status =
        farm_ledger_post(self->session, self->transfers, self->transfer_count, results);
    cr_assert_eq(status, FARM_OK, "%s", farm_session_error_text(self->session));
    for (size_t i = 0; i < self->transfer_count; i++) {
        const expected *item = &self->expected[i];
        cr_assert_eq(results[i].status, item->status, "%s: it answers %s", item->line,
                     farm_ledger_transfer_status_name(results[i].status));
        if (item->amount_minor >= 0)
            cr_assert_eq(results[i].amount_minor, item->amount_minor, "%s: it moved %" PRId64,
                         item->line, results[i].amount_minor);
    }
    self->transfer_count = 0;
}

static void send_all(player *self) {
    if (self->account_count > 0) send_accounts(self);
    if (self->transfer_count > 0) send_transfers(self);
}

static void open_book(player *self, char **words) {
    const farm_ledger_book book = {.struct_size = sizeof book,
                                   .book = number_of(words[1]),
                                   .asset = words[2],
                                   .scale = (int32_t)number_of(words[3])};
    cr_assert_eq(farm_ledger_open_books(self->session, &book, 1), FARM_OK, "%s",
                 farm_session_error_text(self->session));
}

static void go_on(player *self, char **words) {
    self->now_us += duration_of(words[1]);
    farm_session_set_clock_us(self->session, self->now_us);
}

static void close_book(player *self, char **words) {
    const farm_status status = farm_ledger_close_book(self->session, number_of(words[1]),
                                                      self->now_us - duration_of(words[2]));
    cr_assert_eq(status, FARM_OK, "%s", farm_session_error_text(self->session));
}

static void expire(player *self, char **words) {
    size_t count = 99;
    cr_assert_eq(farm_ledger_expire(self->session, number_of(words[1]), &count), FARM_OK, "%s",
                 farm_session_error_text(self->session));
    cr_assert_eq(count, (size_t)number_of(words[3]), "expire ended %zu", count);
}

static void check_balance(player *self, char **words, const char *line) {
    const farm_id id = ledger_script_id(words[1]);
    farm_ledger_account found = {.struct_size = sizeof found};
    cr_assert_eq(farm_ledger_find_accounts(self->session, &id, 1, &found), FARM_OK);
    const farm_ledger_balances *is = &found.balances;
    const int is_right = is->debits_pending_minor == number_of(words[2]) &&
                         is->debits_posted_minor == number_of(words[3]) &&
                         is->credits_pending_minor == number_of(words[4]) &&
                         is->credits_posted_minor == number_of(words[5]);
    cr_assert(is_right, "%s: it is %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, line,
              is->debits_pending_minor, is->debits_posted_minor, is->credits_pending_minor,
              is->credits_posted_minor);
}

static void play_line(player *self, const char *line) {
    char copy[LINE_MAX_SIZE];
    char *words[WORDS_MAX];
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", line);
    copy[strcspn(copy, "#")] = '\0';
    for (char *word = copy; *word != '\0';) {
        const size_t size = strcspn(word, " ");
        const int is_last = word[size] == '\0';
        word[size] = '\0';
        if (size > 0) words[count++] = word;
        word += is_last ? size : size + 1;
    }
    if (count == 0) return;
    if (strcmp(words[0], "account") == 0) {
        if (self->transfer_count > 0) send_all(self);
        add_account(self, words, count, line);
        return;
    }
    if (strcmp(words[0], "transfer") == 0) {
        if (self->account_count > 0) send_all(self);
        add_transfer(self, words, count, line);
        return;
    }
    send_all(self);
    if (strcmp(words[0], "book") == 0)
        open_book(self, words);
    else if (strcmp(words[0], "after") == 0)
        go_on(self, words);
    else if (strcmp(words[0], "close") == 0)
        close_book(self, words);
    else if (strcmp(words[0], "expire") == 0)
        expire(self, words);
    else if (strcmp(words[0], "balance") == 0)
        check_balance(self, words, line);
    else if (strcmp(words[0], "verify") == 0)
        contract_assert_sound(self->session);
    else
        cr_assert_str_eq(words[0], "send", "no such line: %s", line);
}

void ledger_play(farm_session *session, const char *script) {
    static player self;
    self = (player){.session = session, .now_us = CONTRACT_NOW_US};
    farm_session_set_clock_us(session, CONTRACT_NOW_US);
    while (*script != '\0') {
        char line[LINE_MAX_SIZE];
        const size_t size = strcspn(script, "\n");
        cr_assert_lt(size, sizeof line);
        memcpy(line, script, size);
        line[size] = '\0';
        play_line(&self, line);
        script += size + (script[size] == '\n');
    }
    send_all(&self);
    contract_assert_sound(session);
}
