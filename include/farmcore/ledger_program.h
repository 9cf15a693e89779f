/**
 * @file farmcore/ledger_program.h
 * Incentive programs: for a time more is paid, or anything at all, to who or what is nominated. A
 * nomination says whom or what, by whom, until when, and which account it is for.
 *
 * - A **program** belongs to a book and has a beginning and perhaps an end, which can be brought
 *   forward and never put off. It may say how many nominations run at most.
 * - A **nomination** is of a subject, a text of the application's (a person, a shop, a picture). It
 *   begins when it is made and ends when it says so, with the program, or when it is withdrawn;
 *   then the subject may be nominated again. What was said stays: who, by whom, from when, until
 *   when.
 * - Payouts may ask for it: program_id in farm_ledger_payout_rules (farmcore/ledger_payout.h).
 *
 * Only the service may do any of it. Who nominates is given by the service, as the person for whom
 * it acts. Times are microseconds since 1970; what is over is over by itself, and no job ends it.
 */
#ifndef FARMCORE_LEDGER_PROGRAM_H
#define FARMCORE_LEDGER_PROGRAM_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What an item of farm_ledger_nominate() or farm_ledger_withdraw_nominations() is told: name,
 *  number, what it says. The first that applies, in the order of docs/ledger_programs.md. */
#define FARM_LEDGER_NOMINATION_STATUSES(X)                                                         \
    X(CREATED, 0, "nominated, or withdrawn")                                                       \
    X(EXISTS, 1, "it is there, and the same")                                                      \
    X(EXISTS_WITH_DIFFERENT_ACCOUNT_ID, 2, "the nomination is there for another account")          \
    X(EXISTS_WITH_DIFFERENT_NOMINATED_BY, 3, "it is there, by somebody else")                      \
    X(EXISTS_WITH_DIFFERENT_UNTIL, 4, "it is there until another time")                            \
    X(EXISTS_WITH_DIFFERENT_USER_DATA_128, 5, "it is there with other user data")                  \
    X(EXISTS_WITH_DIFFERENT_NUMBER, 6, "the subject's nominations have come to another number")    \
    X(EXISTS_WITH_DIFFERENT_WITHDRAWN_BY, 7, "it was withdrawn by somebody else")                  \
    X(PROGRAM_NOT_FOUND, 8, "there is no such program")                                            \
    X(PROGRAM_ENDED, 9, "the program has ended")                                                   \
    X(ACCOUNT_NOT_FOUND, 10, "there is no such account")                                           \
    X(ACCOUNT_HAS_DIFFERENT_LEDGER, 11, "the account is of another book than the program")         \
    X(UNTIL_OUT_OF_RANGE, 12, "until_us is not to come, or behind the program's end")              \
    X(FULL, 13, "as many run as the program allows")                                               \
    X(NOMINATION_NOT_FOUND, 14, "the subject was never nominated")                                 \
    X(NOMINATION_ENDED, 15, "the nomination has ended by itself")

enum {
#define FARM_LEDGER_ENUM(name, number, text) FARM_LEDGER_NOMINATION_##name = number,
    FARM_LEDGER_NOMINATION_STATUSES(FARM_LEDGER_ENUM)
#undef FARM_LEDGER_ENUM
};

/** A program to open. */
typedef struct farm_ledger_program {
    uint32_t struct_size;
    uint32_t reserved;
    farm_id id; /**< neither zeros nor all ones; of all books */
    farm_id user_data_128;
    int64_t book;
    const char *name;        /**< the application's, 1 to FARM_KEY_MAX bytes of UTF-8 */
    int64_t from_us;         /**< when it begins, 0 and up */
    int64_t until_us;        /**< when it is over, later than that; 0: never */
    int64_t nominations_max; /**< how many run at once, those that wait for the beginning included;
                                  0: however many */
} farm_ledger_program;

