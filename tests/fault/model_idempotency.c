/* The fault lab: idempotency keys. The place is the owner of one key, which is claimed for two
 * different requests, advanced, finished and released by whoever holds, or held, a claim. */
#include "fault/lab.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BEGIN = 1, ADVANCE, FINISH, RELEASE };
enum { FREE = 0, CLAIMED, FINISHED }; /* as the column has it, but for FREE: there is no row */
enum { HELD = LAB_RECENT_MAX };
/* In values. */
enum { REQUEST, LOCK_US, CLAIM, STEP, DATA };

/* Longer than a place is played at, leaps included: what ends it is for the module's own tests. */
#define RETENTION_US (INT64_C(366) * 24 * 3600 * 1000000)

typedef struct key_state {
    int64_t state;
    int64_t request;
    uint64_t holder; /* the number of the begin; 0: nobody */
    int64_t lock_us; /* of the holder */
    int64_t locked_until_us;
    int64_t step;
    int64_t data; /* of the step, or of the answer */
    int64_t has_data;
} key_state;

/* A player's latest claims. */
typedef struct key_hand {
    struct {
        uint64_t number;
        farm_idempotency *claim;
    } claims[HELD];
    uint32_t next;
} key_hand;

static void draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out) {
    (void)can_compose;
    static const int64_t locks_us[] = {2000, 1000000, 20000000};
    const lab_operation *last = NULL;
    if (recent_count > 0 && !lab_random_once_in(random, 3))
        last = &recent[lab_random_below(random, recent_count)];
    out->kind = last == NULL ? BEGIN : ADVANCE + (int32_t)lab_random_below(random, 3);
    out->values[REQUEST] = lab_random_once_in(random, 6);
    out->values[LOCK_US] = locks_us[lab_random_below(random, 3)];
    out->values[STEP] = 1 + lab_random_below(random, 4);
    out->values[DATA] = lab_random_below(random, 3);
    if (last != NULL)
        out->values[CLAIM] = last->kind == BEGIN ? (int64_t)last->number : last->values[CLAIM];
}

/* --- the library --- */

static void hold(key_hand *hand, uint64_t number, farm_idempotency *claim) {
    uint32_t place = hand->next++ % HELD;
    farm_idempotency_free(hand->claims[place].claim);
    hand->claims[place].number = number;
    hand->claims[place].claim = claim;
}

static farm_idempotency *held(const key_hand *hand, uint64_t number) {
    for (size_t i = 0; i < HELD; i++)
        if (hand->claims[i].number == number) return hand->claims[i].claim;
    return NULL;
}

static void drop_hand(void *data) {
    key_hand *hand = data;
    for (size_t i = 0; i < HELD; i++) farm_idempotency_free(hand->claims[i].claim);
}

/* Data is the digit of a number. */
static int64_t number_of(const void *data, size_t size) {
    return data == NULL || size != 1 ? -1 : *(const char *)data - '0';
}

static void begin(farm_session *session, key_hand *hand, const lab_place *place,
                  const lab_operation *operation, lab_result *out) {
    const int64_t *values = operation->values;
    const farm_idempotency_options options = {
        .struct_size = sizeof options, .lock_us = values[LOCK_US], .retention_us = RETENTION_US};
    const char *request = values[REQUEST] == 0 ? "one" : "two";
    farm_idempotency *claim = NULL;
    size_t size = 0;
    farm_status status =
        farm_idempotency_begin(session, place->name, "key", "POST /", request, 3, &options, &claim);
    /* It may leave behind what it took, so ask again; memory is short but once. */
    if (status == FARM_ENOMEM && farm_idempotency_begin(session, place->name, "key", "POST /",
                                                        request, 3, &options, &claim) == FARM_OK)
        status = FARM_OK;
    out->status = status;
    if (out->status != FARM_OK) return;
    int32_t outcome = farm_idempotency_outcome(claim);
    const void *data = farm_idempotency_data(claim, &size);
    out->values[0] = outcome;
    if (outcome == FARM_IDEMPOTENCY_EXECUTE) out->values[1] = farm_idempotency_step(claim);
    if (outcome == FARM_IDEMPOTENCY_REPLAY) out->values[1] = farm_idempotency_code(claim);
    if (outcome == FARM_IDEMPOTENCY_EXECUTE || outcome == FARM_IDEMPOTENCY_REPLAY)
        out->values[2] = number_of(data, size);
    if (outcome == FARM_IDEMPOTENCY_IN_PROGRESS)
        out->values[3] = farm_idempotency_retry_after_us(claim);
    if (outcome == FARM_IDEMPOTENCY_EXECUTE)
        hold(hand, operation->number, claim);
    else
        farm_idempotency_free(claim);
}

/* Which of the three it is depends on what the claim itself remembers. */
static farm_status simplify(farm_session *session, farm_status status) {
    int32_t reason = farm_session_error_reason(session);
    if (status == FARM_EINVAL && (reason == FARM_IDEMPOTENCY_REASON_NOT_CLAIMED ||
                                  reason == FARM_IDEMPOTENCY_REASON_STEP_BACK))
        return FARM_ECONFLICT;
    return status;
}

