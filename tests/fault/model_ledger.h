/* The model of the ledger (fault/lab.h), in the plainest code there is: a state is a list of what
 * happened and of what the accounts have, every search is a loop, and a chain that breaks is undone
 * by the copy of before. It is written from farmcore/ledger.h and docs/ledger.md.
 *
 *     model_ledger.c           the library is asked
 *     model_ledger_look.c      the library and the model are looked up
 *     model_ledger_draw.c      operations are drawn
 *     model_ledger_state.c     what is remembered, and what runs out
 *     model_ledger_batch.c     a batch: chains, fields, repeats
 *     model_ledger_transfer.c  a transfer that is new: what it needs and what it does
 *
 * A place is two books with a few accounts. Times are exact: what the store has given as timestamps
 * comes to the model as facts, and now and then a batch is posted at the very edge of a hold. */
#ifndef MODEL_LEDGER_H
#define MODEL_LEDGER_H

#include "fault/lab.h"

enum {
    LEDGER_POST = 1,
    LEDGER_EXPIRE,
    LEDGER_OPEN,
    LEDGER_CLOSE,
    LEDGER_SEAL,
    LEDGER_FIND,
    LEDGER_FIND_ACCOUNTS
};

enum {
    LEDGER_ITEM_MAX = 12,    /* transfers in a batch */
    LEDGER_ACCOUNTS = 9,     /* of a place; the last is opened on the way */
    LEDGER_RECORD_MAX = 256, /* transfers that a state remembers: the latest */
    LEDGER_STALE = 48,       /* who refers to an operation so many numbers ago does nothing */
    LEDGER_LOOKED = 40       /* transfers that a look reads: the latest */
};

/* A timestamp's last bits are drawn: it may be so much before the clock, and so much is between
 * two events of a batch. */
enum { LEDGER_STEP_NS = 1024 };

/* In an operation's values. */
enum {
    LEDGER_COUNT,   /* of items */
    LEDGER_BUDGET,  /* of LEDGER_EXPIRE and LEDGER_SEAL */
    LEDGER_EDGE,    /* the hold at whose end it is done, if it ends soon; 0: none */
    LEDGER_LATE_US, /* so much after it: 0 is just before, as ends are no whole microseconds */
    LEDGER_BOOK,    /* of LEDGER_CLOSE and LEDGER_SEAL */
    LEDGER_THROUGH, /* of LEDGER_CLOSE, in microseconds */
    LEDGER_ITEMS    /* ledger_item, one after the other */
};

/* In a result's values: of an item status, amount and both accounts' balances; found transfers are
 * twelve numbers. */
enum { LEDGER_RESULT_SIZE = 10, LEDGER_FOUND_SIZE = 12, LEDGER_OMEN = LAB_VALUE_MAX - 1 };

/* In facts: the time it was done at, the accounts' versions before it, the items' timestamps, and
 * which items were told that their hold has run out, and which that it is missing (a bit each). */
enum {
    LEDGER_NOW_US,
    LEDGER_VERSIONS,
    LEDGER_TIMESTAMPS = LEDGER_VERSIONS + LEDGER_ACCOUNTS,
    LEDGER_TOLD_EXPIRED = LEDGER_TIMESTAMPS + LEDGER_ITEM_MAX,
    LEDGER_TOLD_MISSING
};

/* Of accounts in items: 1 to LEDGER_ACCOUNTS, or no account; and ids likewise. */
enum { LEDGER_ZEROS = 0, LEDGER_ONES = -1, LEDGER_STRANGER = LEDGER_ACCOUNTS + 1 };
/* Of an item's book: 1, 2, or none of the place's. */
enum { LEDGER_BOOK_NONE = 0, LEDGER_BOOK_NEGATIVE = -1, LEDGER_BOOK_UNKNOWN = 3 };
/* Of an item's timestamp. */
enum { LEDGER_STAMP_NONE, LEDGER_STAMP_FIRST, LEDGER_STAMP_LATER, LEDGER_STAMP_NEGATIVE };
/* Among an item's conditions: the operand is added to the version before the operation. */
enum { LEDGER_RELATIVE = 1 << 6 };

/* A transfer as it is drawn, and as it is remembered. */
typedef struct ledger_item {
    int64_t id; /* ledger_id(), LEDGER_ZEROS or LEDGER_ONES */
    int64_t hold;
    int64_t reversed;
    int64_t amount;
    int64_t timeout_us;
    int64_t operand; /* of its conditions */
    int64_t effective_us;
    uint32_t flags; /* the library's */
    int32_t code;
    int8_t debit;
    int8_t credit;
    int8_t book;
    int8_t stamp;
    int8_t conditions; /* the library's, and LEDGER_RELATIVE */
    int8_t data[3];    /* user data of 128, 64, 32 bits */
} ledger_item;

enum { LEDGER_ITEM_SIZE = sizeof(ledger_item) / sizeof(int64_t) };

/* Ids grow with the operations. */
static inline int64_t ledger_id(uint64_t number, int64_t place) {
    return (int64_t)(number << 8) + place + 1;
}

typedef struct ledger_balances {
    int64_t debits_pending;
    int64_t debits_posted;
    int64_t credits_pending;
    int64_t credits_posted;
} ledger_balances;

