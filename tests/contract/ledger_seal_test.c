/* Events in sequence, sealed, and a book followed by its sequence. */
#include "contract/ledger_damage.h"
#include "contract/ledger_script.h"
#include "contract/suite.h"
#include <criterion/criterion.h>
#include <farmcore/ledger_seal.h>
#include <pthread.h>
#include <string.h>

enum { ROOM = 20 };

static farm_ledger_event events[ROOM];
static farm_ledger_seal seals[ROOM];

static void set_up(void) {
    open_session();
    for (size_t i = 0; i < ROOM; i++) events[i].struct_size = sizeof *events;
    for (size_t i = 0; i < ROOM; i++) seals[i].struct_size = sizeof *seals;
}

TestSuite(ledger_seal, .init = set_up, .fini = close_session, .timeout = 60);

#define ACCOUNTS                                                                                   \
    "book 1 EUR 2\n"                                                                               \
    "account A1\n"                                                                                 \
    "account A2\n"                                                                                 \
    "account A3\n"                                                                                 \
    "account A4\n"

static farm_ledger_seal seal(int64_t budget_count) {
    farm_ledger_seal made = {.struct_size = sizeof made};
    cr_assert_eq(farm_ledger_seal_events(session, 1, budget_count, &made), FARM_OK, "%s",
                 farm_session_error_text(session));
    return made;
}

static size_t follow(int64_t after_sequence) {
    size_t count = 0;
    cr_assert_eq(farm_ledger_follow(session, 1, after_sequence, events, ROOM, &count), FARM_OK,
                 "%s", farm_session_error_text(session));
    return count;
}

/* The number of the last seal. */
static int64_t verify(const farm_ledger_seal *known, int64_t budget_count) {
    farm_ledger_seal last = {.struct_size = sizeof last};
    cr_assert_eq(farm_ledger_verify_seals(session, 1, known, budget_count, &last), FARM_OK, "%s",
                 farm_session_error_text(session));
    return last.number;
}

static int is_transfer(const farm_ledger_event *event, const char *id) {
    const farm_id wanted = ledger_script_id(id);
    return memcmp(&event->id, &wanted, sizeof wanted) == 0;
}

Test(ledger_seal, events_are_followed_in_sequence) {
    ledger_play(session, ACCOUNTS "transfer T1 A1 A2 10\n"
                                  "transfer T2 A2 A3 4 pending\n"
                                  "transfer T3 0 0 max post hold=T2 book=0 code=0\n"
                                  "send\n");
    cr_assert_eq(follow(0), 0, "nothing is sealed yet");
    const farm_ledger_seal first = seal(2);
    cr_assert_eq(first.number, 1);
    cr_assert_eq(first.first_sequence, 1);
    cr_assert_eq(first.event_count, 2);
    cr_assert_eq(follow(0), 2);
    const farm_ledger_seal second = seal(FARM_LEDGER_BATCH_MAX);
    cr_assert_eq(second.number, 2);
    cr_assert_eq(second.first_sequence, 3);
    cr_assert_eq(second.event_count, 1);
    cr_assert_eq(memcmp(second.previous_hash, first.hash, FARM_LEDGER_HASH_SIZE), 0);
    cr_assert_eq(seal(1).event_count, 0, "all of them are");

    cr_assert_eq(follow(0), 3);
    cr_assert(is_transfer(&events[0], "T1") && is_transfer(&events[1], "T2") &&
              is_transfer(&events[2], "T3"));
    cr_assert_eq(events[1].resolution, FARM_LEDGER_KIND_POSTED);
    cr_assert_eq(events[2].amount_minor, 4);
    cr_assert_eq(follow(2), 1);
    cr_assert_eq(follow(3), 0);
    contract_assert_sound(session);
}

Test(ledger_seal, a_chain_goes_on_from_any_seal) {
    size_t count = 0;
    ledger_play(session, ACCOUNTS "transfer T1 A1 A2 10\n"
                                  "transfer T2 A2 A3 4\n"
                                  "transfer T3 A2 A3 4\n"
                                  "send\n");
    cr_assert_eq(verify(NULL, ROOM), 0);
    for (int i = 0; i < 3; i++) (void)seal(1);
    cr_assert_eq(verify(NULL, ROOM), 3);
    cr_assert_eq(verify(NULL, 2), 2);
    cr_assert_eq(farm_ledger_find_seals(session, 1, 0, seals, ROOM, &count), FARM_OK);
    cr_assert_eq(count, 3);
    cr_assert_eq(verify(&seals[0], 1), 2);
    cr_assert_eq(verify(&seals[0], 2), 3);
    cr_assert_eq(verify(&seals[2], ROOM), 3, "it is the last that is known");
    cr_assert_eq(farm_ledger_find_seals(session, 1, 2, seals, ROOM, &count), FARM_OK);
    cr_assert_eq(count, 1);
    cr_assert_eq(seals[0].number, 3);
}

