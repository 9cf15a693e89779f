/* What a breaker's words hold, when it opens, and for how long. No clock, no randomness, no memory:
 * all of it comes in. */
#include "breaker/breaker_rules.h"
#include "base/integer.h"
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US (86400 * SECOND_US)
#define US_PER_MS INT64_C(1000)

#define FORCED (STATE_BIT(FARM_BREAKER_FORCED_OPEN) | STATE_BIT(FARM_BREAKER_FORCED_CLOSED))

/* Closed after closed is a reset. */
static const state_row state_rows[] = {
    {FARM_BREAKER_CLOSED, "closed",
     STATE_BIT(FARM_BREAKER_CLOSED) | STATE_BIT(FARM_BREAKER_OPEN) | FORCED},
    {FARM_BREAKER_OPEN, "open",
     STATE_BIT(FARM_BREAKER_CLOSED) | STATE_BIT(FARM_BREAKER_HALF_OPEN) | FORCED},
    {FARM_BREAKER_HALF_OPEN, "half-open",
     STATE_BIT(FARM_BREAKER_CLOSED) | STATE_BIT(FARM_BREAKER_OPEN) | FORCED},
    {FARM_BREAKER_FORCED_OPEN, "forced open",
     STATE_BIT(FARM_BREAKER_CLOSED) | STATE_BIT(FARM_BREAKER_OPEN) |
         STATE_BIT(FARM_BREAKER_FORCED_CLOSED)},
    {FARM_BREAKER_FORCED_CLOSED, "forced closed",
     STATE_BIT(FARM_BREAKER_CLOSED) | STATE_BIT(FARM_BREAKER_OPEN) |
         STATE_BIT(FARM_BREAKER_FORCED_OPEN)},
};

const state_table breaker_states = {state_rows, sizeof state_rows / sizeof *state_rows};

const char *farm_breaker_state_name(int32_t state) {
    return state_word(&breaker_states, state);
}

int32_t farm_breaker_outcome(farm_status status) {
    static const int8_t outcomes[] = {
        [FARM_OK] = FARM_BREAKER_SUCCESS,         [FARM_ENOMEM] = FARM_BREAKER_EXCLUDED,
        [FARM_EINVAL] = FARM_BREAKER_EXCLUDED,    [FARM_ENOTFOUND] = FARM_BREAKER_SUCCESS,
        [FARM_EEXISTS] = FARM_BREAKER_SUCCESS,    [FARM_ECONFLICT] = FARM_BREAKER_SUCCESS,
        [FARM_EREFUSED] = FARM_BREAKER_SUCCESS,   [FARM_EAGAIN] = FARM_BREAKER_EXCLUDED,
        [FARM_ETIMEOUT] = FARM_BREAKER_FAILURE,   [FARM_EUNAVAILABLE] = FARM_BREAKER_FAILURE,
        [FARM_EUNCERTAIN] = FARM_BREAKER_FAILURE, [FARM_EDENIED] = FARM_BREAKER_SUCCESS,
        [FARM_EREADONLY] = FARM_BREAKER_FAILURE,  [FARM_EFULL] = FARM_BREAKER_FAILURE,
        [FARM_ECORRUPT] = FARM_BREAKER_FAILURE,   [FARM_EUNSUPPORTED] = FARM_BREAKER_EXCLUDED,
        [FARM_EINTERNAL] = FARM_BREAKER_EXCLUDED,
    };
    const int32_t count = (int32_t)sizeof outcomes;
    return status >= 0 && status < count ? outcomes[status] : FARM_BREAKER_EXCLUDED;
}

/* --- options --------------------------------------------------------------------------------- */

/* A field with its default and its bounds; -1 stands for "off" where it is allowed. */
typedef struct option_row {
    size_t offset;
    int64_t otherwise;
    int64_t low;
    int64_t high;
    int32_t has_off;
    const char *complaint;
} option_row;

#define OPTION(field) offsetof(farm_breaker_options, field)

