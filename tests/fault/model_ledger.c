/* The fault lab: the ledger, see model_ledger.h. Here the library is asked. */
#include "fault/model_ledger.h"
#include <string.h>

/* 2200, the last time there is; every hold of a model has run out. */
#define FAR_US INT64_C(7258118400000000)

static farm_id data_id(int8_t data) {
    farm_id id = {{0}};
    id.bytes[3] = (uint8_t)data;
    return id;
}

/* --- entering a place --- */

static farm_ledger_account account_of(const lab_place *place, int32_t account) {
    const ledger_figures *figures = &ledger_figures_of[account];
    return (farm_ledger_account){.struct_size = sizeof(farm_ledger_account),
                                 .id = ledger_name(place, account),
                                 .code = 1,
                                 .flags = figures->flags,
                                 .credit_limit_minor = figures->credit_limit,
                                 .book = ledger_book_number(place, figures->book)};
}

/* What is left of other places must not be among what runs out here. */
static farm_status end_all(farm_session *session, const lab_place *place) {
    size_t count = 1;
    farm_status status = farm_session_set_clock_us(session, FAR_US);
    while (status == FARM_OK && count > 0)
        status = farm_ledger_expire(session, FARM_LEDGER_BATCH_MAX, &count);
    const farm_status restored = farm_session_set_clock_us(session, place->now_us);
    return status == FARM_OK ? restored : status;
}

static farm_status enter(farm_session *session, const lab_place *place) {
    farm_ledger_book books[2];
    farm_ledger_account accounts[LEDGER_ACCOUNTS - 1];
    farm_ledger_account_result results[LEDGER_ACCOUNTS - 1];
    for (int32_t i = 0; i < 2; i++)
        books[i] = (farm_ledger_book){.struct_size = sizeof *books,
                                      .book = ledger_book_number(place, i + 1),
                                      .asset = "EUR",
                                      .scale = 2};
    for (int32_t i = 0; i < LEDGER_ACCOUNTS - 1; i++) {
        accounts[i] = account_of(place, i + 1);
        results[i].struct_size = sizeof *results;
    }
    farm_status status = end_all(session, place);
    if (status == FARM_OK) status = farm_ledger_open_books(session, books, 2);
    if (status == FARM_OK)
        status = farm_ledger_open_accounts(session, accounts, LEDGER_ACCOUNTS - 1, results);
    for (int32_t i = 0; i < LEDGER_ACCOUNTS - 1 && status == FARM_OK; i++)
        if (results[i].status != FARM_LEDGER_ACCOUNT_CREATED) status = FARM_EINTERNAL;
    return status;
}

/* --- posting --- */

static farm_ledger_transfer transfer_of(const lab_place *place, const ledger_item *item,
                                        const int64_t *versions) {
    static const int64_t later_us = 1000;
    const int64_t stamps[] = {0, 1, (place->now_us + 100 * 1000000 + later_us) * 1000, -1};
    const int is_relative = (item->conditions & LEDGER_RELATIVE) != 0;
    const int has_debit = item->debit >= 1 && item->debit <= LEDGER_ACCOUNTS;
    const int has_credit = item->credit >= 1 && item->credit <= LEDGER_ACCOUNTS;
    return (farm_ledger_transfer){
        .struct_size = sizeof(farm_ledger_transfer),
        .flags = item->flags,
        .id = ledger_name(place, item->id),
        .debit_account_id = ledger_name(place, item->debit),
        .credit_account_id = ledger_name(place, item->credit),
        .pending_id = ledger_name(place, item->hold),
        .reversed_id = ledger_name(place, item->reversed),
        .user_data_128 = data_id(item->data[0]),
        .user_data_64 = item->data[1],
        .user_data_32 = item->data[2],
        .code = item->code,
        .book = ledger_book_number(place, item->book),
        .amount_minor = item->amount,
        .timeout_us = item->timeout_us,
        .timestamp_ns = stamps[item->stamp],
        .effective_us = item->effective_us,
        .conditions = (uint32_t)(item->conditions & ~LEDGER_RELATIVE),
        .debit_version = item->operand + (is_relative && has_debit ? versions[item->debit - 1] : 0),
        .credit_version =
            item->operand + (is_relative && has_credit ? versions[item->credit - 1] : 0),
        .debit_balance_minor = item->operand};
}

static void answer_post(const lab_operation *operation, const farm_ledger_transfer_result *results,
                        lab_result *out) {
    for (int64_t i = 0; i < operation->values[LEDGER_COUNT]; i++) {
        int64_t *values = out->values + i * LEDGER_RESULT_SIZE;
        const int has_happened = results[i].status == FARM_LEDGER_TRANSFER_CREATED ||
                                 results[i].status == FARM_LEDGER_TRANSFER_EXISTS;
        values[0] = results[i].status;
        values[1] = results[i].amount_minor;
        ledger_keep_balances(&results[i].debit, values + 2);
        ledger_keep_balances(&results[i].credit, values + 6);
        out->facts[LEDGER_TIMESTAMPS + i] = results[i].timestamp_ns;
        if (results[i].status == FARM_LEDGER_TRANSFER_PENDING_TRANSFER_EXPIRED)
            out->facts[LEDGER_TOLD_EXPIRED] |= INT64_C(1) << i;
        if (results[i].status == FARM_LEDGER_TRANSFER_PENDING_TRANSFER_NOT_FOUND ||
            results[i].status == FARM_LEDGER_TRANSFER_REVERSED_TRANSFER_NOT_FOUND)
            out->facts[LEDGER_TOLD_MISSING] |= INT64_C(1) << i;
        if (has_happened == (results[i].timestamp_ns == 0)) out->values[LEDGER_OMEN] = 1 + i;
    }
}