/* --- what is changed afterwards --- */

typedef struct damage_case {
    const char *text;
    int64_t number; /* of the seal that breaks */
} damage_case;

static const damage_case damages[] = {
    {"UPDATE {farm_ledger_event} SET amount = amount + 1 WHERE id = #1", 1},
    {"UPDATE {farm_ledger_event} SET code = 2 WHERE id = #2", 2},
    {"UPDATE {farm_ledger_event} SET user_data_64 = 1 WHERE id = #2", 2},
    {"UPDATE {farm_ledger_event} SET effective_us = effective_us - 1 WHERE id = #3", 3},
    {"UPDATE {farm_ledger_event} SET debit_account = @4 WHERE id = #3", 3},
    {"UPDATE {farm_ledger_event} SET kind = 0 WHERE id = #4", 4},
    {"UPDATE {farm_ledger_event} SET id = #9 WHERE id = #4", 4},
    {"UPDATE {farm_ledger_seal} SET event_count = 2 WHERE number = 4", 4},
    {"UPDATE {farm_ledger_seal} SET event_count = 2 WHERE number = 3", 3},
    {"UPDATE {farm_ledger_seal} SET hash = previous_hash WHERE number = 3", 3},
    {"UPDATE {farm_ledger_seal} SET previous_hash = hash WHERE number = 3", 3},
    {"DELETE FROM {farm_ledger_seal} WHERE number = 1", 2},
    {"DELETE FROM {farm_ledger_seal} WHERE number = 2", 3},
    {"DELETE FROM {farm_ledger_sequence} WHERE sequence = 2", 2},
};

static void expect_break(const damage_case *damage) {
    farm_ledger_seal last = {.struct_size = sizeof last};
    cr_assert_eq(farm_ledger_verify_seals(session, 1, NULL, FARM_LEDGER_BATCH_MAX, &last),
                 FARM_ECORRUPT, "%s", damage->text);
    cr_assert_eq(last.number, damage->number, "%s: %lld", damage->text, (long long)last.number);
    cr_assert_not_null(strstr(farm_session_error_text(session), "seal"), "%s",
                       farm_session_error_text(session));
}

Test(ledger_seal, what_is_changed_afterwards_is_found_by_its_seal) {
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        if (i > 0) {
            close_session();
            set_up();
        }
        ledger_play(session, ACCOUNTS "transfer T1 A1 A2 10\n"
                                      "transfer T2 A2 A3 4\n"
                                      "transfer T3 A2 A3 4\n"
                                      "transfer T4 A2 A3 1 pending\n"
                                      "send\n");
        for (int n = 0; n < 4; n++) (void)seal(1);
        ledger_damage(session, damages[i].text);
        expect_break(&damages[i]);
    }
}

/* Who owns the database makes a new chain, and who has written a seal down knows. */
Test(ledger_seal, a_seal_that_is_known_elsewhere_has_to_be_in_the_chain) {
    farm_ledger_seal last = {.struct_size = sizeof last};
    ledger_play(session, ACCOUNTS "transfer T1 A1 A2 10\n"
                                  "send\n");
    farm_ledger_seal known = seal(1);
    cr_assert_eq(verify(&known, ROOM), 1);
    known.hash[31] ^= 1;
    cr_assert_eq(farm_ledger_verify_seals(session, 1, &known, 1, &last), FARM_ECORRUPT);
    known.number = 2;
    cr_assert_eq(farm_ledger_verify_seals(session, 1, &known, 1, &last), FARM_ECORRUPT);
    known.number = -1;
    cr_assert_eq(farm_ledger_verify_seals(session, 1, &known, 1, &last), FARM_EINVAL);
}

/* What waits for a sequence: on SQLite whatever is later than what is sealed. */
static const char *const waiting_attempts[2][2] = {
    {"UPDATE {farm_ledger_book} SET sealed_ns = 0",
     "UPDATE {farm_ledger_book} SET sealed_ns = sealed_ns + 1024"},
    {"DELETE FROM {farm_ledger_unsealed}",
     "UPDATE {farm_ledger_unsealed} SET timestamp_ns = timestamp_ns + 1"},
};
static const char *const waiting_damages[2][2] = {
    {"UPDATE {farm_ledger_book} SET sealed_ns = 9223372036854775807",
     "UPDATE {farm_ledger_book} SET sealed_ns = 0"},
    {"DELETE FROM {farm_ledger_unsealed}",
     "INSERT INTO {farm_ledger_unsealed} SELECT book, timestamp_ns FROM {farm_ledger_sequence}"},
};

