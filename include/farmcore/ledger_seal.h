/**
 * @file farmcore/ledger_seal.h
 * Events in a sequence that never changes, sealed by hashes, and a book followed by that sequence.
 *
 * farm_ledger_seal_events() gives the events of a book that were committed since their numbers: 1,
 * 2, 3 and so on. Along each account that is the order of its history; between accounts it is the
 * order of their timestamps, but for what was committed late, which is in sequence late. So who
 * follows a book (farm_ledger_follow()) misses nothing, however long a transaction took to commit,
 * and sees nothing twice.
 *
 * What is put in sequence together is sealed: SHA-256 (FIPS 180-4) over the seal before it and over
 * each event, so that an event that is changed, left out, put in or moved afterwards is found out
 * by farm_ledger_verify_seals(), by everybody who knows a later hash. Who owns the database can
 * make a new chain: so write the last seal down where he cannot.
 */
#ifndef FARMCORE_LEDGER_SEAL_H
#define FARMCORE_LEDGER_SEAL_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_LEDGER_HASH_SIZE = 32 /**< bytes of a seal's hash */
};

/** Events that were put in sequence together. */
typedef struct farm_ledger_seal {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t book;
    int64_t number;         /**< of the seal in its book, from 1 on */
    int64_t first_sequence; /**< of its first event, from 1 on */
    int64_t event_count;
    int64_t sealed_us;
    uint8_t previous_hash[FARM_LEDGER_HASH_SIZE]; /**< of the seal before it; of the first: zeros */
    uint8_t hash[FARM_LEDGER_HASH_SIZE];          /**< see farm_ledger_verify_seals() */
} farm_ledger_seal;

/**
 * Put the oldest events of a book that are in no sequence in sequence, and seal them. Only the
 * service may. Call it again and again, from any process: until it answers no events, or as often
 * as those who follow shall learn of events. Two that meet do it one after the other.
 *
 * Within farm_begin() what the transaction has posted is sealed with it. When the answer of a
 * commit was lost, the call may answer the next seal, or none: farm_ledger_find_seals() has all.
 *
 * @param budget_count how many events, 1 to FARM_LEDGER_BATCH_MAX.
 * @param out receives the seal; event_count 0, and all else with it: there was no event.
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
FARM_API farm_status farm_ledger_seal_events(farm_session *session, int64_t book,
                                             int64_t budget_count, farm_ledger_seal *out);

/**
 * Follow a book: its events behind a place in the sequence, in that order, each once. Only the
 * service may. What no seal has yet is not among them.
 *
 * @param book the book; of one that is not there there are no events.
 * @param after_sequence where to go on: 0, and then what the page before this one began after plus
 *     how many events it had. Row i is number after_sequence + i + 1 of the sequence.
 * @param rows receives the events. @param capacity 1 to FARM_LEDGER_BATCH_MAX.
 * @param out_count receives how many; fewer than capacity: there are no more now.
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
FARM_API farm_status farm_ledger_follow(farm_session *session, int64_t book, int64_t after_sequence,
                                        farm_ledger_event *rows, size_t capacity,
                                        size_t *out_count);

/**
 * Find the seals of a book behind one of them, in their order. Only the service may.
 *
 * @param book the book; of one that is not there there are no seals.
 * @param after_number 0, or the number of the last seal of the page before this one.
 * @param rows receives the seals. @param capacity 1 to FARM_LEDGER_BATCH_MAX.
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
FARM_API farm_status farm_ledger_find_seals(farm_session *session, int64_t book,
                                            int64_t after_number, farm_ledger_seal *rows,
                                            size_t capacity, size_t *out_count);

/**
 * Check seals against their events, those behind a seal that is known. Only the service may. Begin
 * at the first, or with one that was written down elsewhere, which then has to be in the chain; go
 * on with the one that was checked last, until none is left. What was sealed before a known one was
 * right if it was checked once, and is not looked at again.
 *
 * The hash is made step by step. The first is SHA-256 of three parts: the text
 * "farm_ledger_seal 1"; the numbers of the book, the seal, its first event and its events; the hash
 * of the seal before it. Then one for each event, of three parts: the hash so far; timestamp, kind,
 * amount, timeout, code, flags, user_data_64, user_data_32 and effective time; id, both accounts,
 * pending_id, reversed_id and user_data_128. The last is the seal's. Before each part stands its
 * size in 8 bytes; a number has 8 bytes, an id 16; the most significant byte comes first. What
 * follows from the events, such as balances, is not in it: farm_verify() is for that.
 *
 * @param known a seal of the book, of which number and hash are used; NULL, or number 0: begin at
 *     the first.
 * @param budget_count how many seals, 1 to FARM_LEDGER_BATCH_MAX.
 * @param out receives the seal that was checked last, the known one where there is none behind it;
 *     number 0: there is no seal. On FARM_ECORRUPT the one that breaks, or number 0.
 * @return FARM_OK
 * @return FARM_ECORRUPT a seal is not what its events say, or is missing, or the known one is
 *     another: the error names it, and its events by their numbers.
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_verify_seals(farm_session *session, int64_t book,
                                              const farm_ledger_seal *known, int64_t budget_count,
                                              farm_ledger_seal *out);

#ifdef __cplusplus
}
#endif
#endif