static void post(farm_session *session, const lab_place *place, const lab_operation *operation,
                 lab_result *out) {
    farm_ledger_transfer items[LEDGER_ITEM_MAX];
    farm_ledger_transfer_result results[LEDGER_ITEM_MAX];
    const size_t count = (size_t)operation->values[LEDGER_COUNT];
    for (size_t i = 0; i < count; i++) {
        const ledger_item item = ledger_item_at(operation, (int64_t)i);
        items[i] = transfer_of(place, &item, out->facts + LEDGER_VERSIONS);
        results[i].struct_size = sizeof *results;
    }
    out->status = farm_ledger_post(session, items, count, results);
    if (out->status == FARM_OK) answer_post(operation, results, out);
}

/* --- what has to be known before --- */

static int is_relative(const lab_operation *operation) {
    for (int64_t i = 0; i < operation->values[LEDGER_COUNT]; i++)
        if (ledger_item_at(operation, i).conditions & LEDGER_RELATIVE) return 1;
    return 0;
}

static farm_status read_versions(farm_session *session, const lab_place *place, lab_result *out) {
    farm_ledger_account found[LEDGER_ACCOUNTS];
    const farm_status status = ledger_find_accounts(session, place, found);
    for (int32_t i = 0; i < LEDGER_ACCOUNTS && status == FARM_OK; i++)
        out->facts[LEDGER_VERSIONS + i] = found[i].version;
    return status;
}

/* The same as ledger_time_of(). */
static farm_status read_edge(farm_session *session, const lab_place *place,
                             const lab_operation *operation, lab_result *out) {
    farm_ledger_event hold = {.struct_size = sizeof hold};
    const farm_id id = ledger_name(place, operation->values[LEDGER_EDGE]);
    const farm_status status = farm_ledger_find_transfers(session, &id, 1, &hold);
    const int is_open = hold.kind == FARM_LEDGER_KIND_PENDING && hold.resolution == 0;
    if (status != FARM_OK || !is_open || hold.timeout_us == 0) return status;
    const int64_t edge_us =
        (hold.timestamp_ns + hold.timeout_us * 1000) / 1000 + operation->values[LEDGER_LATE_US];
    if (edge_us > place->now_us && edge_us - place->now_us < 60000000)
        out->facts[LEDGER_NOW_US] = edge_us;
    return FARM_OK;
}

static void perform_at_time(farm_session *session, const lab_place *place,
                            const lab_operation *operation, lab_result *out) {
    farm_status status = FARM_OK;
    size_t count = 0;
    out->facts[LEDGER_NOW_US] = place->now_us;
    if (is_relative(operation)) status = read_versions(session, place, out);
    if (status == FARM_OK && operation->values[LEDGER_EDGE] != 0)
        status = read_edge(session, place, operation, out);
    if (status == FARM_OK) status = farm_session_set_clock_us(session, out->facts[LEDGER_NOW_US]);
    out->status = status;
    if (status == FARM_OK && operation->kind == LEDGER_POST) post(session, place, operation, out);
    if (status == FARM_OK && operation->kind == LEDGER_EXPIRE) {
        out->status = farm_ledger_expire(session, operation->values[LEDGER_BUDGET], &count);
        out->values[0] = (int64_t)count;
    }
    out->has_facts = out->status == FARM_OK;
    farm_session_set_clock_us(session, place->now_us);
}

static void open_last(farm_session *session, const lab_place *place, lab_result *out) {
    const farm_ledger_account account = account_of(place, LEDGER_ACCOUNTS);
    farm_ledger_account_result result = {.struct_size = sizeof result};
    out->status = farm_ledger_open_accounts(session, &account, 1, &result);
    if (out->status == FARM_OK) out->values[0] = result.status;
}

static void close_book(farm_session *session, const lab_place *place,
                       const lab_operation *operation, lab_result *out) {
    const int64_t book = operation->values[LEDGER_BOOK];
    out->status = farm_ledger_close_book(session, ledger_book_number(place, (int32_t)book),
                                         operation->values[LEDGER_THROUGH]);
}

static void seal(farm_session *session, const lab_place *place, const lab_operation *operation,
                 lab_result *out) {
    const int64_t book = operation->values[LEDGER_BOOK];
    farm_ledger_seal made = {.struct_size = sizeof made};
    out->status = farm_ledger_seal_events(session, ledger_book_number(place, (int32_t)book),
                                          operation->values[LEDGER_BUDGET], &made);
    if (out->status == FARM_OK) out->values[0] = made.event_count;
}