Test(ledger_seal, nobody_changes_it_by_hand) {
    static const char *const attempts[] = {
        "UPDATE {farm_ledger_seal} SET sealed_us = 1",
        "DELETE FROM {farm_ledger_seal}",
        "UPDATE {farm_ledger_sequence} SET sequence = 9",
        "DELETE FROM {farm_ledger_sequence}",
        "INSERT INTO {farm_ledger_seal} SELECT book, 3, 3, 1, previous_hash, hash, 0 "
        "FROM {farm_ledger_seal}",
        "INSERT INTO {farm_ledger_seal} SELECT book, 2, 3, 1, hash, hash, 0 "
        "FROM {farm_ledger_seal}",
        "INSERT INTO {farm_ledger_seal} SELECT book, 2, 2, 1, previous_hash, hash, 0 "
        "FROM {farm_ledger_seal}",
        "INSERT INTO {farm_ledger_seal} SELECT book, 1, 2, 1, hash, hash, 0 "
        "FROM {farm_ledger_seal}",
        "INSERT INTO {farm_ledger_sequence} SELECT book, 2, timestamp_ns "
        "FROM {farm_ledger_sequence}",
        "INSERT INTO {farm_ledger_sequence} SELECT book, 2, 7 FROM {farm_ledger_sequence}",
    };
    ledger_play(session, ACCOUNTS "transfer T1 A1 A2 10\n"
                                  "transfer T2 A1 A2 10\n"
                                  "send\n");
    (void)seal(1);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        cr_assert_neq(contract_execute(session, "%s", attempts[i]), FARM_OK, "%s", attempts[i]);
    for (size_t i = 0; i < 2; i++) {
        const char *text = waiting_attempts[contract_is_postgres()][i];
        cr_assert_neq(contract_execute(session, "%s", text), FARM_OK, "%s", text);
    }
    cr_assert_eq(seal(ROOM).event_count, 1);
    contract_assert_sound(session);
}

Test(ledger_seal, an_event_that_escaped_its_sequence_is_found) {
    const char *const texts[] = {
        waiting_damages[contract_is_postgres()][0],
        waiting_damages[contract_is_postgres()][1],
        "DELETE FROM {farm_ledger_sequence} WHERE sequence = 1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (i > 0) {
            close_session();
            set_up();
        }
        ledger_play(session, ACCOUNTS "transfer T1 A1 A2 10\n"
                                      "transfer T2 A1 A2 10\n"
                                      "send\n");
        (void)seal(1);
        ledger_damage(session, texts[i]);
        ledger_expect_violation(session, "ledger_seal.check_sequence");
    }
    ledger_expect_violation(session, "ledger_seal.check_seals");
}

/* --- late --- */

/* By a clock that was set back; and, where several write at once, by a transaction that is long. */
Test(ledger_seal, what_is_committed_late_is_in_sequence_late) {
    ledger_play(session, ACCOUNTS "after 10s\n"
                                  "transfer T1 A1 A2 10\n"
                                  "send\n");
    (void)seal(ROOM);
    ledger_play(session, "transfer T2 A3 A4 10\n"
                         "transfer T3 A3 A2 10\n"
                         "send\n");
    cr_assert_eq(follow(1), 0);
    cr_assert_eq(seal(ROOM).event_count, 2);
    cr_assert_eq(follow(0), 3);
    cr_assert(is_transfer(&events[1], "T2") && is_transfer(&events[2], "T3"));
    if (contract_is_postgres()) cr_assert_lt(events[1].timestamp_ns, events[0].timestamp_ns);
    cr_assert_gt(events[2].timestamp_ns, events[0].timestamp_ns, "along the account");
    contract_assert_sound(session);
}

