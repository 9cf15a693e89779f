/* The limiter in the process: making it, and its operations. What changes its limits is in
 * rate_local_define.c. */
#include "rate/rate_local.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/text.h"
#include "rate/rate_answer.h"
#include <string.h>

enum { BUCKET_COUNT_LEAST = 16, BUCKET_COUNT_DEFAULT = 65536 };

/* --- the object ------------------------------------------------------------------------------- */

static farm_status take_hooks(farm_error *error, const farm_rate_local_options *options,
                              farm_rate_local *local) {
    farm_status status = FARM_OK;
    local->clock = clock_system;
    local->entropy = entropy_system;
    if (options->clock != NULL)
        status = store_error_check_options(error, "options.clock", &local->clock,
                                           sizeof local->clock, options->clock);
    if (status == FARM_OK && options->entropy != NULL)
        status = store_error_check_options(error, "options.entropy", &local->entropy,
                                           sizeof local->entropy, options->entropy);
    if (status != FARM_OK) return status;
    if (local->clock.real_ns == NULL)
        return store_error_fail(error, FARM_EINVAL, 0, "options.clock lacks a function");
    if (local->entropy.fill == NULL)
        return store_error_fail(error, FARM_EINVAL, 0, "options.entropy lacks its function");
    return FARM_OK;
}

static int64_t now_ns(void *context) {
    return rate_local_now_ns(context);
}

static farm_status fill(farm_error *error, const farm_rate_local_options *options,
                        farm_rate_local *local) {
    farm_status status = take_hooks(error, options, local);
    if (status != FARM_OK) return status;
    rate_definitions *none = NULL;
    local->entropy.fill(local->entropy.context, local->secret, sizeof local->secret);
    const rate_source source = {.space = "", .secret = local->secret};
    status = rate_memory_make(&local->memory, options->bucket_count, now_ns, local);
    if (status == FARM_OK) status = rate_definitions_make(&source, &none);
    if (status != FARM_OK)
        return store_error_fail(error, status, 0, "there is no memory for %u buckets",
                                options->bucket_count);
    atomic_init(&local->current.definitions, none);
    return FARM_OK;
}

farm_status rate_local_tell(farm_error *error, const farm_error *made, farm_status status) {
    if (status == FARM_OK || error == NULL) return status;
    farm_error told = {.struct_size = sizeof told, .status = status, .reason = made->reason};
    text_format(told.text, sizeof told.text, "%s", made->text);
    (void)options_answer(error, &told, sizeof told);
    return status;
}

static farm_status make(farm_error *error, const farm_rate_local_options *options,
                        farm_rate_local **out) {
    farm_rate_local_options copied;
    farm_status status =
        store_error_check_options(error, "options", &copied, sizeof copied, options);
    if (status != FARM_OK) return status;
    if (copied.bucket_count == 0) copied.bucket_count = BUCKET_COUNT_DEFAULT;
    status = store_error_check_range(error, "options.bucket_count", copied.bucket_count,
                                     BUCKET_COUNT_LEAST, FARM_RATE_LOCAL_BUCKET_MAX);
    if (status != FARM_OK) return status;
    farm_rate_local *local = farm_allocate(sizeof *local);
    if (local == NULL)
        return store_error_fail(error, FARM_ENOMEM, 0, "there is no memory for the limiter");
    memset(local, 0, sizeof *local);
    atomic_init(&local->frozen_us, -1);
    atomic_flag_clear(&local->is_changing);
    status = fill(error, &copied, local);
    if (status == FARM_OK)
        *out = local;
    else
        farm_rate_local_free(local);
    return status;
}

farm_status farm_rate_local_new(const farm_rate_local_options *options, farm_error *error,
                                farm_rate_local **out) {
    farm_error made;
    farm_status status = FARM_OK;
    if (out == NULL)
        status = store_error_fail(&made, FARM_EINVAL, 0, "out is missing");
    else
        *out = NULL;
    if (status == FARM_OK) status = make(&made, options, out);
    return rate_local_tell(error, &made, status);
}

void farm_rate_local_free(farm_rate_local *local) {
    if (local == NULL) return;
    rate_definitions_free(atomic_load(&local->current.definitions));
    rate_memory_free(&local->memory);
    arena_free(&local->arena);
    farm_free(local);
}

