/* Many threads write to one file of SQLite through shared commits, and much goes wrong: checks and
 * expectations refuse, deadlines pass, interrupts arrive, hosts hold transactions and give them up,
 * the disk is full for a write, a sync fails. Afterwards what was acknowledged is found, what was
 * said to have failed is not, and what is uncertain may be either; and nothing of the stock is lost
 * or made, whatever became of the operations that moved it.
 *
 *     group_storm [--broken] [URI]
 *
 * --broken counts a row as acknowledged when it is stored and not yet committed, and must fail.
 * FARM_STRESS_SEED: another course of things; the threads' order stays the scheduler's.
 *
 * Stores: sqlite-file */
#include "group_support.h"
#include "stress.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREAD_COUNT = 12, OPERATION_COUNT = 400, HELD_FIRST = 100000 };
enum { OUTCOME_NONE, OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_UNCERTAIN, OUTCOME_COUNT };

typedef struct storm_thread {
    group_client client;
    uint64_t random;
    int outcomes[OPERATION_COUNT];
    pthread_t thread;
} storm_thread;

static storm_thread threads[THREAD_COUNT];
static char path[1024];
static atomic_int counts[OUTCOME_COUNT];

static uint32_t draw(storm_thread *thread, uint32_t below) {
    uint64_t word = thread->random;
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    thread->random = word;
    return (uint32_t)((word >> 20) % below);
}

static int64_t id_of(size_t thread, size_t operation) {
    return 1 + (int64_t)thread * OPERATION_COUNT + (int64_t)operation;
}

/* The row holds what was taken, so that row and stock are moved by one operation or not at all. */
static farm_status move(storm_thread *thread, int64_t id) {
    group_call calls[3];
    const int64_t amount = draw(thread, 9) == 0 ? HELD_FIRST * 2 : (int64_t)draw(thread, 20);
    group_call_init(&calls[0], GROUP_ADD, id, amount);
    group_call_init(&calls[1], GROUP_TAKE, amount, 0);
    group_call_init(&calls[2], GROUP_ADD, -id, draw(thread, 9) == 0 ? -1 : 0);
    return group_run(&thread->client, calls, 3, FARM_RUN_COMMIT);
}

static farm_status add(storm_thread *thread, int64_t id) {
    group_call call;
    group_call_init(&call, GROUP_ADD, id, draw(thread, 9) == 0 ? -1 : 0);
    return group_run(&thread->client, &call, 1, FARM_RUN_COMMIT);
}

/* In a transaction of several batches; *early is what is known before it is committed. */
static farm_status add_begun(storm_thread *thread, int64_t id, uint32_t flags, int *early) {
    group_client *client = &thread->client;
    group_call calls[2];
    group_call_init(&calls[0], GROUP_ADD, id, 0);
    group_call_init(&calls[1], GROUP_STOCK, 0, 0);
    farm_status status = group_backend->begin(client->connection, flags, &client->fault);
    if (status != FARM_OK) return status;
    status = group_run(client, calls, 2, 0);
    if (status == FARM_OK) *early = OUTCOME_DONE;
    if (status == FARM_OK && draw(thread, 5) == 0) {
        status = group_backend->abandon(client->connection, &client->fault);
        return status == FARM_OK ? FARM_EREFUSED : status;
    }
    if (status == FARM_OK && draw(thread, 2) == 0)
        return group_run(client, NULL, 0, FARM_RUN_COMMIT);
    if (status == FARM_OK) return group_backend->commit(client->connection, &client->fault);
    group_backend->rollback(client->connection);
    return status;
}

static farm_status add_orphan(storm_thread *thread, int64_t id) {
    group_call calls[2];
    group_call_init(&calls[0], GROUP_ADD, id, 0);
    group_call_init(&calls[1], GROUP_ORPHAN, id, 0);
    return group_run(&thread->client, calls, 2, FARM_RUN_COMMIT);
}

static void disturb(storm_thread *thread) {
    const uint32_t which = draw(thread, 100);
    if (which < 10) group_backend->interrupt(threads[draw(thread, THREAD_COUNT)].client.connection);
    if (which == 10) group_disk_fail_write(1);
    if (which == 11) group_disk_fail_sync(1);
    if (which > 11 && which < 20)
        group_backend->set_timeout(thread->client.connection, 1 + draw(thread, 3000));
    else
        group_backend->set_timeout(thread->client.connection, 0);
}

static farm_status operate(storm_thread *thread, int64_t id, int *early) {
    switch (draw(thread, 12)) {
    case 0:
        return add_begun(thread, id, FARM_BEGIN_WRITE, early);
    case 1:
    case 2:
    case 3:
        return add_begun(thread, id, FARM_BEGIN_WRITE | FARM_BEGIN_BRIEF, early);
    case 4:
        return add_orphan(thread, id);
    case 5:
    case 6:
    case 7:
        return move(thread, id);
    default:
        return add(thread, id);
    }
}

