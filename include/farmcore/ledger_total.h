/**
 * @file farmcore/ledger_total.h
 * What accounts moved in a period: by when it counts (effective_us), not by when it was posted, and
 * by code. For cards such as "this month" and "last month", and for what an account had at the end
 * of a day, which is the sum of all before it.
 *
 * A period is from one quarter of an hour to another, as days and months of every time zone begin
 * with one. What is in sequence (farmcore/ledger_seal.h) stands in totals, so that a period costs
 * its quarters and not its transfers; what is not is added one by one, so that an answer is always
 * of all that is committed. Who never seals pays for the account's whole history.
 */
#ifndef FARMCORE_LEDGER_TOTAL_H
#define FARMCORE_LEDGER_TOTAL_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Times of a period are a multiple of it. */
#define FARM_LEDGER_QUARTER_US INT64_C(900000000)

/** What is asked for. */
typedef struct farm_ledger_period {
    uint32_t struct_size;
    int32_t code; /**< of the transfers, up to FARM_LEDGER_CODE_MAX; 0: all */
    farm_id account_id;
    int64_t from_us; /**< the first moment; 0: from the beginning */
    int64_t to_us; /**< the first moment after it; 0: to the end, what counts later than now too */
} farm_ledger_period;

/** What was moved: single transfers, posted holds and reversals; not what is held. */
typedef struct farm_ledger_total {
    uint32_t struct_size;
    int32_t code; /**< of farm_ledger_sum_codes(); else the one that was asked for */
    int64_t debits_minor;
    int64_t credits_minor;
    int64_t event_count;
} farm_ledger_total;

/**
 * Sum periods of accounts, in one round trip. Only the service may.
 *
 * @param items periods. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each; of an
 *     account that is not there zeros.
 * @return FARM_OK
 * @return FARM_EINVAL also: a period does not begin or end with a quarter of an hour.
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_sum_periods(farm_session *session, const farm_ledger_period *items,
                                             size_t count, farm_ledger_total *results);

/**
 * Sum a period of an account by the transfers' codes, the smallest first. Only the service may.
 *
 * @param period the period; its code is 0.
 * @param after_code 0, or the last code of the page before this one.
 * @param rows receives a total a code. @param capacity 1 to FARM_LEDGER_BATCH_MAX.
 * @param out_count receives how many; fewer than capacity: there are no more.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_sum_codes(farm_session *session, const farm_ledger_period *period,
                                           int32_t after_code, farm_ledger_total *rows,
                                           size_t capacity, size_t *out_count);

#ifdef __cplusplus
}
#endif
#endif