static const option_row short_options[] = {
    {OPTION(consecutive_count), 5, 1, 1000000, 1, "consecutive_count is not -1 to 1,000,000"},
    {OPTION(failure_percent), 50, 1, 100, 1, "failure_percent is not -1 to 100"},
    {OPTION(slow_percent), 50, 1, 100, 0, "slow_percent is not 0 to 100"},
    {OPTION(bucket_count), 10, 1, FARM_BREAKER_BUCKET_MAX, 0, "bucket_count is not 0 to 60"},
    {OPTION(window_count), 0, 0, 1000000, 0, "window_count is not 0 to 1,000,000"},
    {OPTION(minimum_count), 20, 1, 1000000, 0, "minimum_count is not 0 to 1,000,000"},
    {OPTION(probe_count), 3, 1, FARM_BREAKER_PROBE_MAX, 0, "probe_count is not 0 to 32"},
    {OPTION(jitter_percent), 20, 1, 90, 1, "jitter_percent is not -1 to 90"},
};

static const option_row long_options[] = {
    {OPTION(window_us), 10 * SECOND_US, 10 * US_PER_MS, DAY_US, 0,
     "window_us is not 10 ms to 1 day"},
    {OPTION(slow_us), 0, 0, DAY_US, 0, "slow_us is not 0 to 1 day"},
    {OPTION(open_us), 5 * SECOND_US, US_PER_MS, DAY_US, 0, "open_us is not 1 ms to 1 day"},
    {OPTION(open_max_us), 60 * SECOND_US, US_PER_MS, DAY_US, 0, "open_max_us is not 1 ms to 1 day"},
    {OPTION(probe_us), 30 * SECOND_US, US_PER_MS, DAY_US, 0, "probe_us is not 1 ms to 1 day"},
};

static int32_t fill(const option_row *row, int64_t given, int64_t *out) {
    *out = given == 0 ? row->otherwise : given;
    return (given >= row->low && given <= row->high) || given == 0 || (given == -1 && row->has_off);
}

static const char *fill_short(farm_breaker_options *options) {
    for (size_t i = 0; i < sizeof short_options / sizeof *short_options; i++) {
        char *field = (char *)options + short_options[i].offset;
        int32_t given;
        int64_t filled;
        memcpy(&given, field, sizeof given);
        if (!fill(&short_options[i], given, &filled)) return short_options[i].complaint;
        given = (int32_t)filled;
        memcpy(field, &given, sizeof given);
    }
    return NULL;
}

static const char *fill_long(farm_breaker_options *options) {
    for (size_t i = 0; i < sizeof long_options / sizeof *long_options; i++) {
        char *field = (char *)options + long_options[i].offset;
        int64_t given;
        memcpy(&given, field, sizeof given);
        if (!fill(&long_options[i], given, &given)) return long_options[i].complaint;
        memcpy(field, &given, sizeof given);
    }
    return NULL;
}

/* A default that does not go with what was given gives way. */
static void fit_defaults(const farm_breaker_options *given, farm_breaker_options *out) {
    if (out->window_count == 0) return;
    if (given->bucket_count == 0 && out->bucket_count > out->window_count)
        out->bucket_count = out->window_count;
    if (given->minimum_count == 0 && out->minimum_count > out->window_count)
        out->minimum_count = out->window_count;
}

const char *breaker_options_fill(const farm_breaker_options *given, farm_breaker_options *out) {
    const farm_breaker_options asked = *given;
    *out = asked;
    out->struct_size = sizeof *out;
    if (asked.reserved != 0) return "reserved is not 0";
    const char *complaint = fill_short(out);
    if (complaint == NULL) complaint = fill_long(out);
    if (complaint != NULL) return complaint;
    fit_defaults(&asked, out);
    if (asked.open_max_us == 0) out->open_max_us = integer_max(out->open_max_us, out->open_us);
    if (out->open_max_us < out->open_us) return "open_max_us is less than open_us";
    if (out->window_count == 0) return NULL;
    if (out->bucket_count > out->window_count) return "bucket_count is more than window_count";
    if (out->minimum_count > out->window_count) return "minimum_count is more than window_count";
    return NULL;
}

int64_t breaker_bucket_size(const farm_breaker_options *options) {
    const int64_t window = options->window_count > 0 ? options->window_count : options->window_us;
    return integer_divide_up(window, options->bucket_count);
}

/* --- the state ------------------------------------------------------------------------------- */

/* until_ms 38 | generation 18 | trips 5 | state 3 */
enum { TRIPS_SHIFT = 3, GENERATION_SHIFT = 8, UNTIL_SHIFT = 26, STATE_MASK = 7 };
#define UNTIL_MAX_MS ((INT64_C(1) << 38) - 1)

