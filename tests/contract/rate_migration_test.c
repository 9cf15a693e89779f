/* A store of an older release, with limits and buckets that have been used, goes on counting once
 * it is migrated. The tables of migration 2 are made from its own text, and filled with what they
 * held then. */
#include "rate_limits.h"
#include "store/migrations.h"
#include "support/test_store.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(rate_migration, .init = define_limits, .fini = close_session, .timeout = 60);

enum { RATE_MIGRATION = 2, RATE_LIMITS_MIGRATION = 6 };

static const char *const kept[][2] = {
    {"limit", "space, name, scope, burst, count, period_us, ipv4_prefix, ipv6_prefix, tick_ns, "
              "epoch"},
    {"secret", "space, secret"},
    {"bucket", "bucket, tat, stamp, capacity, slack, expires_hour"},
    {"refund", "bucket, token, attempt, expires_us"},
};
static const char *const dropped[] = {"hold",   "override", "past",  "limit",
                                      "secret", "bucket",   "refund"};

enum { KEPT_COUNT = sizeof kept / sizeof *kept, DROPPED_COUNT = sizeof dropped / sizeof *dropped };

static void run(farm_session *owner, const char *text) {
    cr_assert_eq(test_store_execute(owner, text, NULL), FARM_OK, "%s: %s", text,
                 farm_session_error_text(owner));
}

static const char *migration_text(int64_t number) {
    for (size_t i = 0; i < store_migration_count; i++)
        if (store_migrations[i].number == number)
            return store_migrations[i]
                .text[contract_is_postgres() ? STORE_DIALECT_POSTGRES : STORE_DIALECT_SQLITE];
    cr_assert_fail("there is no such migration");
    return NULL;
}

/* One statement after the other. {schema}. becomes {, which test_store_execute() understands. */
static void run_migration(farm_session *owner, int64_t number) {
    const char *at = migration_text(number);
    for (const char *end = strstr(at, ";\n"); end != NULL; end = strstr(at, ";\n")) {
        char statement[4096];
        size_t size = 0;
        for (; at < end && size + 1 < sizeof statement; at++) {
            statement[size++] = *at;
            if (strncmp(at, "{schema}.", 9) == 0) at += 8;
        }
        statement[size] = '\0';
        at = end + 2;
        run(owner, statement);
    }
}

/* What a text makes of a kind, "TABLE" or "FUNCTION", the last first. */
static void drop_made(farm_session *owner, const char *text, const char *kind) {
    const char *found[32];
    size_t count = 0;
    char create[32];
    snprintf(create, sizeof create, "CREATE %s ", kind);
    for (const char *at = strstr(text, create); at != NULL; at = strstr(at + 1, create)) {
        cr_assert_lt(count, sizeof found / sizeof *found);
        found[count] = strstr(at, "farm_");
        count++;
    }
    while (count > 0) {
        char statement[160];
        const char *name = found[--count];
        snprintf(statement, sizeof statement, "DROP %s {%.*s}%s", kind, (int)strcspn(name, " ("),
                 name, contract_is_postgres() ? " CASCADE" : "");
        run(owner, statement);
    }
}

/* As if the migrations after this module's last had not been. */
static void undo_later(farm_session *owner) {
    for (size_t i = store_migration_count; i > 0; i--) {
        const int64_t number = store_migrations[i - 1].number;
        if (number <= RATE_LIMITS_MIGRATION) return;
        drop_made(owner, migration_text(number), "TABLE");
        if (contract_is_postgres()) drop_made(owner, migration_text(number), "FUNCTION");
    }
}

