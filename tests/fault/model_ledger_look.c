/* The fault lab: the ledger: names, and what is looked up, by the library and in the model. */
#include "fault/model_ledger.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- names --- */

/* FNV-1a of the place's name. */
static uint64_t place_number(const lab_place *place) {
    uint64_t number = UINT64_C(0xcbf29ce484222325);
    for (const char *at = place->name; *at != '\0'; at++)
        number = (number ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return number;
}

int64_t ledger_book_number(const lab_place *place, int32_t book) {
    if (book <= 0) return book;
    return (int64_t)(place_number(place) >> 3) * 4 % (INT64_MAX / 4) + book;
}

farm_id ledger_name(const lab_place *place, int64_t number) {
    const uint64_t halves[] = {place_number(place), (uint64_t)number};
    farm_id id;
    for (size_t i = 0; i < 16; i++) id.bytes[i] = (uint8_t)(halves[i / 8] >> (56 - i % 8 * 8));
    if (number == LEDGER_ZEROS) memset(&id, 0, sizeof id);
    if (number == LEDGER_ONES) memset(&id, 0xff, sizeof id);
    return id;
}

/* The number of an id; 0: zeros. */
static int64_t number_of(const farm_id *id) {
    uint64_t number = 0;
    for (size_t i = 8; i < 16; i++) number = number << 8 | id->bytes[i];
    return (int64_t)number;
}

/* --- looking up --- */

void ledger_keep_balances(const farm_ledger_balances *balances, int64_t *values) {
    values[0] = balances->debits_pending_minor;
    values[1] = balances->debits_posted_minor;
    values[2] = balances->credits_pending_minor;
    values[3] = balances->credits_posted_minor;
}

farm_status ledger_find_accounts(farm_session *session, const lab_place *place,
                                 farm_ledger_account *found) {
    farm_id ids[LEDGER_ACCOUNTS];
    for (int32_t i = 0; i < LEDGER_ACCOUNTS; i++) {
        ids[i] = ledger_name(place, i + 1);
        found[i].struct_size = sizeof *found;
    }
    return farm_ledger_find_accounts(session, ids, LEDGER_ACCOUNTS, found);
}

void ledger_answer_accounts(const farm_ledger_account *found, int64_t *values) {
    for (int32_t i = 0; i < LEDGER_ACCOUNTS; i++, values += 6) {
        ledger_keep_balances(&found[i].balances, values);
        values[4] = found[i].version;
        values[5] = (found[i].code != 0) + 2 * ((found[i].flags & FARM_LEDGER_ACCOUNT_CLOSED) != 0);
    }
}

static int64_t mix(int64_t digest, int64_t value) {
    return (int64_t)(((uint64_t)digest ^ (uint64_t)value) * UINT64_C(0x9e3779b97f4a7c15) >> 1);
}

/* All that was asked for of a transfer. */
static int64_t digest_of(const ledger_item *item) {
    const int64_t values[] = {item->id,           item->hold,  item->reversed, item->timeout_us,
                              item->effective_us, item->flags, item->code,     item->debit,
                              item->credit,       item->book,  item->data[0],  item->data[1],
                              item->data[2]};
    int64_t digest = 0;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) digest = mix(digest, values[i]);
    return digest;
}

static int8_t book_of(const lab_place *place, int64_t book) {
    if (book == ledger_book_number(place, 1)) return 1;
    return book == ledger_book_number(place, 2) ? 2 : LEDGER_BOOK_UNKNOWN;
}

static ledger_item item_of(const lab_place *place, const farm_ledger_event *event) {
    const int is_dated = event->effective_us != event->timestamp_ns / 1000;
    return (ledger_item){.id = number_of(&event->id),
                         .hold = number_of(&event->pending_id),
                         .reversed = number_of(&event->reversed_id),
                         .timeout_us = event->timeout_us,
                         .effective_us = is_dated ? event->effective_us : 0,
                         .flags = event->flags,
                         .code = event->code,
                         .debit = (int8_t)number_of(&event->debit_account_id),
                         .credit = (int8_t)number_of(&event->credit_account_id),
                         .book = book_of(place, event->book),
                         .data = {(int8_t)event->user_data_128.bytes[3],
                                  (int8_t)event->user_data_64, (int8_t)event->user_data_32}};
}