uint64_t breaker_phase_pack(const breaker_phase *phase) {
    const int64_t until = integer_max(0, integer_min(phase->until_ms, UNTIL_MAX_MS));
    return (uint64_t)until << UNTIL_SHIFT |
           (uint64_t)(phase->generation % BREAKER_GENERATION_COUNT) << GENERATION_SHIFT |
           (uint64_t)(phase->trips & BREAKER_TRIPS_MAX) << TRIPS_SHIFT | (uint64_t)phase->state;
}

breaker_phase breaker_phase_unpack(uint64_t word) {
    return (breaker_phase){
        .state = (int32_t)(word & STATE_MASK),
        .trips = (uint32_t)(word >> TRIPS_SHIFT) & BREAKER_TRIPS_MAX,
        .generation = (uint32_t)(word >> GENERATION_SHIFT) % BREAKER_GENERATION_COUNT,
        .until_ms = (int64_t)(word >> UNTIL_SHIFT),
    };
}

int32_t breaker_phase_follow(uint64_t word, int32_t state, breaker_phase *out) {
    breaker_phase phase = breaker_phase_unpack(word);
    if (!state_may_follow(&breaker_states, phase.state, state)) return 0;
    phase.generation = (phase.generation + 1) % BREAKER_GENERATION_COUNT;
    phase.until_ms = 0;
    /* Only what probes have failed to close goes on counting. */
    if (state == FARM_BREAKER_OPEN && phase.state == FARM_BREAKER_HALF_OPEN)
        phase.trips += phase.trips < BREAKER_TRIPS_MAX ? 1 : 0;
    else if (state != FARM_BREAKER_HALF_OPEN)
        phase.trips = state == FARM_BREAKER_OPEN ? 1 : 0;
    phase.state = state;
    *out = phase;
    return 1;
}

int64_t breaker_open_us(const farm_breaker_options *options, uint32_t trips, uint32_t random) {
    int64_t open_us = options->open_us;
    for (uint32_t i = 1; i < trips && open_us < options->open_max_us; i++) open_us *= 2;
    open_us = integer_min(open_us, options->open_max_us);
    if (options->jitter_percent < 0) return open_us;
    const int64_t span = open_us * options->jitter_percent / 100;
    return open_us - span * random / BREAKER_RANDOM_MAX;
}

int64_t breaker_until_ms(int64_t now_us, int64_t open_us) {
    return integer_divide_up(now_us + open_us, US_PER_MS);
}

/* --- tallies --------------------------------------------------------------------------------- */

/* generation 16 | lap 8 | bad 20 | count 20 */
enum { BAD_SHIFT = 20, LAP_SHIFT = 40, TALLY_GENERATION_SHIFT = 48 };
#define TALLY_MAX ((UINT64_C(1) << 20) - 1)

static uint64_t stamp_word(breaker_stamp stamp) {
    return (uint64_t)(stamp.generation & UINT16_MAX) << TALLY_GENERATION_SHIFT |
           (stamp.lap & UINT8_MAX) << LAP_SHIFT;
}

/* Generations and laps are kept modulo a small number. A thread may be late by a few, between its
 * look at the clock and its exchange; what seems later by more than that is of long ago. */
enum { LATE_GENERATIONS = 64, LATE_LAPS = 2 };

static int32_t is_later_generation(uint64_t word, breaker_stamp stamp) {
    const uint16_t ahead =
        (uint16_t)((uint32_t)(word >> TALLY_GENERATION_SHIFT) - stamp.generation);
    return ahead > 0 && ahead <= LATE_GENERATIONS;
}

static int32_t is_same_generation(uint64_t word, breaker_stamp stamp) {
    return (uint16_t)(word >> TALLY_GENERATION_SHIFT) == (uint16_t)stamp.generation;
}

static uint8_t laps_ahead(uint64_t word, breaker_stamp stamp) {
    return (uint8_t)((word >> LAP_SHIFT) - stamp.lap);
}

int32_t breaker_tally_add(uint64_t word, breaker_stamp stamp, int32_t is_bad, uint64_t *out) {
    if (is_later_generation(word, stamp)) return 0;
    if (!is_same_generation(word, stamp) || laps_ahead(word, stamp) > LATE_LAPS)
        word = stamp_word(stamp);
    uint64_t count = word & TALLY_MAX;
    uint64_t bad = word >> BAD_SHIFT & TALLY_MAX;
    /* Full: half of both keeps the part that was bad. */
    if (count == TALLY_MAX) {
        count /= 2;
        bad /= 2;
    }
    count++;
    bad += is_bad ? 1 : 0;
    *out = (word & ~(TALLY_MAX << BAD_SHIFT | TALLY_MAX)) | bad << BAD_SHIFT | count;
    return 1;
}