static void make_old(farm_session *owner) {
    char text[512];
    undo_later(owner);
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        snprintf(text, sizeof text, "CREATE TABLE {farm_keep_%s} AS SELECT %s FROM {farm_rate_%s}",
                 kept[i][0], kept[i][1], kept[i][0]);
        run(owner, text);
    }
    for (size_t i = 0; i < DROPPED_COUNT; i++) {
        snprintf(text, sizeof text, "DROP TABLE {farm_rate_%s}", dropped[i]);
        run(owner, text);
    }
    run_migration(owner, RATE_MIGRATION);
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        snprintf(text, sizeof text, "INSERT INTO {farm_rate_%s} (%s) SELECT %s FROM {farm_keep_%s}",
                 kept[i][0], kept[i][1], kept[i][1], kept[i][0]);
        run(owner, text);
        snprintf(text, sizeof text, "DROP TABLE {farm_keep_%s}", kept[i][0]);
        run(owner, text);
    }
    snprintf(text, sizeof text, "DELETE FROM {farm_schema} WHERE number >= %d",
             RATE_LIMITS_MIGRATION);
    run(owner, text);
}

static int64_t left_in(farm_session *from, const char *limit, const char *subject) {
    const farm_rate_request item = request_of(limit, subject, 0);
    cr_assert_eq(farm_rate_peek(from, &item, 1, states, &decision), FARM_OK, "%s",
                 farm_session_error_text(from));
    return states[0].remaining;
}

Test(rate_migration, limits_and_buckets_of_an_older_release_go_on) {
    farm_maintenance done = {.struct_size = sizeof done};
    cr_assert(take("user", "ann", 4));
    const farm_id token = decision.token;
    cr_assert(take("ip", "192.0.2.1", 3));
    cr_assert(take("all", NULL, 60));
    cr_assert(take("route", "GET /", 2));
    const farm_rate_request one = request_of("route", "GET /", 1);
    cr_assert_eq(farm_rate_refund(session, &decision.token, &one, 1), FARM_OK);
    farm_session *owner = contract_is_postgres() ? test_store_open_owner() : session;
    farm_session_set_service(owner);
    make_old(owner);
    cr_assert_lt(contract_number(owner, "SELECT MAX(number) FROM {farm_schema}"),
                 RATE_LIMITS_MIGRATION);

    cr_assert_eq(farm_migrate(owner), FARM_OK, "%s", farm_session_error_text(owner));
    cr_assert_eq(farm_migrate(owner), FARM_OK);

    /* Whoever was connected keeps plans of tables that are gone: as a new release, begin anew. */
    farm_session *later = contract_is_memory() ? session : NULL;
    if (later == NULL) {
        cr_assert_eq(farm_session_new(&later), FARM_OK);
        cr_assert_eq(farm_session_open(later, contract_uri(), NULL), FARM_OK);
        farm_session_set_service(later);
        farm_session_set_clock_us(later, CONTRACT_NOW_US);
    }
    cr_assert_eq(left_in(later, "user", "ann"), 1);
    cr_assert_eq(left_in(later, "ip", "192.0.2.1"), 0);
    cr_assert_eq(left_in(later, "all", NULL), 40);
    cr_assert_eq(left_in(later, "route", "GET /"), 9);
    const farm_rate_request items[] = {request_of("user", "ann", 1), request_of("user", "bob", 1)};
    cr_assert_eq(farm_rate_take(later, items, 2, states, &decision), FARM_OK);
    cr_assert(decision.allowed);
    cr_assert_eq(farm_rate_refund(later, &token, items, 1), FARM_OK);
    cr_assert_eq(left_in(later, "user", "ann"), 1);
    /* The old definition again, though it would reset: it is the same. */
    farm_rate_limit same = limit_of("user", FARM_RATE_SCOPE_USER, 5, 5, 5 * SECOND_US);
    same.on_change = FARM_RATE_CHANGE_RESET;
    cr_assert_eq(farm_rate_define(later, &same, 1), FARM_OK);
    cr_assert_eq(left_in(later, "user", "ann"), 1);
    contract_assert_sound(later);
    farm_session_set_clock_us(later, CONTRACT_NOW_US + 10 * HOUR_US);
    cr_assert_eq(farm_maintain(later, 100, &done), FARM_OK);
    cr_assert_eq(contract_count(later, "farm_rate_bucket"), 0);

    if (later != session) farm_session_free(later);
    if (owner != session) farm_session_free(owner);
}