/* What was found, or nothing. */
static void answer_transfer(const lab_place *place, const farm_ledger_event *event,
                            int64_t *values) {
    if (event->book == 0) return;
    const ledger_item item = item_of(place, event);
    values[0] = mix(digest_of(&item), event->reversed_minor);
    values[1] = event->kind;
    values[2] = event->resolution;
    values[3] = event->amount_minor;
    ledger_keep_balances(&event->debit, values + 4);
    ledger_keep_balances(&event->credit, values + 8);
}

static void model_transfer(const ledger_record *record, int64_t *values) {
    values[0] = mix(digest_of(&record->item), record->came_back);
    values[1] = record->kind;
    values[2] = record->resolution;
    values[3] = record->item.amount;
    memcpy(values + 4, &record->debit, sizeof record->debit);
    memcpy(values + 8, &record->credit, sizeof record->credit);
}

void ledger_find_some(farm_session *session, const lab_place *place, const lab_operation *operation,
                      lab_result *out) {
    farm_id ids[LEDGER_ITEM_MAX];
    farm_ledger_event found[LEDGER_ITEM_MAX];
    for (int64_t i = 0; i < LEDGER_ITEM_MAX; i++) {
        ids[i] = ledger_name(place, ledger_item_at(operation, i).id);
        found[i].struct_size = sizeof *found;
    }
    out->status = farm_ledger_find_transfers(session, ids, LEDGER_ITEM_MAX, found);
    for (int64_t i = 0; i < LEDGER_ITEM_MAX && out->status == FARM_OK; i++)
        answer_transfer(place, &found[i], out->values + i * LEDGER_FOUND_SIZE);
}

void ledger_model_find(ledger_state *state, const lab_operation *operation, lab_result *out) {
    for (int64_t i = 0; i < LEDGER_ITEM_MAX; i++) {
        const ledger_record *record = ledger_find(state, ledger_item_at(operation, i).id);
        if (record != NULL) model_transfer(record, out->values + i * LEDGER_FOUND_SIZE);
    }
}

void ledger_model_accounts(const ledger_state *state, int64_t *values) {
    for (int32_t i = 1; i <= LEDGER_ACCOUNTS; i++, values += 6) {
        const ledger_account *account = &state->accounts[i];
        if (!ledger_is_open(state, i)) continue;
        memcpy(values, &account->balances, sizeof account->balances);
        values[4] = account->version;
        values[5] = 1 + 2 * ledger_is_closed(state, i);
    }
}

/* --- the look: accounts, how much there is and is in sequence, how far the books are closed, and
 * of the latest transfers the number and what they are --- */

enum { EVENTS = LEDGER_ACCOUNTS * 6, SEALED, BURNT, CLOSED, LOOKED = CLOSED + 2 };

static int64_t summary(const int64_t *values) {
    int64_t digest = 0;
    for (int i = 0; i < LEDGER_FOUND_SIZE; i++) digest = mix(digest, values[i]);
    return digest;
}

static farm_status count_rows(farm_session *session, const lab_place *place, lab_result *out) {
    char text[600];
    farm_rows *rows = NULL;
    const farm_id first = ledger_name(place, 1);
    const farm_id last = ledger_name(place, INT64_MAX);
    const farm_value range[] = {
        {.type = FARM_BLOB, .data = &first, .size = sizeof first},
        {.type = FARM_BLOB, .data = &last, .size = sizeof last},
    };
    const char mark = *lab_schema == '\0' ? '?' : '$';
    snprintf(text, sizeof text,
             "SELECT (SELECT COUNT(*) FROM %sfarm_ledger_event WHERE book IN (%" PRId64 ", %" PRId64
             ")), (SELECT COUNT(*) FROM %sfarm_ledger_sequence WHERE book IN (%" PRId64 ", %" PRId64
             ")), (SELECT COUNT(*) FROM %sfarm_ledger_burnt WHERE id BETWEEN %c1 AND %c2), "
             "(SELECT closed_through_us FROM %sfarm_ledger_book WHERE book = %" PRId64 "), "
             "(SELECT closed_through_us FROM %sfarm_ledger_book WHERE book = %" PRId64 ")",
             lab_schema, ledger_book_number(place, 1), ledger_book_number(place, 2), lab_schema,
             ledger_book_number(place, 1), ledger_book_number(place, 2), lab_schema, mark, mark,
             lab_schema, ledger_book_number(place, 1), lab_schema, ledger_book_number(place, 2));
    const farm_status status = farm_session_execute(session, text, range, 2, &rows);
    for (size_t i = 0; i < 5 && status == FARM_OK; i++)
        out->values[EVENTS + i] = farm_rows_value(rows, 0, i)->integer;
    farm_rows_free(rows);
    return status;
}

