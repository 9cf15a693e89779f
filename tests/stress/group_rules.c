/* The rules of SQLite's shared commits, each in one scene: clients stand in line behind a turn that
 * is held, in a known order, and then run one after the other.
 *
 * Nobody is acknowledged before the commit, nor when it fails; a member that fails disturbs nobody
 * and nobody disturbs a transaction that the host holds; who is refused for what was never
 * committed is told to come again. */
#include "group_support.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENT_MAX = 8 };

static const char path[] = "group_rules.db";
static farm_store *store;
static farm_connection *holder; /* holds the turn while the others come */
static group_client clients[CLIENT_MAX];
static const char *scene_name;

/* --- operations --- */

static void add(group_client *client) {
    group_call call;
    group_call_init(&call, GROUP_ADD, client->id, 1);
    client->status = group_run(client, &call, 1, FARM_RUN_COMMIT);
}

/* Two rows, of which the second is refused: none may stay. */
static void add_refused(group_client *client) {
    group_call calls[2];
    group_call_init(&calls[0], GROUP_ADD, client->id, 1);
    group_call_init(&calls[1], GROUP_ADD, client->id + 1000, -1);
    client->status = group_run(client, calls, 2, FARM_RUN_COMMIT);
}

/* A row, and more of the stock than there is. */
static void add_missing(group_client *client) {
    group_call calls[2];
    group_call_init(&calls[0], GROUP_ADD, client->id, 1);
    group_call_init(&calls[1], GROUP_TAKE, 1000000, 0);
    client->status = group_run(client, calls, 2, FARM_RUN_COMMIT);
}

static void add_orphan(group_client *client) {
    group_call calls[2];
    group_call_init(&calls[0], GROUP_ADD, client->id, 1);
    group_call_init(&calls[1], GROUP_ORPHAN, client->id, 0);
    client->status = group_run(client, calls, 2, FARM_RUN_COMMIT);
}

static void take_all(group_client *client) {
    group_call call;
    group_call_init(&call, GROUP_TAKE, 10, 0);
    client->status = group_run(client, &call, 1, FARM_RUN_COMMIT);
}

static void spoil(group_client *client) {
    group_call call;
    group_call_init(&call, GROUP_SPOIL, client->id, 0);
    client->status = group_run(client, &call, 1, FARM_RUN_COMMIT);
}

static void read_long(group_client *client) {
    group_call calls[2];
    group_call_init(&calls[0], GROUP_ADD, client->id, 1);
    group_call_init(&calls[1], GROUP_READ_LONG, 0, 0);
    client->status = group_run(client, calls, 2, FARM_RUN_COMMIT);
}

static void add_long(group_client *client) {
    group_call call;
    group_call_init(&call, GROUP_ADD_LONG, 0, 0);
    client->status = group_run(client, &call, 1, FARM_RUN_COMMIT);
}

static int32_t interrupt_self(void *context, size_t ordinal, const farm_value *row) {
    const group_client *client = context;
    (void)ordinal;
    (void)row;
    group_backend->interrupt(client->connection);
    return 0;
}

/* Interrupted as soon as it answers, with most of its rows to come. */
static void add_many(group_client *client) {
    group_call call;
    group_call_init(&call, GROUP_ADD_MANY, 100, 0);
    call.call.on_row = interrupt_self;
    call.call.context = client;
    client->status = group_run(client, &call, 1, FARM_RUN_COMMIT);
}

static farm_status begin(group_client *client, uint32_t flags) {
    return group_backend->begin(client->connection, flags, &client->fault);
}

/* Load, decide, store, in two batches. */
static void add_in_two(group_client *client) {
    group_call calls[2];
    group_call_init(&calls[0], GROUP_STOCK, 0, 0);
    group_call_init(&calls[1], GROUP_ADD, client->id, 1);
    client->status = begin(client, FARM_BEGIN_WRITE | FARM_BEGIN_BRIEF);
    if (client->status == FARM_OK) client->status = group_run(client, &calls[0], 1, 0);
    if (client->status == FARM_OK)
        client->status = group_run(client, &calls[1], 1, FARM_RUN_COMMIT);
}