static void *run_thread(void *context) {
    storm_thread *thread = context;
    const size_t place = (size_t)(thread - threads);
    for (size_t i = 0; i < OPERATION_COUNT; i++) {
        int early = OUTCOME_NONE;
        disturb(thread);
        const farm_status status = operate(thread, id_of(place, i), &early);
        int outcome = OUTCOME_FAILED;
        if (status == FARM_OK) outcome = OUTCOME_DONE;
        if (status == FARM_EUNCERTAIN) outcome = OUTCOME_UNCERTAIN;
        if (stress_is_broken && early != OUTCOME_NONE) outcome = early;
        thread->outcomes[i] = outcome;
        atomic_fetch_add(&counts[outcome], 1);
        GROUP_CLAIM(status != FARM_EINTERNAL && status != FARM_EINVAL);
    }
    return NULL;
}

static void check(void) {
    static char found[THREAD_COUNT * OPERATION_COUNT + 1];
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    GROUP_CLAIM(sqlite3_open(path, &handle) == SQLITE_OK);
    GROUP_CLAIM(sqlite3_prepare_v2(handle, "SELECT id FROM entry WHERE id > 0", -1, &statement,
                                   NULL) == SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) found[sqlite3_column_int64(statement, 0)] = 1;
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    for (size_t i = 0; i < THREAD_COUNT; i++)
        for (size_t j = 0; j < OPERATION_COUNT; j++) {
            const int outcome = threads[i].outcomes[j];
            const int is_found = found[id_of(i, j)];
            GROUP_CLAIM(outcome != OUTCOME_NONE);
            GROUP_CLAIM(outcome != OUTCOME_DONE || is_found);
            GROUP_CLAIM(outcome != OUTCOME_FAILED || !is_found);
        }
    GROUP_CLAIM(group_ask(path, "SELECT held + (SELECT SUM(amount) FROM entry) FROM stock") ==
                HELD_FIRST);
    GROUP_CLAIM(group_ask(path, "SELECT COUNT(*) FROM child") == 0);
    GROUP_CLAIM(group_ask(path, "SELECT COUNT(*) FROM pragma_integrity_check WHERE"
                                " integrity_check <> 'ok'") == 0);
    GROUP_CLAIM(group_ask(path, "SELECT 1") == 1);
}

static void prepare_stock(farm_store *store) {
    group_client client = {.connection = group_connect(store)};
    group_call call;
    group_call_init(&call, GROUP_GIVE, HELD_FIRST, 0);
    GROUP_CLAIM(group_run(&client, &call, 1, FARM_RUN_COMMIT) == FARM_OK);
    group_backend->close(client.connection);
}

static uint64_t seed_of(size_t place) {
    const char *text = getenv("FARM_STRESS_SEED");
    const uint64_t seed = text == NULL ? 1 : strtoull(text, NULL, 10);
    return (seed * 1000003 + place + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

int main(int argument_count, char **arguments) {
    stress_begin(argument_count, arguments);
    const char *uri = argument_count > 1 ? arguments[argument_count - 1] : "sqlite:group_storm.db";
    snprintf(path, sizeof path, "%s", strchr(uri, ':') == NULL ? uri : strchr(uri, ':') + 1);
    group_disk();
    group_trace();
    group_make_file(path);
    farm_store *stores[] = {group_open_store(path, "full"), group_open_store(path, "normal"),
                            group_open_store(path, "full")};
    prepare_stock(stores[0]);

    /* All of one store but two: most share, some must not. */
    for (size_t i = 0; i < THREAD_COUNT; i++) {
        threads[i].random = seed_of(i);
        threads[i].client.connection = group_connect(stores[i < 2 ? i + 1 : 0]);
    }
    for (size_t i = 0; i < THREAD_COUNT; i++)
        if (pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]) != 0) abort();
    for (size_t i = 0; i < THREAD_COUNT; i++) pthread_join(threads[i].thread, NULL);
    group_disk_fail_write(0);
    group_disk_fail_sync(0);
    for (size_t i = 0; i < THREAD_COUNT; i++) group_backend->close(threads[i].client.connection);
    check();

    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
        group_backend->store_close(stores[i]);
    printf("%d done, %d failed, %d uncertain; %d failed claims\n",
           atomic_load(&counts[OUTCOME_DONE]), atomic_load(&counts[OUTCOME_FAILED]),
           atomic_load(&counts[OUTCOME_UNCERTAIN]), atomic_load(&group_failures));
    group_remove_file(path);
    return (atomic_load(&group_failures) != 0) == stress_is_broken ? EXIT_SUCCESS : EXIT_FAILURE;
}