/** A program as it was found. */
typedef struct farm_ledger_program_row {
    uint32_t struct_size;
    uint32_t reserved;
    farm_id id; /**< zeros: there is no such program, and all else is zeros, too */
    farm_id user_data_128;
    int64_t book;
    int64_t from_us;
    int64_t until_us;        /**< as it is now; 0: never */
    int64_t opened_until_us; /**< as it was opened; 0: never */
    int64_t nominations_max;
    int64_t nomination_count; /**< how many run now */
    char name[FARM_KEY_MAX + 1];
} farm_ledger_program_row;

/** A nomination to make. */
typedef struct farm_ledger_nomination {
    uint32_t struct_size;
    uint32_t reserved;
    farm_id program_id;
    const char *subject;      /**< who or what, 1 to FARM_KEY_MAX bytes of UTF-8 */
    farm_id account_id;       /**< what the program pays for it gets; zeros: none */
    const char *nominated_by; /**< 1 to FARM_KEY_MAX bytes of UTF-8 */
    int64_t until_us;         /**< 0: as long as the program */
    farm_id user_data_128;
    int64_t
        number; /**< which of the subject's nominations in the program, from 1 on, so that a late
                         repeat makes no other; 0: the one that runs, or else the next */
} farm_ledger_nomination;

/** What became of it. */
typedef struct farm_ledger_nomination_result {
    uint32_t struct_size;
    int32_t status; /**< FARM_LEDGER_NOMINATION_CREATED … */
    int64_t number; /**< CREATED, EXISTS: of the nomination; else 0 */
} farm_ledger_nomination_result;

/** A nomination to end. */
typedef struct farm_ledger_withdrawal {
    uint32_t struct_size;
    uint32_t reserved;
    farm_id program_id;
    const char *subject;
    const char *withdrawn_by; /**< 1 to FARM_KEY_MAX bytes of UTF-8 */
    int64_t number;           /**< which; 0: the latest */
} farm_ledger_withdrawal;

/** A nomination as it was found. */
typedef struct farm_ledger_nomination_row {
    uint32_t struct_size;
    uint32_t reserved;
    farm_id program_id;
    farm_id account_id; /**< zeros: none */
    farm_id user_data_128;
    int64_t book;
    int64_t number;
    int64_t from_us;  /**< when it was made; it counts from the program's beginning on */
    int64_t until_us; /**< as it is now, by the program's end and the withdrawal; 0: never */
    char subject[FARM_KEY_MAX + 1];
    char nominated_by[FARM_KEY_MAX + 1];
    char withdrawn_by[FARM_KEY_MAX + 1]; /**< "": nobody */
} farm_ledger_nomination_row;

/** Whether an account was nominated. */
typedef struct farm_ledger_nominated {
    uint32_t struct_size;
    int32_t is_nominated; /**< 1: by a nomination that ran */
    int64_t until_us;     /**< of several the latest; 0: never, or not nominated */
} farm_ledger_nominated;

/** Which nominations of a subject; the next page begins behind the last row's program_id and
 *  number. */
typedef struct farm_ledger_nomination_query {
    uint32_t struct_size;
    uint32_t reserved;
    int64_t book;
    const char *subject;
    farm_id after_program_id; /**< zeros, with after_number 0: from the first */
    int64_t after_number;
} farm_ledger_nomination_query;

/** "CREATED" … of FARM_LEDGER_NOMINATION_STATUSES. @return static text, "UNKNOWN"
 *  otherwise. Threads: any. Since 0.1.0. */
FARM_API const char *farm_ledger_nomination_status_name(int32_t code);

/** What it says, as one English line. @return static text. Threads: any. Since 0.1.0. */
FARM_API const char *farm_ledger_nomination_status_text(int32_t code);