/* What it has read does not please it: a refusal by rules. */
static void refuse(group_client *client) {
    group_call calls[2];
    group_call_init(&calls[0], GROUP_ADD, client->id, 1);
    group_call_init(&calls[1], GROUP_STOCK, 0, 0);
    client->status = begin(client, FARM_BEGIN_WRITE | FARM_BEGIN_BRIEF);
    if (client->status == FARM_OK) client->status = group_run(client, calls, 2, 0);
    if (client->status == FARM_OK)
        client->status = group_backend->abandon(client->connection, &client->fault);
}

/* Operations within the operation: one that fails and one that stays. */
static void add_within(group_client *client) {
    group_call calls[3];
    group_call_init(&calls[0], GROUP_ADD, client->id, 1);
    group_call_init(&calls[1], GROUP_ADD, client->id + 10, -1);
    group_call_init(&calls[2], GROUP_ADD, client->id + 20, 1);
    client->status = begin(client, FARM_BEGIN_WRITE | FARM_BEGIN_BRIEF);
    if (client->status == FARM_OK) client->status = group_run(client, &calls[0], 1, 0);
    if (client->status == FARM_OK &&
        group_run(client, &calls[1], 1, FARM_RUN_SAVEPOINT) != FARM_EREFUSED)
        client->status = FARM_EINTERNAL;
    if (client->status == FARM_OK)
        client->status = group_backend->undo(client->connection, &client->fault);
    if (client->status == FARM_OK)
        client->status = group_run(client, &calls[2], 1, FARM_RUN_SAVEPOINT | FARM_RUN_RELEASE);
    if (client->status == FARM_OK)
        client->status = group_backend->commit(client->connection, &client->fault);
}

/* What a host writes may be of a kind that no shared transaction can take. */
static void vacuum(group_client *client) {
    static const char *const steps[] = {"VACUUM"};
    static const farm_statement statement = {.name = "host",
                                             .steps = steps,
                                             .step_count = 1,
                                             .expect = -1,
                                             .number = FARM_STATEMENT_UNNUMBERED};
    group_call call = {.call = {.statement = &statement, .row_count = 1}};
    client->status = group_run(client, &call, 1, FARM_RUN_COMMIT);
}

static void leave_open(group_client *client) {
    group_call call;
    group_call_init(&call, GROUP_ADD, client->id, 1);
    client->status = begin(client, FARM_BEGIN_WRITE | FARM_BEGIN_BRIEF);
    if (client->status == FARM_OK) client->status = group_run(client, &call, 1, 0);
    group_backend->close(client->connection);
    client->connection = NULL;
}

/* A transaction of the host's. */
static void hold(group_client *client) {
    group_call call;
    group_call_init(&call, GROUP_ADD, client->id, 1);
    client->status = begin(client, FARM_BEGIN_WRITE);
    if (client->status == FARM_OK) client->status = group_run(client, &call, 1, 0);
    if (client->status == FARM_OK)
        client->status = group_backend->commit(client->connection, &client->fault);
}

/* --- scenes --- */

static void set_stock(int64_t held) {
    group_call call;
    group_client client = {.connection = holder};
    group_call_init(&call, GROUP_GIVE, held - group_ask(path, "SELECT held FROM stock"), 0);
    GROUP_CLAIM(group_run(&client, &call, 1, FARM_RUN_COMMIT) == FARM_OK);
}

/* All of them, in that order, once they stand in line. */
static void run_scene(const char *name, const group_function *functions, uint32_t count) {
    farm_fault fault;
    scene_name = name;
    GROUP_CLAIM(group_backend->begin(holder, FARM_BEGIN_WRITE, &fault) == FARM_OK);
    for (uint32_t i = 0; i < count; i++) {
        clients[i].function = functions[i];
        clients[i].status = FARM_EINTERNAL;
        group_queue(&clients[i], i + 1);
    }
    group_trace_clear();
}

static void go(uint32_t count) {
    group_backend->rollback(holder);
    for (uint32_t i = 0; i < count; i++) group_join(&clients[i]);
}

static void expect(uint32_t count, const farm_status *statuses) {
    for (uint32_t i = 0; i < count; i++) {
        if (clients[i].status == statuses[i]) continue;
        fprintf(stderr, "not ok: %s: client %u: %s, not %s: %s\n", scene_name, (unsigned)i,
                farm_status_name(clients[i].status), farm_status_name(statuses[i]),
                clients[i].fault.text);
        atomic_fetch_add(&group_failures, 1);
    }
}