farm_status farm_rate_local_set_clock_us(farm_rate_local *local, int64_t now_us) {
    if (local == NULL || now_us < -1 || now_us > CLOCK_MAX_US) return FARM_EINVAL;
    atomic_store(&local->frozen_us, now_us);
    return FARM_OK;
}

int64_t rate_local_now_ns(const farm_rate_local *local) {
    const int64_t frozen_us = atomic_load_explicit(&local->frozen_us, memory_order_relaxed);
    return frozen_us >= 0 ? frozen_us * 1000 : local->clock.real_ns(local->clock.context);
}

/* --- tokens ----------------------------------------------------------------------------------- */

/* xorshift64* (Vigna 2016), seeded by the entropy: tokens must differ, not be secret. */
static uint64_t draw(const farm_entropy *entropy) {
    static _Thread_local uint64_t state;
    if (state == 0) {
        entropy->fill(entropy->context, &state, sizeof state);
        state |= 1;
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545F4914F6CDD1D);
}

/* As farm_id_new() makes them, but not in order: nobody then waits for another thread's. Its last
 * bit is for a mark of rate_memory_take(). */
static void make_token(const farm_rate_local *local, int64_t now_ns, farm_id *out) {
    const uint64_t now_ms = (uint64_t)(now_ns / 1000000);
    const uint64_t one = draw(&local->entropy);
    const uint64_t other = draw(&local->entropy);
    memcpy(out->bytes, &one, sizeof one);
    memcpy(out->bytes + 8, &other, sizeof other);
    out->bytes[0] = (uint8_t)(now_ms >> 40);
    out->bytes[1] = (uint8_t)(now_ms >> 32);
    out->bytes[2] = (uint8_t)(now_ms >> 24);
    out->bytes[3] = (uint8_t)(now_ms >> 16);
    out->bytes[4] = (uint8_t)(now_ms >> 8);
    out->bytes[5] = (uint8_t)now_ms;
    out->bytes[6] = (uint8_t)(0x70 | (out->bytes[6] & 0x0F));
    out->bytes[8] = (uint8_t)(0x80 | (out->bytes[8] & 0x3F));
    out->bytes[15] &= 0xFE;
}

/* --- operations ------------------------------------------------------------------------------- */

static farm_status read_lines(const rate_definitions *definitions, const farm_rate_request *items,
                              size_t count, uint32_t looked_at, int64_t now_ns, farm_error *error,
                              rate_lines *out) {
    const rate_items given = {
        .definitions = definitions,
        .items = items,
        .count = count,
        .looked_at = looked_at,
        .is_local = 1,
        .now_ns = now_ns,
    };
    return rate_lines_read(error, &given, out);
}

/* Whatever a call does with its lines while their definitions stand. */
static farm_status decide(farm_rate_local *local, const farm_rate_request *items, size_t count,
                          int32_t is_take, farm_error *error, farm_rate_state *results,
                          farm_rate_decision *out) {
    rate_lines lines;
    farm_rate_state states[FARM_RATE_BATCH_MAX];
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_id token;
    uint32_t place = 0;
    const int64_t now_ns = rate_local_now_ns(local);
    const rate_definitions *definitions = rate_current_enter(&local->current, &place);
    farm_status status = read_lines(definitions, items, count, RATE_ITEM_COST | RATE_ITEM_FLAGS,
                                    now_ns, error, &lines);
    if (status == FARM_OK) {
        is_take = is_take && !rate_lines_are_hopeless(&lines);
        if (is_take) make_token(local, now_ns, &token);
        if (is_take)
            rate_memory_take(&local->memory, &token, &lines);
        else
            rate_memory_look(&local->memory, &lines);
        rate_answer_decide(&lines, &local->entropy, states, &decision);
        if (is_take && decision.allowed && rate_lines_took(&lines)) decision.token = token;
    }
    rate_current_leave(&local->current, place);
    if (status != FARM_OK) return status;
    return rate_answer_write(error, states, count, &decision, results, out);
}

