/**
 * @file farmcore/ledger_audit.h
 * Balances reckoned again from the events. farm_verify() says that something is wrong; this says
 * what the balances have to be, and writes them when it is told to.
 */
#ifndef FARMCORE_LEDGER_AUDIT_H
#define FARMCORE_LEDGER_AUDIT_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An account whose balances are not those of its events. */
typedef struct farm_ledger_difference {
    uint32_t struct_size;
    uint32_t reserved;
    farm_id account_id;
    int64_t book;
    int64_t kept_version; /**< as it is kept; 0 with zeros: nothing is */
    int64_t version;      /**< by its events */
    farm_ledger_balances kept;
    farm_ledger_balances balances;
    int32_t kept_is_closed;
    int32_t is_closed;
    int64_t kept_credit_limit_minor;
    int64_t credit_limit_minor; /**< the one that it was given last */
} farm_ledger_difference;

/**
 * Reckon the balances of a book from its events and compare them with those that are kept. Only
 * the service may. First each event is checked to begin where the one before it of each account
 * ended; one that does not is an error, as then nothing can be reckoned from the events, and it is
 * named. It looks at every event, and others may post meanwhile.
 *
 * With is_repair the balances that differ are written, in one transaction. A repeat finds what
 * there was no room for, and in the end nothing.
 *
 * @param book the book. @param is_repair 1: write what differs; 0: say it.
 * @param rows receives what differed, by the order in which the accounts were opened.
 * @param capacity 1 to FARM_LEDGER_BATCH_MAX. @param out_count receives how many there are.
 * @return FARM_OK
 * @return FARM_ENOTFOUND there is no such book.
 * @return FARM_ECORRUPT an event does not follow from those before it; nothing was written.
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_recompute(farm_session *session, int64_t book, int32_t is_repair,
                                           farm_ledger_difference *rows, size_t capacity,
                                           size_t *out_count);

/** A total that is not that of its events: of an account, of a quarter of an hour and a code. */
typedef struct farm_ledger_total_difference {
    uint32_t struct_size;
    int32_t code;
    farm_id account_id;
    int64_t quarter_us;        /**< when the quarter begins */
    int64_t kept_debits_minor; /**< as it is kept; all three 0: nothing is */
    int64_t kept_credits_minor;
    int64_t kept_event_count;
    int64_t debits_minor; /**< by its events; likewise: there are none */
    int64_t credits_minor;
    int64_t event_count;
} farm_ledger_total_difference;

/**
 * Reckon the totals of a book (farmcore/ledger_total.h) from the events that are in sequence, and
 * compare them with those that are kept. Only the service may. It looks at every event; others may
 * post meanwhile, and with is_repair nobody seals until it is done.
 *
 * With is_repair the totals that differ are written, in one transaction. A repeat finds what there
 * was no room for, and in the end nothing.
 *
 * @param book the book. @param is_repair 1: write what differs; 0: say it.
 * @param rows receives what differed, by account, quarter and code.
 * @param capacity 1 to FARM_LEDGER_BATCH_MAX. @param out_count receives how many there are.
 * @return FARM_OK
 * @return FARM_ENOTFOUND there is no such book.
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_recompute_totals(farm_session *session, int64_t book,
                                                  int32_t is_repair,
                                                  farm_ledger_total_difference *rows,
                                                  size_t capacity, size_t *out_count);

#ifdef __cplusplus
}
#endif
#endif
