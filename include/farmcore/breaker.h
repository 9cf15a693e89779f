/**
 * @file farmcore/breaker.h
 * Circuit breakers: stop calling what does not answer, and find out when it answers again. In two
 * steps, since a C library cannot wrap the call: farm_breaker_allow() before it,
 * farm_breaker_report() after it. In this process only; nothing is stored and no store is needed.
 *
 * | state | calls | left when |
 * |---|---|---|
 * | closed | go through and are counted | it trips, as below: open |
 * | open | are denied | its time is over: half-open, by the first call that asks |
 * | half-open | probe_count at once go through | so many succeeded: closed; one failed: open |
 * | forced open | are denied | farm_breaker_set() |
 * | forced closed | go through, uncounted | farm_breaker_set() |
 *
 * It trips on failures in a row, or when too large a part of the calls in the window failed or was
 * slow. Each time that a probe fails, or is slow, it stays open for twice as long.
 *
 * "Denied" is no error: FARM_OK with allowed = 0 and the time to wait. An outcome that says nothing
 * of the other side (the caller gave up, the request was wrong) is reported as EXCLUDED and counts
 * nowhere. A report that comes after the state has changed belongs to the past and is ignored.
 *
 * A farm_breakers holds any number of named breakers up to its bound, one for each thing that can
 * fail by itself: a host, a shard, a provider. Names come from the program, never from its users.
 *
 * allow and report never wait for another thread, since there is no lock; memory is taken only by
 * the first call of a name. The library does not call back: what happened is asked for by
 * farm_breaker_events().
 *
 * The defaults, beside what others chose: resilience4j judges 100 calls of a window of 100, which
 * needs too long at a few calls a second, so 20 here; its 50 % stand. gobreaker trips at the 6th
 * failure in a row; here at the 5th. Both stay open for 60 s: here that is the bound of a wait that
 * begins with 5 s and doubles. resilience4j lets 10 probes through and gobreaker 1: 3 do not trust
 * a single lucky call and do not storm a server that has just come up. resilience4j waits for its
 * probes' outcomes without limit, so a lost one blocks it for good: here the place of a probe is
 * free again after 30 s, the time limit that sessions have.
 */
#ifndef FARMCORE_BREAKER_H
#define FARMCORE_BREAKER_H

#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_BREAKER_BUCKET_MAX = 60, /**< buckets of a window */
    FARM_BREAKER_PROBE_MAX = 32,  /**< probes at once */
    FARM_BREAKER_LIST_MAX = 10000 /**< breakers of one farm_breakers; rows in one call */
};

/** The states. */
enum {
    FARM_BREAKER_CLOSED = 0,
    FARM_BREAKER_OPEN = 1,
    FARM_BREAKER_HALF_OPEN = 2,
    FARM_BREAKER_FORCED_OPEN = 3,
    FARM_BREAKER_FORCED_CLOSED = 4
};

/** How a call ended. */
enum {
    FARM_BREAKER_SUCCESS = 1,
    FARM_BREAKER_FAILURE = 2,
    FARM_BREAKER_EXCLUDED = 3 /**< it says nothing of the other side */
};

/** Why a state changed. */
enum {
    FARM_BREAKER_CAUSE_CONSECUTIVE = 1,  /**< failures in a row */
    FARM_BREAKER_CAUSE_FAILURES = 2,     /**< the part of failures in the window */
    FARM_BREAKER_CAUSE_SLOW = 3,         /**< the part of slow calls in the window */
    FARM_BREAKER_CAUSE_TIME = 4,         /**< the open time is over */
    FARM_BREAKER_CAUSE_PROBE_FAILED = 5, /**< a probe failed or was slow */
    FARM_BREAKER_CAUSE_PROBED = 6,       /**< enough probes succeeded */
    FARM_BREAKER_CAUSE_MANUAL = 7        /**< farm_breaker_set() */
};

/** When a breaker opens, and for how long. Zero means the default everywhere. */
typedef struct farm_breaker_options {
    uint32_t struct_size;
    int32_t consecutive_count; /**< failures in a row that open it; default 5; -1: never */
    int32_t failure_percent;   /**< of the calls in the window; default 50; -1: never */
    int32_t slow_percent;      /**< likewise of slow calls; default 50 */
    int32_t minimum_count;     /**< calls in the window before a percentage counts; default 20, or
                                    window_count when that is less */
    int32_t bucket_count;      /**< the window moves on by a bucket; default 10, up to
                                    FARM_BREAKER_BUCKET_MAX */
    int32_t window_count;      /**< the window is so many calls, rounded up to whole buckets, up to
                                    1,000,000; 0: it is window_us */
    int32_t probe_count;       /**< half-open: probes at once, and successes that close it; default
                                    3, up to FARM_BREAKER_PROBE_MAX */
    int32_t jitter_percent;    /**< an open time is shorter by up to this part, at random, so that
                                    many processes do not come back at once; default 20, up to 90;
                                    -1: none */
    uint32_t reserved;         /**< 0 */
    int64_t window_us;         /**< default 10 s; 10 ms to 1 day */
    int64_t slow_us;           /**< a call that takes longer is slow, up to 1 day; 0: none is */
    int64_t open_us;           /**< the first open time, doubled each time that probes fail; default
                                    5 s; 1 ms to 1 day; ends on a whole millisecond */
    int64_t open_max_us;       /**< the longest; default 60 s, or open_us when that is more */
    int64_t probe_us;          /**< a probe that is not reported for so long gives its place back,
                                    and its report is ignored; default 30 s; 1 ms to 1 day */
} farm_breaker_options;