/* Which of the clients' rows are there, one bit each. */
static int64_t rows_found(void) {
    return group_ask(path, "SELECT COALESCE(SUM(1 << id), 0) FROM entry WHERE id < 62");
}

static void open_scene(void) {
    group_make_file(path);
    store = group_open_store(path, "full");
    holder = group_connect(store);
    for (int i = 0; i < CLIENT_MAX; i++) {
        clients[i] = (group_client){.connection = group_connect(store), .id = i};
    }
}

static void close_scene(void) {
    for (int i = 0; i < CLIENT_MAX; i++) group_backend->close(clients[i].connection);
    group_backend->close(holder);
    group_backend->store_close(store);
    group_remove_file(path);
}

static void members_share_one_commit_and_fail_alone(void) {
    static const group_function functions[] = {add,        add_refused, add_missing, add,
                                               add_orphan, add_in_two,  refuse,      add};
    static const farm_status statuses[] = {FARM_OK,        FARM_EREFUSED, FARM_EREFUSED, FARM_OK,
                                           FARM_ECONFLICT, FARM_OK,       FARM_OK,       FARM_OK};
    run_scene(__func__, functions, 8);
    go(8);
    expect(8, statuses);
    GROUP_CLAIM(rows_found() == (1 << 0 | 1 << 3 | 1 << 5 | 1 << 7));
    GROUP_CLAIM(group_ask(path, "SELECT COUNT(*) FROM entry") == 4);
    GROUP_CLAIM(group_ask(path, "SELECT COUNT(*) FROM child") == 0);
    GROUP_CLAIM(group_trace_count("COMMIT") == 1);
    GROUP_CLAIM(group_trace_count("SAVEPOINT farm_member") == 7);
    GROUP_CLAIM(clients[1].fault.call == 1 && clients[1].fault.kind == FARM_FAULT_CHECK);
    GROUP_CLAIM(clients[2].fault.call == 1 && clients[2].fault.kind == FARM_FAULT_GUARD);
    GROUP_CLAIM(clients[4].fault.kind == FARM_FAULT_FOREIGN);
}

static void operations_nest_in_a_member(void) {
    static const group_function functions[] = {add_within, add_within, add};
    static const farm_status statuses[] = {FARM_OK, FARM_OK, FARM_OK};
    run_scene(__func__, functions, 3);
    go(3);
    expect(3, statuses);
    GROUP_CLAIM(rows_found() == (7 | 1 << 20 | 1 << 21));
    GROUP_CLAIM(group_trace_count("COMMIT") == 1);
}

static void a_statement_of_the_host_has_its_turn_alone(void) {
    static const group_function functions[] = {add, vacuum, add};
    static const farm_status statuses[] = {FARM_OK, FARM_OK, FARM_OK};
    run_scene(__func__, functions, 3);
    go(3);
    expect(3, statuses);
    GROUP_CLAIM(rows_found() == (1 << 0 | 1 << 2));
}

static void the_first_may_fail_too(void) {
    static const group_function functions[] = {add_refused, add, refuse, add};
    static const farm_status statuses[] = {FARM_EREFUSED, FARM_OK, FARM_OK, FARM_OK};
    run_scene(__func__, functions, 4);
    go(4);
    expect(4, statuses);
    GROUP_CLAIM(rows_found() == (1 << 1 | 1 << 3));
}

static void the_last_may_fail_too(void) {
    static const group_function functions[] = {add, add, add_missing};
    static const farm_status statuses[] = {FARM_OK, FARM_OK, FARM_EREFUSED};
    run_scene(__func__, functions, 3);
    go(3);
    expect(3, statuses);
    GROUP_CLAIM(rows_found() == (1 << 0 | 1 << 1));
    GROUP_CLAIM(group_trace_count("COMMIT") == 1);
}