int32_t breaker_tally_begin(uint64_t word, breaker_stamp stamp, int32_t is_idle, uint64_t *out) {
    if (!is_idle) {
        if (is_later_generation(word, stamp)) return 0;
        if (is_same_generation(word, stamp) && laps_ahead(word, stamp) <= LATE_LAPS) return 0;
    }
    *out = stamp_word(stamp);
    return 1;
}

breaker_tally breaker_tally_read(uint64_t word, breaker_stamp stamp) {
    if (!is_same_generation(word, stamp) || laps_ahead(word, stamp) != 0) return (breaker_tally){0};
    return (breaker_tally){.count = (int64_t)(word & TALLY_MAX),
                           .bad = (int64_t)(word >> BAD_SHIFT & TALLY_MAX)};
}

/* --- counters: generation 32 | number 32 ----------------------------------------------------- */

uint64_t breaker_counter_add(uint64_t word, uint32_t generation) {
    const uint32_t owner = (uint32_t)(word >> 32);
    const uint32_t ahead = (owner - generation) % BREAKER_GENERATION_COUNT;
    if (ahead > 0 && ahead <= LATE_GENERATIONS) return word;
    if (ahead > 0) return (uint64_t)generation << 32 | 1;
    return (uint32_t)word == UINT32_MAX ? word : word + 1;
}

uint64_t breaker_counter_clear(uint64_t word, uint32_t generation) {
    return word >> 32 == generation ? (uint64_t)generation << 32 : word;
}

int64_t breaker_counter_read(uint64_t word, uint32_t generation) {
    return word >> 32 == generation ? (int64_t)(uint32_t)word : 0;
}

/* --- probes: how many had the place 31 | is out 1 | given at 32 ------------------------------ */

#define PROBE_OUT (UINT64_C(1) << 32)
#define PROBE_NEXT (UINT64_C(1) << 33)

/* Of the time only the lower half is kept: a probe that nobody missed for 25 days seems young
 * again, and its place is free another probe_us later. */
int64_t breaker_probe_left_ms(uint64_t word, int64_t now_ms, int64_t probe_ms) {
    if ((word & PROBE_OUT) == 0) return 0;
    const int64_t age = (int32_t)((uint32_t)now_ms - (uint32_t)word);
    return age >= probe_ms ? 0 : integer_min(probe_ms - age, probe_ms);
}

int32_t breaker_probe_is_out(uint64_t word, int64_t now_ms, int64_t probe_ms) {
    return breaker_probe_left_ms(word, now_ms, probe_ms) > 0;
}

uint64_t breaker_probe_give(uint64_t word, int64_t now_ms) {
    return ((word & ~(PROBE_NEXT - 1)) + PROBE_NEXT) | PROBE_OUT | (uint32_t)now_ms;
}

uint64_t breaker_probe_return(uint64_t word) {
    return word & ~(PROBE_NEXT - 1);
}

/* --- decisions ------------------------------------------------------------------------------- */

static int32_t is_too_much(const breaker_tally *tally, int32_t percent, int32_t minimum) {
    return tally->count >= minimum && tally->bad * 100 >= tally->count * percent;
}

int32_t breaker_decide(const farm_breaker_options *options, const breaker_facts *facts) {
    if (options->consecutive_count > 0 && facts->consecutive_count >= options->consecutive_count)
        return FARM_BREAKER_CAUSE_CONSECUTIVE;
    if (options->failure_percent > 0 &&
        is_too_much(&facts->failures, options->failure_percent, options->minimum_count))
        return FARM_BREAKER_CAUSE_FAILURES;
    if (options->slow_us > 0 &&
        is_too_much(&facts->slow, options->slow_percent, options->minimum_count))
        return FARM_BREAKER_CAUSE_SLOW;
    return 0;
}

int32_t breaker_is_slow(const farm_breaker_options *options, int64_t duration_us) {
    return options->slow_us > 0 && duration_us > options->slow_us;
}

int64_t breaker_probe_retry_us(const farm_breaker_options *options, int64_t left_ms) {
    return integer_max(US_PER_MS, integer_min(left_ms * US_PER_MS, options->open_us));
}