/* Too old for the model to remember. */
static int is_stale(const lab_operation *operation) {
    const int64_t least = ledger_id(operation->number, 0) - ((int64_t)LEDGER_STALE << 8);
    for (int64_t i = 0; i < operation->values[LEDGER_COUNT]; i++) {
        const ledger_item item = ledger_item_at(operation, i);
        if ((item.id > 0 && item.id < least) || (item.hold > 0 && item.hold < least)) return 1;
    }
    return operation->values[LEDGER_EDGE] != 0 && operation->values[LEDGER_EDGE] < least;
}

static void perform(farm_session *session, void *hand, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    farm_ledger_account found[LEDGER_ACCOUNTS];
    (void)hand;
    out->is_skipped = operation->kind != 0 && is_stale(operation);
    if (out->is_skipped) return;
    switch (operation->kind) {
    case LEDGER_POST:
    case LEDGER_EXPIRE:
        perform_at_time(session, place, operation, out);
        break;
    case LEDGER_OPEN:
        open_last(session, place, out);
        break;
    case LEDGER_CLOSE:
        close_book(session, place, operation, out);
        break;
    case LEDGER_SEAL:
        seal(session, place, operation, out);
        break;
    case LEDGER_FIND:
        ledger_find_some(session, place, operation, out);
        break;
    case LEDGER_FIND_ACCOUNTS:
        out->status = ledger_find_accounts(session, place, found);
        if (out->status == FARM_OK) ledger_answer_accounts(found, out->values);
        break;
    default:
        ledger_look(session, place, out);
        break;
    }
}

/* --- the model --- */

static void apply_open(ledger_state *state, lab_result *out) {
    ledger_account *last = &state->accounts[LEDGER_ACCOUNTS];
    out->values[0] = last->is_open ? FARM_LEDGER_ACCOUNT_EXISTS : FARM_LEDGER_ACCOUNT_CREATED;
    last->is_open = 1;
}

static void apply_close(ledger_state *state, int64_t now_us, const lab_operation *operation,
                        lab_result *out) {
    const int64_t book = operation->values[LEDGER_BOOK];
    const int64_t through_us = operation->values[LEDGER_THROUGH];
    if (book <= 0 || through_us <= 0 || through_us > now_us)
        out->status = FARM_EINVAL;
    else if (book == LEDGER_BOOK_UNKNOWN)
        out->status = FARM_ENOTFOUND;
    else if (state->closed_through_us[book] < through_us)
        state->closed_through_us[book] = through_us;
}

static void apply_seal(ledger_state *state, const lab_operation *operation, lab_result *out) {
    const int64_t book = operation->values[LEDGER_BOOK];
    const int64_t budget = operation->values[LEDGER_BUDGET];
    if (book <= 0)
        out->status = FARM_EINVAL;
    else if (book == LEDGER_BOOK_UNKNOWN)
        out->status = FARM_ENOTFOUND;
    if (out->status != FARM_OK) return;
    out->values[0] = budget < state->waiting[book] ? budget : state->waiting[book];
    state->waiting[book] -= out->values[0];
}

static void apply(void *data, int64_t now_us, const lab_operation *operation, lab_result *out) {
    ledger_state *state = data;
    int64_t last_ns = 0;
    const int64_t then_us = out->has_facts && operation->kind != 0
                                ? out->facts[LEDGER_NOW_US]
                                : ledger_time_of(state, now_us, operation);
    switch (operation->kind) {
    case LEDGER_POST:
        ledger_post(state, then_us, operation, out);
        break;
    case LEDGER_EXPIRE:
        out->values[0] =
            ledger_run_out(state, then_us, UINT32_MAX, operation->values[LEDGER_BUDGET], &last_ns);
        break;
    case LEDGER_OPEN:
        apply_open(state, out);
        break;
    case LEDGER_CLOSE:
        apply_close(state, now_us, operation, out);
        break;
    case LEDGER_SEAL:
        apply_seal(state, operation, out);
        break;
    case LEDGER_FIND:
        ledger_model_find(state, operation, out);
        break;
    case LEDGER_FIND_ACCOUNTS:
        ledger_model_accounts(state, out->values);
        break;
    default:
        ledger_model_look(state, out);
        break;
    }
}

static int is_repeated(const lab_operation *operation) {
    return operation->kind == LEDGER_POST || operation->kind == LEDGER_EXPIRE ||
           operation->kind == LEDGER_OPEN || operation->kind == LEDGER_CLOSE ||
           operation->kind == LEDGER_SEAL;
}

/* Transfers. */
static int64_t count(const lab_operation *operation) {
    return operation->kind == LEDGER_POST ? operation->values[LEDGER_COUNT] : 0;
}

const lab_module lab_ledger = {.name = "ledger",
                               .state_size = sizeof(ledger_state),
                               .enter = enter,
                               .draw = ledger_draw,
                               .perform = perform,
                               .apply = apply,
                               .is_repeated = is_repeated,
                               .count = count,
                               .describe = ledger_describe};