static void a_commit_without_room_acknowledges_nobody(void) {
    static const group_function functions[] = {add, add_in_two, add_refused, add};
    static const farm_status statuses[] = {FARM_EFULL, FARM_EFULL, FARM_EAGAIN, FARM_EFULL};
    run_scene(__func__, functions, 4);
    group_disk_fail_write(1);
    go(4);
    group_disk_fail_write(0);
    expect(4, statuses);
    GROUP_CLAIM(rows_found() == 0);
    GROUP_CLAIM(group_trace_count("COMMIT") == 1);
    run_scene(__func__, functions, 4);
    go(4);
    static const farm_status better[] = {FARM_OK, FARM_OK, FARM_EREFUSED, FARM_OK};
    expect(4, better);
    GROUP_CLAIM(rows_found() == (1 << 0 | 1 << 1 | 1 << 3));
}

static void a_commit_whose_sync_fails_is_uncertain_to_all(void) {
    static const group_function functions[] = {add, add_in_two, add};
    static const farm_status statuses[] = {FARM_EUNCERTAIN, FARM_EUNCERTAIN, FARM_EUNCERTAIN};
    run_scene(__func__, functions, 3);
    group_disk_fail_sync(1);
    go(3);
    group_disk_fail_sync(0);
    expect(3, statuses);
    GROUP_CLAIM(group_trace_count("COMMIT") == 1);
    /* The writer's handle is made anew. */
    static const group_function next[] = {add, add};
    static const farm_status fine[] = {FARM_OK, FARM_OK};
    clients[0].id = 10;
    clients[1].id = 11;
    run_scene(__func__, next, 2);
    go(2);
    expect(2, fine);
}

static void who_is_refused_for_what_was_never_stored_comes_again(void) {
    static const group_function functions[] = {take_all, take_all, refuse};
    static const farm_status unfounded[] = {FARM_EFULL, FARM_EAGAIN, FARM_EAGAIN};
    static const farm_status founded[] = {FARM_OK, FARM_EREFUSED, FARM_OK};
    set_stock(10);
    run_scene(__func__, functions, 3);
    group_disk_fail_write(1);
    go(3);
    group_disk_fail_write(0);
    expect(3, unfounded);
    GROUP_CLAIM(group_ask(path, "SELECT held FROM stock") == 10);
    run_scene(__func__, functions, 3);
    go(3);
    expect(3, founded);
    GROUP_CLAIM(group_ask(path, "SELECT held FROM stock") == 0);
}

/* INSERT OR ROLLBACK is one of the ways in which SQLite gives up all of a transaction. */
static void a_transaction_that_sqlite_gives_up_is_nobodys(void) {
    static const group_function functions[] = {add, add_in_two, spoil, add};
    static const farm_status statuses[] = {FARM_EAGAIN, FARM_EAGAIN, FARM_EEXISTS, FARM_OK};
    clients[2].id = 0; /* the first client's, and so taken */
    run_scene(__func__, functions, 4);
    go(4);
    expect(4, statuses);
    GROUP_CLAIM(rows_found() == 1 << 3);
}

static void a_transaction_of_the_host_is_its_own(void) {
    static const group_function functions[] = {add, add, hold, add, add};
    static const farm_status statuses[] = {FARM_OK, FARM_OK, FARM_OK, FARM_OK, FARM_OK};
    const group_event *events = NULL;
    run_scene(__func__, functions, 5);
    go(5);
    expect(5, statuses);
    GROUP_CLAIM(rows_found() == 31);
    GROUP_CLAIM(group_trace_count("COMMIT") == 3);
    const size_t count = group_trace_read(&events);
    const sqlite3 *host = clients[2].connection->own.handle;
    int32_t is_held = 0;
    for (size_t i = 0; i < count; i++) {
        if (events[i].handle == host) {
            is_held = strncmp(events[i].text, "BEGIN", 5) == 0;
        } else {
            GROUP_CLAIM(!is_held);
        }
    }
    GROUP_CLAIM(clients[2].connection->writer->engine.handle != host);
}