static void look(farm_session *session, const lab_place *place, lab_result *out) {
    char text[400];
    farm_rows *rows = NULL;
    snprintf(text, sizeof text,
             "SELECT state, locked_until_us, step, code, data FROM %sfarm_idempotency "
             "WHERE owner = '%s'",
             lab_schema, place->name);
    out->status = farm_session_execute(session, text, NULL, 0, &rows);
    if (out->status == FARM_OK && farm_rows_count(rows) > 0) {
        const farm_value *data = farm_rows_value(rows, 0, 4);
        for (size_t i = 0; i < 4; i++) out->values[i] = farm_rows_value(rows, 0, i)->integer;
        out->values[4] = number_of(data->data, data->size);
    }
    farm_rows_free(rows);
}

static void perform(farm_session *session, void *data, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    key_hand *hand = data;
    const int64_t *values = operation->values;
    char digit = (char)('0' + values[DATA]);
    if (operation->kind == 0) {
        look(session, place, out);
        return;
    }
    if (operation->kind == BEGIN) {
        begin(session, hand, place, operation, out);
        return;
    }
    farm_idempotency *claim = held(hand, (uint64_t)values[CLAIM]);
    out->is_skipped = claim == NULL;
    if (claim == NULL) return;
    switch (operation->kind) {
    case ADVANCE:
        out->status = farm_idempotency_advance(session, claim, (int32_t)values[STEP], &digit, 1);
        break;
    case FINISH:
        out->status =
            farm_idempotency_finish(session, claim, 200 + (int32_t)values[DATA], &digit, 1);
        break;
    default:
        out->status = farm_idempotency_release(session, claim);
        break;
    }
    out->status = simplify(session, out->status);
}

/* --- the model --- */

static void claim_key(key_state *key, int64_t now_us, const lab_operation *operation,
                      lab_result *out) {
    const int64_t *values = operation->values;
    int is_free = key->state == FREE;
    if (!is_free && key->request != values[REQUEST]) {
        out->values[0] = FARM_IDEMPOTENCY_MISMATCH;
    } else if (key->state == FINISHED) {
        out->values[0] = FARM_IDEMPOTENCY_REPLAY;
        out->values[1] = 200 + key->data;
        out->values[2] = key->data;
    } else if (!is_free && key->locked_until_us > now_us) {
        out->values[0] = FARM_IDEMPOTENCY_IN_PROGRESS;
        out->values[3] = key->locked_until_us - now_us;
    } else {
        key->state = CLAIMED;
        key->request = values[REQUEST];
        key->holder = operation->number;
        key->lock_us = values[LOCK_US];
        key->locked_until_us = now_us + values[LOCK_US];
        out->values[0] = FARM_IDEMPOTENCY_EXECUTE;
        out->values[1] = key->step;
        out->values[2] = key->has_data ? key->data : -1;
    }
}

static farm_status advance(key_state *key, int64_t now_us, const int64_t *values) {
    if (key->holder != (uint64_t)values[CLAIM] || key->state != CLAIMED || values[STEP] < key->step)
        return FARM_ECONFLICT;
    key->step = values[STEP];
    key->data = values[DATA];
    key->has_data = 1;
    key->locked_until_us = now_us + key->lock_us;
    return FARM_OK;
}

static farm_status finish(key_state *key, const int64_t *values) {
    if (key->holder != (uint64_t)values[CLAIM]) return FARM_ECONFLICT;
    if (key->state == FINISHED) return key->data == values[DATA] ? FARM_OK : FARM_EEXISTS;
    key->state = FINISHED;
    key->data = values[DATA];
    key->has_data = 1;
    key->locked_until_us = 0;
    return FARM_OK;
}

static void release(key_state *key, const int64_t *values) {
    if (key->holder != (uint64_t)values[CLAIM] || key->state != CLAIMED) return;
    key->holder = 0;
    key->lock_us = 0;
    key->locked_until_us = 0;
}

static void apply(void *state, int64_t now_us, const lab_operation *operation, lab_result *out) {
    key_state *key = state;
    switch (operation->kind) {
    case BEGIN:
        claim_key(key, now_us, operation, out);
        break;
    case ADVANCE:
        out->status = advance(key, now_us, operation->values);
        break;
    case FINISH:
        out->status = finish(key, operation->values);
        break;
    case RELEASE:
        release(key, operation->values);
        break;
    default:
        out->values[0] = key->state;
        out->values[1] = key->locked_until_us;
        out->values[2] = key->step;
        out->values[3] = key->state == FINISHED ? 200 + key->data : 0;
        out->values[4] = key->state == FREE ? 0 : key->has_data ? key->data : -1;
        break;
    }
}

static int is_repeated(const lab_operation *operation) {
    return operation->kind != 0;
}

static void describe(const lab_operation *operation, char *text, size_t size) {
    static const char *const kinds[] = {"", "begin", "advance", "finish", "release"};
    const int64_t *values = operation->values;
    if (operation->kind == BEGIN)
        snprintf(text, size, "begin request %" PRId64 " for %" PRId64 " us", values[REQUEST],
                 values[LOCK_US]);
    else
        snprintf(text, size, "%s claim %" PRId64 ", step %" PRId64 ", data %" PRId64,
                 kinds[operation->kind], values[CLAIM], values[STEP], values[DATA]);
}

const lab_module lab_idempotency = {.name = "idempotency",
                                    .state_size = sizeof(key_state),
                                    .hand_size = sizeof(key_hand),
                                    .draw = draw,
                                    .perform = perform,
                                    .apply = apply,
                                    .is_repeated = is_repeated,
                                    .drop_hand = drop_hand,
                                    .describe = describe};