Test(ledger_seal, what_commits_behind_a_seal_is_not_missed) {
    if (!contract_is_postgres()) return; /* one writer */
    farm_session *other = contract_open_another();
    const farm_ledger_transfer slow = {.struct_size = sizeof slow,
                                       .id = ledger_script_id("T1"),
                                       .debit_account_id = ledger_script_id("A1"),
                                       .credit_account_id = ledger_script_id("A2"),
                                       .amount_minor = 1,
                                       .code = 1,
                                       .book = 1};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    ledger_play(session, ACCOUNTS);
    cr_assert_eq(farm_begin(other), FARM_OK);
    cr_assert_eq(farm_ledger_post(other, &slow, 1, &result), FARM_OK);
    ledger_play(session, "transfer T2 A3 A4 10\n"
                         "send\n");
    cr_assert_eq(seal(ROOM).event_count, 1);
    cr_assert_eq(farm_commit(other), FARM_OK);
    cr_assert_eq(seal(ROOM).event_count, 1);
    cr_assert_eq(follow(0), 2);
    cr_assert(is_transfer(&events[0], "T2") && is_transfer(&events[1], "T1"));
    contract_close_another(other);
    contract_assert_sound(session);
}

/* --- two at once --- */

typedef struct other_seal {
    farm_session *session;
    farm_ledger_seal made;
    farm_status status;
} other_seal;

static void *seal_other(void *context) {
    other_seal *self = context;
    self->status = farm_ledger_seal_events(self->session, 1, ROOM, &self->made);
    return NULL;
}

Test(ledger_seal, two_who_seal_do_it_one_after_the_other) {
    pthread_t thread;
    other_seal other = {.session = contract_open_another(),
                        .made = {.struct_size = sizeof other.made}};
    ledger_play(session, ACCOUNTS "transfer T1 A1 A2 10\n"
                                  "transfer T2 A1 A2 10\n"
                                  "transfer T3 A1 A2 10\n"
                                  "send\n");
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(seal(1).number, 1);
    cr_assert_eq(pthread_create(&thread, NULL, seal_other, &other), 0);
    cr_assert_eq(farm_commit(session), FARM_OK);
    pthread_join(thread, NULL);
    cr_assert_eq(other.status, FARM_OK, "%s", farm_session_error_text(other.session));
    cr_assert_eq(other.made.number, 2);
    cr_assert_eq(other.made.event_count, 2);
    contract_close_another(other.session);
    contract_assert_sound(session);
}

Test(ledger_seal, it_joins_the_transaction_of_its_caller) {
    ledger_play(session, ACCOUNTS);
    cr_assert_eq(farm_begin(session), FARM_OK);
    ledger_play(session, "transfer T1 A1 A2 10\n"
                         "send\n");
    cr_assert_eq(seal(ROOM).event_count, 1);
    farm_rollback(session);
    cr_assert_eq(seal(ROOM).event_count, 0);
    ledger_play(session, "transfer T1 A1 A2 10\n"
                         "send\n");
    cr_assert_eq(seal(ROOM).number, 1);
    contract_assert_sound(session);
}

Test(ledger_seal, misuse_is_a_sentence) {
    farm_ledger_seal made = {.struct_size = sizeof made};
    size_t count = 1;
    ledger_play(session, ACCOUNTS);
    cr_assert_eq(farm_ledger_seal_events(session, 2, 1, &made), FARM_ENOTFOUND);
    cr_assert_eq(farm_ledger_seal_events(session, 0, 1, &made), FARM_EINVAL);
    cr_assert_eq(farm_ledger_seal_events(session, 1, 0, &made), FARM_EINVAL);
    cr_assert_eq(farm_ledger_seal_events(session, 1, FARM_LEDGER_BATCH_MAX + 1, &made),
                 FARM_EINVAL);
    cr_assert_eq(farm_ledger_seal_events(session, 1, 1, NULL), FARM_EINVAL);
    cr_assert_eq(farm_ledger_follow(session, 1, -1, events, ROOM, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_follow(session, 1, 0, NULL, ROOM, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_follow(session, 1, 0, events, 0, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_find_seals(session, 0, 0, seals, ROOM, &count), FARM_EINVAL);
    cr_assert_eq(farm_ledger_verify_seals(session, 1, NULL, 0, &made), FARM_EINVAL);
    cr_assert_eq(farm_ledger_verify_seals(session, 1, NULL, 1, NULL), FARM_EINVAL);
    cr_assert_eq(count, 0);
    cr_assert_eq(farm_ledger_follow(session, 2, 0, events, ROOM, &count), FARM_OK);
    cr_assert_eq(count, 0);
    act_as("ana");
    cr_assert_eq(farm_ledger_seal_events(session, 1, 1, &made), FARM_EDENIED);
    cr_assert_eq(farm_ledger_follow(session, 1, 0, events, ROOM, &count), FARM_EDENIED);
}