static farm_status latest_ids(farm_session *session, const lab_place *place, farm_id *ids,
                              size_t *out_count) {
    char text[300];
    farm_rows *rows = NULL;
    snprintf(text, sizeof text,
             "SELECT id FROM %sfarm_ledger_event WHERE book IN (%" PRId64 ", %" PRId64
             ") AND id IS NOT NULL ORDER BY id DESC LIMIT %d",
             lab_schema, ledger_book_number(place, 1), ledger_book_number(place, 2), LEDGER_LOOKED);
    const farm_status status = farm_session_execute(session, text, NULL, 0, &rows);
    *out_count = farm_rows_count(rows);
    for (size_t i = 0; i < *out_count && status == FARM_OK; i++)
        memcpy(&ids[i], farm_rows_value(rows, i, 0)->data, sizeof *ids);
    farm_rows_free(rows);
    return status;
}

static farm_status look_at_latest(farm_session *session, const lab_place *place, lab_result *out) {
    farm_id ids[LEDGER_LOOKED];
    farm_ledger_event found[LEDGER_LOOKED];
    size_t count = 0;
    farm_status status = latest_ids(session, place, ids, &count);
    for (size_t i = 0; i < count; i++) found[i].struct_size = sizeof *found;
    if (status == FARM_OK && count > 0)
        status = farm_ledger_find_transfers(session, ids, count, found);
    for (size_t i = 0; i < count && status == FARM_OK; i++) {
        int64_t values[LEDGER_FOUND_SIZE] = {0};
        answer_transfer(place, &found[i], values);
        out->values[LOOKED + i * 2] = number_of(&ids[i]);
        out->values[LOOKED + i * 2 + 1] = summary(values);
        out->facts[i] = found[i].timestamp_ns;
    }
    return status;
}

static farm_status look_at_all(farm_session *session, const lab_place *place, lab_result *out) {
    farm_ledger_account found[LEDGER_ACCOUNTS];
    farm_status status = ledger_find_accounts(session, place, found);
    if (status == FARM_OK) ledger_answer_accounts(found, out->values);
    if (status == FARM_OK) status = count_rows(session, place, out);
    if (status == FARM_OK) status = look_at_latest(session, place, out);
    return status;
}

/* In one transaction, which may be the turn's. */
void ledger_look(farm_session *session, const lab_place *place, lab_result *out) {
    farm_status status = farm_begin(session);
    const int is_own = status == FARM_OK;
    if (status == FARM_OK || status == FARM_EINVAL) status = look_at_all(session, place, out);
    if (is_own) farm_rollback(session);
    out->status = status;
    out->has_facts = status == FARM_OK;
}

void ledger_model_look(ledger_state *state, lab_result *out) {
    ledger_model_accounts(state, out->values);
    out->values[EVENTS] = state->event_count;
    out->values[SEALED] = state->event_count - state->waiting[1] - state->waiting[2];
    out->values[BURNT] = state->burnt_count;
    for (int32_t i = 0; i < 2; i++) out->values[CLOSED + i] = state->closed_through_us[i + 1];
    for (int64_t i = 0; i < LEDGER_LOOKED && i < state->record_count; i++) {
        ledger_record *record = &state->records[i];
        int64_t found[LEDGER_FOUND_SIZE];
        model_transfer(record, found);
        out->values[LOOKED + i * 2] = record->item.id;
        out->values[LOOKED + i * 2 + 1] = summary(found);
        if (!out->has_facts) continue;
        const int is_other = record->timestamp_ns != 0 && record->timestamp_ns != out->facts[i];
        if (is_other) out->values[LEDGER_OMEN] = 1;
        record->timestamp_ns = out->facts[i];
    }
}