/** How to make a farm_breakers. Zero means the default everywhere. */
typedef struct farm_breakers_options {
    uint32_t struct_size;
    uint32_t max_count;   /**< names at most; default 256, up to FARM_BREAKER_LIST_MAX */
    uint32_t event_count; /**< how many of the last events are kept; default 256, up to 65,536 */
    uint32_t reserved;    /**< 0 */
    const farm_breaker_options *breaker; /**< of names that nobody defined; NULL: all defaults */
    const farm_clock *clock;             /**< NULL: the system's */
    const farm_entropy *entropy;         /**< for the jitter; NULL: the system's */
} farm_breakers_options;

/** A permit: a plain value, copied at will; nothing has to be freed. */
typedef struct farm_breaker_permit {
    uint32_t struct_size;
    int32_t allowed;        /**< 1: make the call, then report it */
    int32_t state;          /**< FARM_BREAKER_… at that moment */
    int32_t place;          /**< the library's */
    int64_t retry_after_us; /**< denied: when to ask again; -1: not before somebody sets it;
                                 0 when allowed */
    int64_t started_us;     /**< the library's: when it was given */
    int64_t generation;     /**< the library's */
    int64_t probe;          /**< the library's */
} farm_breaker_permit;

/** A breaker as it is now; of counts, those in the window of the closed state. */
typedef struct farm_breaker_state {
    uint32_t struct_size;
    int32_t state; /**< FARM_BREAKER_…; open with retry_after_us 0: the next one probes */
    int64_t retry_after_us;    /**< open: until it probes; -1: forced open; else 0 */
    int64_t generation;        /**< changes with each change of state; modulo 262,144 */
    int64_t call_count;        /**< reported, not excluded; exact up to a million a bucket, in
                                    proportion to failure_count above */
    int64_t failure_count;     /**< of these, failures */
    int64_t timed_count;       /**< reported while slow_us is set, not excluded */
    int64_t slow_count;        /**< of these, slow ones */
    int64_t consecutive_count; /**< failures since the last success */
    int64_t probe_count;       /**< probes that are out */
    int64_t opened_count;      /**< since it was made: how often it opened by itself */
    int64_t denied_count;      /**< since it was made */
    int64_t ignored_count;     /**< since it was made: reports that came too late */
    char key[FARM_KEY_MAX + 1];
} farm_breaker_state;

/** A change of state. */
typedef struct farm_breaker_event {
    uint32_t struct_size;
    int32_t before;     /**< FARM_BREAKER_… */
    int32_t after;      /**< FARM_BREAKER_…; as before when a closed one was reset */
    int32_t cause;      /**< FARM_BREAKER_CAUSE_… */
    int64_t sequence;   /**< from 1, one more for each event */
    int64_t lost_count; /**< events between the one before, in this answer or the one asked after,
                             and this one, that are no more */
    int64_t at_us;      /**< by the clock's real time */
    int64_t generation; /**< that began; orders the events of one name */
    char key[FARM_KEY_MAX + 1];
} farm_breaker_event;

/** Named breakers; see the top of this file. */
typedef struct farm_breakers farm_breakers;

/**
 * Make a set of breakers. Its memory is bounded by max_count and event_count.
 *
 * @param options NULL: all defaults.
 * @param error receives what is wrong; NULL: not wanted.
 * @param out receives the set, or NULL.
 * @return FARM_OK
 * @return FARM_EINVAL an option is out of range; the text names it.
 * @return FARM_EUNSUPPORTED options of a newer library.
 * @return FARM_ENOMEM
 * Ownership: out is the caller's, for farm_breakers_free(); of options the contexts of clock and
 * entropy are kept. Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_breakers_new(const farm_breakers_options *options, farm_error *error,
                                       farm_breakers **out);

/**
 * Free. No other call may be running, and permits are worth nothing afterwards.
 *
 * @param breakers NULL is allowed. Threads: one. Since 0.1.0.
 */
FARM_API void farm_breakers_free(farm_breakers *breakers);

/**
 * Freeze the clock, for tests and simulations in any language. The first time frozen is the moment
 * of the call, on a whole millisecond; later ones move from there, back as well.
 *
 * @param now_us microseconds since 1970 UTC, 0 to 2200-01-01; -1 lets it run again.
 * @return FARM_OK
 * @return FARM_EINVAL out of range.
 * Threads: any, while no other call runs on the set. Since 0.1.0.
 */
FARM_API farm_status farm_breakers_set_clock_us(farm_breakers *breakers, int64_t now_us);