static farm_status ask(farm_rate_local *local, const farm_rate_request *items, size_t count,
                       int32_t is_take, farm_rate_state *results, farm_error *error,
                       farm_rate_decision *out) {
    farm_error made;
    farm_status status = FARM_OK;
    if (local == NULL)
        status = store_error_fail(&made, FARM_EINVAL, 0, "local is missing");
    else
        status = rate_answer_check(&made, results, count, out);
    if (status == FARM_OK) status = decide(local, items, count, is_take, &made, results, out);
    return rate_local_tell(error, &made, status);
}

farm_status farm_rate_local_take(farm_rate_local *local, const farm_rate_request *items,
                                 size_t count, farm_rate_state *results, farm_error *error,
                                 farm_rate_decision *out) {
    return ask(local, items, count, 1, results, error, out);
}

farm_status farm_rate_local_peek(farm_rate_local *local, const farm_rate_request *items,
                                 size_t count, farm_rate_state *results, farm_error *error,
                                 farm_rate_decision *out) {
    return ask(local, items, count, 0, results, error, out);
}

/* What is done with lines of which nothing is told. */
typedef int32_t (*lines_function)(rate_memory *memory, const farm_id *token,
                                  const rate_lines *lines);

static farm_status work(farm_rate_local *local, const farm_id *token,
                        const farm_rate_request *items, size_t count, uint32_t looked_at,
                        lines_function function, farm_error *error) {
    rate_lines lines;
    uint32_t place = 0;
    int32_t is_done = 1;
    const rate_definitions *definitions = rate_current_enter(&local->current, &place);
    farm_status status =
        read_lines(definitions, items, count, looked_at, rate_local_now_ns(local), error, &lines);
    if (status == FARM_OK) is_done = function(&local->memory, token, &lines);
    rate_current_leave(&local->current, place);
    if (status != FARM_OK || is_done) return status;
    return store_error_fail(error, FARM_ECONFLICT, FARM_RATE_REASON_NOT_HELD,
                            "a hold has ended, or was never of this decision");
}

static farm_status apply(farm_rate_local *local, const farm_id *token,
                         const farm_rate_request *items, size_t count, uint32_t looked_at,
                         lines_function function, farm_error *error) {
    farm_error made;
    farm_status status = FARM_OK;
    if (local == NULL)
        status = store_error_fail(&made, FARM_EINVAL, 0, "local is missing");
    else if (token == NULL || !rate_token_is_sound(token))
        status = store_error_fail(&made, FARM_EINVAL, FARM_RATE_REASON_NOT_REFUNDABLE,
                                  "the id is not the token of a decision that took something");
    else
        status = work(local, token, items, count, looked_at, function, &made);
    return rate_local_tell(error, &made, status);
}

static int32_t refund(rate_memory *memory, const farm_id *token, const rate_lines *lines) {
    rate_memory_refund(memory, token, lines);
    return 1;
}

static int32_t release(rate_memory *memory, const farm_id *token, const rate_lines *lines) {
    rate_memory_release(memory, token, lines);
    return 1;
}

static int32_t reset(rate_memory *memory, const farm_id *token, const rate_lines *lines) {
    (void)token;
    rate_memory_reset(memory, lines);
    return 1;
}

farm_status farm_rate_local_refund(farm_rate_local *local, const farm_id *id,
                                   const farm_rate_request *items, size_t count,
                                   farm_error *error) {
    return apply(local, id, items, count, RATE_ITEM_POSITIVE, refund, error);
}

farm_status farm_rate_local_release(farm_rate_local *local, const farm_id *id,
                                    const farm_rate_request *items, size_t count,
                                    farm_error *error) {
    return apply(local, id, items, count, 0, release, error);
}

farm_status farm_rate_local_renew(farm_rate_local *local, const farm_id *id,
                                  const farm_rate_request *items, size_t count, farm_error *error) {
    return apply(local, id, items, count, 0, rate_memory_renew, error);
}

farm_status farm_rate_local_reset(farm_rate_local *local, const farm_rate_request *items,
                                  size_t count, farm_error *error) {
    static const farm_id any = {{0, 0, 0, 0, 0, 0, 0x70, 0, 0x80}};
    return apply(local, &any, items, count, 0, reset, error);
}
