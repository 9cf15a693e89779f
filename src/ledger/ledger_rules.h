/* The rules of the ledger: a batch and what the store knows about it in, results and what is to be
 * stored out. Pure functions over memory that the caller gives.
 *
 * ledger_rules.c walks items and their chains. What is decided about an account is in
 * ledger_account_rules.c; about a batch of transfers in ledger_batch_rules.c, and about one of them
 * in ledger_transfer_rules.c, ledger_resolve_rules.c when it ends a hold, ledger_reverse_rules.c
 * when it reverses another, and ledger_repeat_rules.c when its id is there. What a transfer does to
 * its accounts is in ledger_move_rules.c. */
#ifndef LEDGER_RULES_H
#define LEDGER_RULES_H

#include "base/id_map.h"
#include <farmcore/ledger.h>

/* The last bits of a timestamp tell writers apart that know nothing of each other. The others are
 * time, in steps of 1,024 ns. */
#define LEDGER_STEP_NS INT64_C(1024)
#define LEDGER_WRITER_MAX (LEDGER_STEP_NS - 1)

/* 2200-01-01: as everywhere in the library. */
#define LEDGER_TIME_MAX_US INT64_C(7258118400000000)

/* Instead of a place: there is none; and of a record: the id was burnt. */
#define LEDGER_NOWHERE UINT32_MAX
#define LEDGER_BURNT (UINT32_MAX - 1)

/* --- a batch, walked --- */

/* What transfers and accounts have in common, and where they differ. The statuses below 4 have the
 * same numbers. */
typedef struct ledger_walk {
    uint32_t imported_flag;
    int32_t imported_expected;
    int32_t imported_not_expected;
    int32_t imported_out_of_range;
    int32_t imported_must_not_advance;
    uint32_t (*flags_of)(const void *context, size_t index);
    int64_t (*timestamp_of)(const void *context, size_t index);
    int32_t (*decide)(void *context, size_t index);
    /* How much there is, to be able to go back to it. */
    size_t (*mark)(const void *context);
    void (*undo)(void *context, size_t mark);
    void (*answer)(void *context, size_t index, int32_t status);
} ledger_walk;

/* Imports have to be older than now_ns. */
void ledger_walk_all(const ledger_walk *walk, void *context, size_t count, int64_t now_ns);

/* --- transfers --- */

enum { LEDGER_DEBIT, LEDGER_CREDIT, LEDGER_SIDES };

/* What events change of an account. */
typedef struct ledger_state {
    farm_ledger_balances balances;
    int64_t version;
    int64_t last_ns; /* its last event's; of a new account: when it was opened */
    int32_t is_closed;
    int32_t reserved;
} ledger_state;

typedef struct ledger_account {
    farm_id id;
    int64_t book;
    int64_t number;            /* by which its rows name it */
    int64_t book_last_ns;      /* imports: of the last event of its book, else 0 */
    int64_t book_sealed_ns;    /* of its book: what events come after; 0 where they need not */
    int64_t closed_through_us; /* likewise */
    int64_t timestamp_ns;
    int64_t credit_limit_minor;
    uint32_t flags;
    int32_t is_changed;
    int64_t known_version; /* of the row */
    ledger_state state;
} ledger_account;

/* A transfer that is stored, or that this batch makes. */
typedef struct ledger_record {
    farm_ledger_event event;
    uint32_t accounts[LEDGER_SIDES];   /* places; LEDGER_NOWHERE: not loaded */
    uint32_t hold;                     /* the place of what it resolves */
    uint32_t reversed;                 /* the place of what it reverses */
    ledger_state before[LEDGER_SIDES]; /* these three: of what this batch makes */
    ledger_state after[LEDGER_SIDES];
} ledger_record;

typedef struct ledger_batch {
    int64_t now_ns;
    int64_t writer;    /* 0 to LEDGER_WRITER_MAX */
    int64_t last_ns;   /* of the last timestamp that was given out; 0 at first */
    int32_t knows_ids; /* whether what is stored of the items' ids is among the records */
    int32_t reserved;
    const farm_ledger_transfer *items;
    size_t count;
    farm_ledger_transfer_result *results;
    ledger_account *accounts;
    size_t account_count;
    /* Those that are stored come first; there is room for one more an item and a due hold. */
    ledger_record *records;
    size_t record_count;
    size_t stored_count; /* those before it are stored, those behind it made by this batch */
    id_map account_places;
    id_map record_places; /* with room for one more an item */
    /* Places of holds that have run out, in the order of their ends. */
    const uint32_t *due;
    size_t due_count;
} ledger_batch;