static void a_commit_is_as_sure_as_its_store_asks_for(void) {
    static const group_function functions[] = {add, add, add, add};
    static const farm_status statuses[] = {FARM_OK, FARM_OK, FARM_OK, FARM_OK};
    farm_store *normal = group_open_store(path, "normal");
    for (int i = 1; i < 4; i += 2) {
        group_backend->close(clients[i].connection);
        clients[i].connection = group_connect(normal);
    }
    GROUP_CLAIM(clients[0].connection->writer == clients[2].connection->writer);
    GROUP_CLAIM(clients[1].connection->writer == clients[3].connection->writer);
    GROUP_CLAIM(clients[0].connection->writer != clients[1].connection->writer);
    run_scene(__func__, functions, 4);
    go(4);
    expect(4, statuses);
    GROUP_CLAIM(rows_found() == 15);
    GROUP_CLAIM(group_trace_count("COMMIT") == 4);
    for (int i = 1; i < 4; i += 2) {
        group_backend->close(clients[i].connection);
        clients[i].connection = group_connect(store);
    }
    group_backend->store_close(normal);
}

/* Sessions that were opened one by one have a store each. */
static void stores_that_agree_share_commits(void) {
    static const group_function functions[] = {add, add, add};
    static const farm_status statuses[] = {FARM_OK, FARM_OK, FARM_OK};
    farm_store *other = group_open_store(path, "full");
    group_backend->close(clients[1].connection);
    clients[1].connection = group_connect(other);
    run_scene(__func__, functions, 3);
    go(3);
    expect(3, statuses);
    GROUP_CLAIM(rows_found() == 7);
    GROUP_CLAIM(group_trace_count("COMMIT") == 1);
    group_backend->close(clients[1].connection);
    clients[1].connection = group_connect(store);
    group_backend->store_close(other);
}

static void an_interrupt_in_line_is_the_members_own(void) {
    static const group_function functions[] = {add, add, add};
    static const farm_status statuses[] = {FARM_OK, FARM_ETIMEOUT, FARM_OK};
    run_scene(__func__, functions, 3);
    group_backend->interrupt(clients[1].connection);
    group_join(&clients[1]);
    group_backend->rollback(holder);
    group_join(&clients[0]);
    group_join(&clients[2]);
    expect(3, statuses);
    GROUP_CLAIM(rows_found() == (1 << 0 | 1 << 2));
}

static void time_that_is_over_in_line_is_the_members_own(void) {
    static const group_function functions[] = {add, add, add};
    static const farm_status statuses[] = {FARM_OK, FARM_EAGAIN, FARM_OK};
    clients[1].timeout_us = 20000;
    run_scene(__func__, functions, 2);
    group_join(&clients[1]);
    clients[2].function = add;
    group_queue(&clients[2], 2);
    group_backend->rollback(holder);
    group_join(&clients[0]);
    group_join(&clients[2]);
    expect(3, statuses);
    GROUP_CLAIM(rows_found() == (1 << 0 | 1 << 2));
}

/* In company a read without end is stopped, alone it has its time. */
static void who_reads_for_too_long_goes_alone(void) {
    static const group_function functions[] = {add, read_long};
    static const farm_status statuses[] = {FARM_OK, FARM_EAGAIN};
    sqlite_group_patience_us = 1000;
    run_scene(__func__, functions, 2);
    go(2);
    expect(2, statuses);
    GROUP_CLAIM(rows_found() == 1);
    /* That was that operation's: the next is told of its own time. */
    group_call call;
    group_call_init(&call, GROUP_READ_LONG, 0, 0);
    group_backend->set_timeout(clients[1].connection, 1000);
    GROUP_CLAIM(group_run(&clients[1], &call, 1, FARM_RUN_COMMIT | FARM_RUN_READ) == FARM_ETIMEOUT);

    static const farm_status alone[] = {FARM_OK, FARM_ETIMEOUT};
    clients[0].id = 5;
    clients[1].timeout_us = 50000000;
    group_trace_clear();
    run_scene(__func__, functions, 2);
    group_backend->rollback(holder);
    group_join(&clients[0]);
    /* It has the turn to itself: nobody is evicted there, however long it takes. */
    while (group_line(holder) != 0) sched_yield();
    group_backend->interrupt(clients[1].connection);
    group_join(&clients[1]);
    expect(2, alone);
    GROUP_CLAIM(group_trace_count("SAVEPOINT farm_member") == 0);
}