/**
 * Give a name options of its own, before its first use. Repeating it with equal options changes
 * nothing. A name that nobody defined has the options of the set.
 *
 * @param key 1 to FARM_KEY_MAX bytes.
 * @param options NULL: all defaults.
 * @param error receives what is wrong; NULL: not wanted.
 * @return FARM_OK
 * @return FARM_EEXISTS the name is there with other options, which stand.
 * @return FARM_EINVAL an option is out of range, or the name; the text says which.
 * @return FARM_EUNSUPPORTED options of a newer library.
 * @return FARM_EFULL the set has max_count names.
 * @return FARM_ENOMEM
 * Ownership: nothing is kept. Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_breaker_define(farm_breakers *breakers, const char *key,
                                         const farm_breaker_options *options, farm_error *error);

/**
 * Ask whether to make a call, now. An allowed one is followed by farm_breaker_report(), once.
 *
 * @param key 1 to FARM_KEY_MAX bytes; a new name begins closed.
 * @param out receives the permit.
 * @return FARM_OK allowed or denied: out says which.
 * @return FARM_EINVAL
 * @return FARM_EFULL the name is new and the set has max_count names.
 * @return FARM_ENOMEM the name is new.
 * Threads: any; never waits. Since 0.1.0.
 */
FARM_API farm_status farm_breaker_allow(farm_breakers *breakers, const char *key,
                                        farm_breaker_permit *out);

/**
 * Say how the call ended. A report is ignored when the state has changed since the permit, or when
 * it was a probe and reported before, or later than probe_us. Of other permits a second report
 * counts a second time: do not.
 *
 * @param permit of this set, with allowed = 1.
 * @param outcome FARM_BREAKER_SUCCESS, FAILURE or EXCLUDED.
 * @param duration_us how long the call took; -1: since the permit.
 * @return FARM_OK also when it was ignored.
 * @return FARM_EINVAL no such permit, outcome or duration.
 * Threads: any, also another than the permit's; never waits. Since 0.1.0.
 */
FARM_API farm_status farm_breaker_report(farm_breakers *breakers, const farm_breaker_permit *permit,
                                         int32_t outcome, int64_t duration_us);

/**
 * Set a state by hand: CLOSED resets, that is, forgets all counts and ends whatever was forced;
 * OPEN opens as failures would; FORCED_OPEN and FORCED_CLOSED stand until the next
 * call of this. Repeating it changes nothing, except that CLOSED resets again.
 *
 * @param key a name, new or not.
 * @param state FARM_BREAKER_CLOSED, OPEN, FORCED_OPEN or FORCED_CLOSED.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EFULL the name is new and the set has max_count names.
 * @return FARM_ENOMEM the name is new.
 * @return FARM_EAGAIN other threads changed the state again and again.
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_breaker_set(farm_breakers *breakers, const char *key, int32_t state);

/**
 * Look at a breaker. Changes nothing.
 *
 * @param key its name. @param out receives what it is like.
 * @return FARM_OK
 * @return FARM_ENOTFOUND nobody has used or defined the name.
 * @return FARM_EINVAL
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_breaker_look(farm_breakers *breakers, const char *key,
                                       farm_breaker_state *out);

/**
 * Look at all breakers, in no particular order.
 *
 * @param rows receives them; set struct_size in every element, to the same.
 * @param capacity 1 to FARM_BREAKER_LIST_MAX; the set's max_count is enough for all.
 * @param out_count receives how many.
 * @return FARM_OK
 * @return FARM_EINVAL
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_breaker_list(farm_breakers *breakers, farm_breaker_state *rows,
                                       size_t capacity, size_t *out_count);

/**
 * The changes of state after one, in their order. The last event_count are kept; lost_count says
 * how many a reader who came too late has missed.
 *
 * @param after_sequence of the last event that was read; 0: from the beginning.
 * @param rows receives them; set struct_size in every element, to the same.
 * @param capacity 1 to FARM_BREAKER_LIST_MAX. @param out_count receives how many.
 * @return FARM_OK
 * @return FARM_EINVAL
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_breaker_events(farm_breakers *breakers, int64_t after_sequence,
                                         farm_breaker_event *rows, size_t capacity,
                                         size_t *out_count);

/** "closed" … "forced closed". @return static text, "unknown" otherwise. Threads: any.
 * Since 0.1.0. */
FARM_API const char *farm_breaker_state_name(int32_t state);

/**
 * What the status of one of this library's calls says of the store, for a breaker around it:
 * FAILURE for ETIMEOUT, EUNAVAILABLE, EUNCERTAIN, EREADONLY, EFULL and ECORRUPT; SUCCESS for an
 * answer, whatever it says; EXCLUDED for what never reached the store or says nothing of its
 * health: ENOMEM, EINVAL, EAGAIN, EUNSUPPORTED, EINTERNAL.
 *
 * @return FARM_BREAKER_SUCCESS, FAILURE or EXCLUDED; EXCLUDED for a number that is no status.
 * Threads: any. Since 0.1.0.
 */
FARM_API int32_t farm_breaker_outcome(farm_status status);

#ifdef __cplusplus
}
#endif
#endif