/**
 * Open programs, all or none, in one round trip and its commit. Repeating it with the same fields
 * changes nothing, also where the end was brought forward since.
 *
 * @param items programs. @param count 1 to FARM_LEDGER_BATCH_MAX.
 * @return FARM_OK
 * @return FARM_EEXISTS FARM_LEDGER_REASON_PROGRAM_DIFFERS: a program is there with other fields.
 * @return FARM_ENOTFOUND FARM_LEDGER_REASON_BOOK_UNKNOWN: there is no such book.
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
FARM_API farm_status farm_ledger_open_programs(farm_session *session,
                                               const farm_ledger_program *items, size_t count);

/**
 * Bring a program's end forward, or set one where there was none; one round trip and its commit. A
 * time that has passed ends it now, or before it begins: what was paid by it stays explained.
 * Nominations end with it. Repeating it changes nothing.
 *
 * @param id the program. @param until_us when it is over, 1 and up.
 * @return FARM_OK
 * @return FARM_ENOTFOUND there is no such program.
 * @return FARM_EREFUSED FARM_LEDGER_REASON_PROGRAM_ENDS_EARLIER: it would go on for longer. An end
 *     that was announced is one that others go by, and who wants more time opens another program.
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
FARM_API farm_status farm_ledger_end_program(farm_session *session, const farm_id *id,
                                             int64_t until_us);

/**
 * Nominate, in the order of the items, in two round trips: each has its own result, and the call is
 * FARM_OK whatever they are. Who nominates at the same time in one of the programs waits, so that
 * there are never more than nominations_max; those that have ended do not count. A subject has one
 * nomination at a time in a program. Repeating it answers EXISTS while that runs; with a number
 * also afterwards.
 *
 * @param items nominations. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each.
 * @return FARM_OK
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
FARM_API farm_status farm_ledger_nominate(farm_session *session,
                                          const farm_ledger_nomination *items, size_t count,
                                          farm_ledger_nomination_result *results);

/**
 * End nominations now, in the order of the items, in two round trips. Who ended them is kept.
 * Repeating it answers EXISTS.
 *
 * @param items which. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each.
 * @return FARM_OK
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
FARM_API farm_status farm_ledger_withdraw_nominations(farm_session *session,
                                                      const farm_ledger_withdrawal *items,
                                                      size_t count,
                                                      farm_ledger_nomination_result *results);

/**
 * Look programs up by their ids, in one round trip.
 *
 * @param items ids. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each; a program
 *     that is not there is all zeros but for struct_size.
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
FARM_API farm_status farm_ledger_find_programs(farm_session *session, const farm_id *items,
                                               size_t count, farm_ledger_program_row *results);

/**
 * Who or what was nominated at a time, in the order of the subjects' bytes, in one round trip: by
 * what is known now, so a nomination that was withdrawn since then was there until that.
 *
 * @param id the program; of one that is not there nothing is. @param at_us the time, 0 and up; 0:
 *     now.
 * @param after_subject the last subject of the page before; NULL: from the first.
 * @param rows receives nominations. @param capacity 1 to FARM_LEDGER_BATCH_MAX.
 * @param out_count receives how many; fewer than capacity: these were the last.
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
FARM_API farm_status farm_ledger_list_nominations(farm_session *session, const farm_id *id,
                                                  int64_t at_us, const char *after_subject,
                                                  farm_ledger_nomination_row *rows, size_t capacity,
                                                  size_t *out_count);

/**
 * All nominations of a subject in a book, past ones, too: a program after the other, in the order
 * of their ids, and in each the first nomination first. One round trip.
 *
 * @param query of which subject, and behind which. @param rows receives nominations.
 * @param capacity 1 to FARM_LEDGER_BATCH_MAX.
 * @param out_count receives how many; fewer than capacity: these were the last.
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
FARM_API farm_status farm_ledger_list_subject_nominations(farm_session *session,
                                                          const farm_ledger_nomination_query *query,
                                                          farm_ledger_nomination_row *rows,
                                                          size_t capacity, size_t *out_count);

/**
 * Say for accounts whether they were nominated in a program at a time, in one round trip.
 *
 * @param id the program; in one that is not there nobody is. @param at_us the time, 0 and up; 0:
 *     now.
 * @param items ids of accounts. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each.
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
FARM_API farm_status farm_ledger_check_nominations(farm_session *session, const farm_id *id,
                                                   int64_t at_us, const farm_id *items,
                                                   size_t count, farm_ledger_nominated *results);

#ifdef __cplusplus
}
#endif
#endif