/* To stop it SQLite gives up the whole transaction: the others are told to come again. */
static void who_writes_for_too_long_goes_alone(void) {
    static const group_function functions[] = {add, add_long, add};
    static const farm_status statuses[] = {FARM_EAGAIN, FARM_EAGAIN, FARM_OK};
    sqlite_group_patience_us = 1000;
    run_scene(__func__, functions, 3);
    go(3);
    expect(3, statuses);
    GROUP_CLAIM(rows_found() == 1 << 2);
    GROUP_CLAIM(clients[1].connection->goes_alone);
}

/* Stopped halfway, a statement that writes would take the transaction of all along. */
static void an_interrupt_waits_for_the_end_of_a_statement_that_writes(void) {
    static const group_function functions[] = {add, add_many, add};
    static const farm_status statuses[] = {FARM_OK, FARM_OK, FARM_OK};
    run_scene(__func__, functions, 3);
    go(3);
    expect(3, statuses);
    GROUP_CLAIM(rows_found() == (1 << 0 | 1 << 2));
    GROUP_CLAIM(group_ask(path, "SELECT COUNT(*) FROM entry") == 5002);
}

enum { FILL_COUNT = 60, PAGE_SIZE = 4096, LOG_PAGES_MAX = 6000 };

static void fill(group_client *client) {
    client->status = FARM_OK;
    for (int64_t i = 0; i < FILL_COUNT && client->status == FARM_OK; i++) {
        group_call call;
        const int64_t place = client->id * FILL_COUNT + i;
        group_call_init(&call, GROUP_ADD_MANY, place * 5000, 0);
        client->status = group_run(client, &call, 1, FARM_RUN_COMMIT);
    }
}

/* They write some 9,000 pages, and never leave the log alone for SQLite to begin it anew. */
static void the_log_stays_short_under_writers_without_pause(void) {
    static const group_function functions[] = {fill, fill, fill, fill, fill, fill, fill, fill};
    static const farm_status statuses[CLIENT_MAX] = {FARM_OK};
    sqlite_group_open_us = 5000;
    run_scene(__func__, functions, 8);
    go(8);
    expect(8, statuses);
    GROUP_CLAIM(group_ask(path, "SELECT COUNT(*) FROM entry") == 8 * FILL_COUNT * 5000);
    GROUP_CLAIM(group_log_size(path) < (int64_t)PAGE_SIZE * LOG_PAGES_MAX);
}

static void who_closes_takes_only_his_own_along(void) {
    static const group_function functions[] = {add, leave_open, add};
    static const farm_status statuses[] = {FARM_OK, FARM_OK, FARM_OK};
    run_scene(__func__, functions, 3);
    go(3);
    expect(3, statuses);
    GROUP_CLAIM(rows_found() == (1 << 0 | 1 << 2));
}

static void (*const scenes[])(void) = {
    members_share_one_commit_and_fail_alone,
    operations_nest_in_a_member,
    a_statement_of_the_host_has_its_turn_alone,
    the_first_may_fail_too,
    the_last_may_fail_too,
    a_commit_without_room_acknowledges_nobody,
    a_commit_whose_sync_fails_is_uncertain_to_all,
    who_is_refused_for_what_was_never_stored_comes_again,
    a_transaction_that_sqlite_gives_up_is_nobodys,
    a_transaction_of_the_host_is_its_own,
    a_commit_is_as_sure_as_its_store_asks_for,
    stores_that_agree_share_commits,
    an_interrupt_in_line_is_the_members_own,
    time_that_is_over_in_line_is_the_members_own,
    who_reads_for_too_long_goes_alone,
    who_writes_for_too_long_goes_alone,
    an_interrupt_waits_for_the_end_of_a_statement_that_writes,
    the_log_stays_short_under_writers_without_pause,
    who_closes_takes_only_his_own_along,
};

int main(void) {
    const size_t count = sizeof scenes / sizeof *scenes;
    group_disk();
    group_trace();
    for (size_t i = 0; i < count; i++) {
        /* So that a slow machine changes nothing. */
        sqlite_group_open_us = INT64_C(600000000);
        sqlite_group_patience_us = INT64_C(600000000);
        open_scene();
        scenes[i]();
        close_scene();
    }
    printf("%zu scenes, %d failed claims\n", count, atomic_load(&group_failures));
    return atomic_load(&group_failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