/* End the holds that are due, then decide about the items. An import ends none: its events are
 * older than that. */
void ledger_decide(ledger_batch *batch);
void ledger_expire_due(ledger_batch *batch);

/* Whether a refusal burns the id: it could pass later, and a repeat must not succeed then. */
int32_t ledger_burns(int32_t status);
/* When a hold ends, INT64_MAX: never. 0 when that is after the end of time. */
int64_t ledger_hold_end_ns(int64_t timestamp_ns, int64_t timeout_us);
/* When a transfer counts that is an event of this timestamp. */
int64_t ledger_effective_us(const farm_ledger_transfer *transfer, int64_t timestamp_ns);

/* --- one transfer; between the files of the rules --- */

typedef struct ledger_step {
    ledger_batch *batch;
    const farm_ledger_transfer *transfer;
    uint32_t places[LEDGER_SIDES];
    ledger_account *accounts[LEDGER_SIDES]; /* NULL until they are found */
    uint32_t hold_place;
    ledger_record *hold; /* what it resolves */
    uint32_t reversed_place;
    ledger_record *reversed; /* what it reverses */
    int32_t kind;
    int64_t amount_minor;
    int64_t timestamp_ns;
    uint32_t record; /* CREATED, EXISTS: its place */
} ledger_step;

typedef int32_t (*ledger_check)(ledger_step *step);
/* The first status that is not CREATED. */
int32_t ledger_check_all(ledger_step *step, const ledger_check *checks, size_t count);

int32_t ledger_decide_transfer(ledger_step *step);
/* The checks of a transfer that ends a hold, or that reverses another, from its flags on. */
int32_t ledger_check_resolve(ledger_step *step);
int32_t ledger_check_reverse(ledger_step *step);
/* What a transfer is told whose id is there. former: what it says that it resolves or reverses, or
 * NULL. */
int32_t ledger_repeat(const farm_ledger_transfer *transfer, const farm_ledger_event *found,
                      const farm_ledger_event *former);
/* The place of a transfer that happened, or LEDGER_NOWHERE. */
uint32_t ledger_find_record(const ledger_batch *batch, const farm_id *id);
/* Whether a field is given and is not this. */
int32_t ledger_is_other(const farm_id *given, const farm_id *inherited);
/* The checks that are shared, once the accounts are known. */
int32_t ledger_check_import(ledger_step *step);
int32_t ledger_check_period(ledger_step *step);
int32_t ledger_check_open(ledger_step *step);
int32_t ledger_check_overflow(ledger_step *step);
int32_t ledger_check_limits(ledger_step *step);
int32_t ledger_check_conditions(ledger_step *step);
void ledger_find_account(ledger_step *step, int32_t side, const farm_id *id);
/* The timestamp of an event on these accounts. */
void ledger_set_time(ledger_step *step);

/* What the step does to both accounts' states. */
void ledger_move(const ledger_step *step, ledger_state *after);
/* Do it, and make the record. */
void ledger_apply(ledger_step *step);
/* Take back records until there are so many. */
void ledger_undo(ledger_batch *batch, size_t record_count);

/* --- accounts --- */

/* A book that the batch names and that is there. */
typedef struct ledger_book {
    int64_t book;
    int64_t last_ns; /* of its last account */
} ledger_book;

typedef struct ledger_opening {
    int64_t now_ns;
    int64_t writer;
    int64_t last_ns;
    const farm_ledger_account *items;
    size_t count;
    farm_ledger_account_result *results;
    const ledger_book *books; /* in ascending order */
    size_t book_count;
    /* Those that are stored come first, with room for one more an item. */
    farm_ledger_account *accounts;
    size_t account_count;
    id_map account_places;
} ledger_opening;

void ledger_open(ledger_opening *opening);

/* A timestamp after all of these, at now_ns if it can be. */
int64_t ledger_next_ns(int64_t now_ns, int64_t writer, int64_t last_ns);
/* Neither zeros nor all ones: 0, or the status to answer. */
int32_t ledger_check_id(const farm_id *id, int32_t is_zero_status, int32_t is_max_status);

#endif