/* What an account is opened with. */
typedef struct ledger_figures {
    int8_t book;
    uint32_t flags;
    int64_t credit_limit;
} ledger_figures;

extern const ledger_figures ledger_figures_of[LEDGER_ACCOUNTS + 1]; /* from 1 on */

typedef struct ledger_account {
    ledger_balances balances;
    int64_t version;
    int64_t is_closed; /* by a hold */
    int64_t is_open;   /* of the last one: it has been opened */
    int64_t last_ns;   /* its last event is of this time or later */
} ledger_account;

/* A transfer that happened; what it left to its hold, or to what it reverses, is filled in. */
typedef struct ledger_record {
    ledger_item item;
    int64_t kind;
    int64_t resolution;
    int64_t came_back;    /* how much of it was reversed */
    int64_t timestamp_ns; /* 0: not known */
    int64_t round_us;     /* in which round it happened */
    ledger_balances debit;
    ledger_balances credit;
} ledger_record;

typedef struct ledger_state {
    ledger_account accounts[LEDGER_ACCOUNTS + 1]; /* from 1 on */
    int64_t closed_through_us[3];                 /* of the books, from 1 on */
    int64_t event_count;                          /* all there ever were, ends of holds too */
    int64_t waiting[3];                           /* events of the books in no sequence yet */
    int64_t record_count;
    ledger_record records[LEDGER_RECORD_MAX]; /* the latest id first */
    int64_t burnt_count;                      /* all there ever were */
    int64_t burnt[LEDGER_RECORD_MAX];         /* the latest id first; 0: no more */
} ledger_state;

/* --- model_ledger_draw.c --- */

void ledger_draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out);
void ledger_describe(const lab_operation *operation, char *text, size_t size);
ledger_item ledger_item_at(const lab_operation *operation, int64_t place);

/* --- model_ledger_look.c --- */

/* The number of a book of the place, 1 or 2; what is none of them stays as it is. */
int64_t ledger_book_number(const lab_place *place, int32_t book);
/* The id of an account or a transfer by its number. */
farm_id ledger_name(const lab_place *place, int64_t number);
farm_status ledger_find_accounts(farm_session *session, const lab_place *place,
                                 farm_ledger_account *found);
void ledger_keep_balances(const farm_ledger_balances *balances, int64_t *values);
void ledger_answer_accounts(const farm_ledger_account *found, int64_t *values);
void ledger_find_some(farm_session *session, const lab_place *place, const lab_operation *operation,
                      lab_result *out);
void ledger_look(farm_session *session, const lab_place *place, lab_result *out);
void ledger_model_accounts(const ledger_state *state, int64_t *values);
void ledger_model_find(ledger_state *state, const lab_operation *operation, lab_result *out);
void ledger_model_look(ledger_state *state, lab_result *out);

/* --- model_ledger_state.c --- */

int ledger_is_open(const ledger_state *state, int32_t account);
int ledger_is_closed(const ledger_state *state, int32_t account);
/* NULL: it never happened. */
ledger_record *ledger_find(ledger_state *state, int64_t id);
ledger_record *ledger_remember(ledger_state *state, const ledger_record *record);
int ledger_is_burnt(const ledger_state *state, int64_t id);
void ledger_burn(ledger_state *state, int64_t id);
/* When a hold runs out, in nanoseconds; INT64_MAX: it does not, or nobody knows yet. */
int64_t ledger_end_ns(const ledger_record *hold);
/* There is an event on the two accounts, at about now_us or later than all they have seen, and than
 * *last_ns, the batch's last. */
void ledger_pass(ledger_state *state, const ledger_item *item, int64_t now_us, int64_t *last_ns);
/* The hold of the record has ended by an event of the kind, which moves the amount. */
void ledger_end_hold(ledger_state *state, ledger_record *hold, int32_t kind, int64_t amount);
/* End holds that have run out, the oldest first: those of the accounts (a bit each). */
int64_t ledger_run_out(ledger_state *state, int64_t now_us, uint32_t accounts, int64_t most,
                       int64_t *last_ns);
/* The time at which the operation is done. */
int64_t ledger_time_of(ledger_state *state, int64_t now_us, const lab_operation *operation);

/* --- model_ledger_batch.c and model_ledger_transfer.c --- */

/* A batch that is being decided. */
typedef struct ledger_batch {
    ledger_state *state;
    const lab_operation *operation;
    lab_result *out;
    int64_t now_us;
    int64_t last_ns; /* its last event is of this time or later, undone ones too */
    int64_t place;   /* of the item */
    int64_t versions[LEDGER_ACCOUNTS + 1]; /* before it, from 1 on */
    int32_t debit;                         /* the item's accounts, once they are known */
    int32_t credit;
} ledger_batch;

/* What is told about an item. */
typedef struct ledger_said {
    int64_t status;
    int64_t amount;
    ledger_balances debit;
    ledger_balances credit;
} ledger_said;

void ledger_post(ledger_state *state, int64_t now_us, const lab_operation *operation,
                 lab_result *out);
/* One whose own fields may be, and whose id is new. */
void ledger_transfer(ledger_batch *batch, const ledger_item *item, ledger_said *said);

#endif
