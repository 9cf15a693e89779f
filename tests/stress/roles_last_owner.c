/* Owners take each other's role away at once, and other threads make the same person an owner and
 * none, several times over. An entity always keeps an owner, and its count is the count of its
 * owners.
 *
 *     roles_last_owner [--broken] [URI]
 *
 * It fails when a round leaves no owner, when both revocations succeed, or when farm_verify() finds
 * a wrong count. A revocation that counted the owners first and deleted one then would let both see
 * two and leave none; a grant that looked before it locked would count one owner twice. --broken
 * deletes the rows past the library, and must fail. Without URI it runs on a file in the current
 * folder; a postgresql: URI is migrated by FARM_TEST_OWNER_URI when that is set. */
#include <farmcore/farmcore.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAIR_COUNT = 2, CROWD_COUNT = 4, ROUND_COUNT = 150 };
enum { THREAD_COUNT = PAIR_COUNT + CROWD_COUNT };

static const char *const owners[PAIR_COUNT] = {"ann", "bob"};

static farm_pool *pool;
static pthread_barrier_t barrier;
static farm_status answers[PAIR_COUNT];
static atomic_int failures;
static int is_broken;
static char store[1024];
static char migrating[1024];
static char schema[32];
static char file[64];

static void fail(int round, const char *what, const char *text) {
    fprintf(stderr, "round %d: %s: %s\n", round, what, text);
    atomic_fetch_add(&failures, 1);
}

static void stop(const char *what, const char *text) {
    fprintf(stderr, "%s: %s\n", what, text);
    exit(1);
}

static void require(farm_session *session, int round, farm_status status) {
    if (status != FARM_OK) fail(round, farm_status_name(status), farm_session_error_text(session));
}

static farm_session *acquire(void) {
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_pool_acquire(pool, -1, &error, &session) != FARM_OK) stop("acquire", error.text);
    farm_session_set_service(session);
    return session;
}

static int64_t number(farm_session *session, const char *format, const char *name) {
    char table[80];
    char text[256];
    farm_rows *rows = NULL;
    snprintf(table, sizeof table, "%s%sfarm_role_grant", schema, schema[0] == '\0' ? "" : ".");
    snprintf(text, sizeof text, format, table, name);
    if (farm_session_execute(session, text, NULL, 0, &rows) != FARM_OK)
        stop("execute", farm_session_error_text(session));
    const farm_value *value = farm_rows_value(rows, 0, 0);
    const int64_t integer = value == NULL ? 0 : value->integer;
    farm_rows_free(rows);
    return integer;
}

/* One of the pair: as one owner, take the other's role away. */
static farm_status take_away(farm_session *session, int self) {
    const char *other = owners[1 - self];
    if (is_broken) {
        number(session, "DELETE FROM %s WHERE entity = 'shop' AND subject = '%s'", other);
        return FARM_OK;
    }
    farm_session_set_actor(session, owners[self]);
    farm_status status = farm_role_revoke(session, "shop", other, FARM_ROLE_OWNER);
    if (status != FARM_OK && status != FARM_EREFUSED && status != FARM_EDENIED)
        fail(-1, farm_status_name(status), farm_session_error_text(session));
    farm_session_set_service(session);
    return status;
}

/* One of the crowd: make cem an owner of the hall, or none. */
static void join_crowd(farm_session *session, int thread, int round) {
    if ((thread + round) % 2 == 0)
        require(session, round, farm_role_grant(session, "hall", "cem", FARM_ROLE_OWNER, 0));
    else
        require(session, round, farm_role_revoke(session, "hall", "cem", FARM_ROLE_OWNER));
}

static void check_round(farm_session *session, int round) {
    const int64_t left = number(
        session, "SELECT COUNT(*) FROM %s WHERE entity = 'shop' AND role = 1 AND subject <> '%s'",
        "nobody");
    if (left != 1) fail(round, "owners", left == 0 ? "none is left" : "both are left");
    if (answers[0] == FARM_OK && answers[1] == FARM_OK) fail(round, "both", "took the other away");
    char *text = NULL;
    require(session, round, farm_verify(session, &text));
    if (text != NULL && strstr(text, "\"ok\":true") == NULL) fail(round, "verify", text);
    farm_free(text);
    for (int i = 0; i < PAIR_COUNT; i++)
        require(session, round, farm_role_grant(session, "shop", owners[i], FARM_ROLE_OWNER, 0));
}

static void *run_thread(void *context) {
    const int thread = (int)(size_t)context;
    farm_session *session = acquire();
    for (int round = 0; round < ROUND_COUNT; round++) {
        pthread_barrier_wait(&barrier);
        if (thread < PAIR_COUNT)
            answers[thread] = take_away(session, thread);
        else
            join_crowd(session, thread, round);
        pthread_barrier_wait(&barrier);
        if (thread == 0) check_round(session, round);
    }
    farm_pool_release(pool, session);
    return NULL;
}

static void name_store(const char *uri) {
    if (uri != NULL && strncmp(uri, "postgres", 8) == 0) {
        const char *owner = getenv("FARM_TEST_OWNER_URI");
        snprintf(schema, sizeof schema, "stress_%ld", (long)getpid());
        snprintf(store, sizeof store, "%s?schema=%s", uri, schema);
        snprintf(migrating, sizeof migrating,
                 owner == NULL ? "%s?schema=%s" : "%s?schema=%s&grant_to=farm_app",
                 owner == NULL ? uri : owner, schema);
        return;
    }
    if (uri == NULL) {
        snprintf(file, sizeof file, "roles_stress_%ld.db", (long)getpid());
        snprintf(store, sizeof store, "sqlite:%s", file);
    } else {
        snprintf(store, sizeof store, "%s", uri);
    }
    snprintf(migrating, sizeof migrating, "%s", store);
}

static void open_store(void) {
    farm_error error = {.struct_size = sizeof error};
    farm_pool_options options = {.struct_size = sizeof options, .max_count = THREAD_COUNT};
    farm_session *session = NULL;
    if (farm_pool_new(&pool) != FARM_OK || farm_session_new(&session) != FARM_OK)
        stop("open", "no memory");
    /* The pool first: it keeps sqlite::memory: alive. */
    if (farm_pool_open(pool, store, &options, &error) != FARM_OK) stop("open", error.text);
    farm_session *migrator = session;
    if (schema[0] == '\0' && farm_pool_acquire(pool, 0, &error, &migrator) != FARM_OK)
        stop("acquire", error.text);
    if (schema[0] != '\0' && farm_session_open(session, migrating, NULL) != FARM_OK)
        stop("open", farm_session_error_text(session));
    if (farm_migrate(migrator) != FARM_OK) stop("migrate", farm_session_error_text(migrator));
    if (schema[0] == '\0') farm_pool_release(pool, migrator);
    farm_session_free(session);
}

static void drop_store(void) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    farm_pool_free(pool);
    for (size_t i = 0; file[0] != '\0' && i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", file, suffixes[i]);
        unlink(name);
    }
    if (schema[0] == '\0') return;
    char text[80];
    farm_session *session = NULL;
    snprintf(text, sizeof text, "DROP SCHEMA %s CASCADE", schema);
    if (farm_session_new(&session) != FARM_OK ||
        farm_session_open(session, migrating, NULL) != FARM_OK ||
        farm_session_execute(session, text, NULL, 0, NULL) != FARM_OK)
        stop("drop", farm_session_error_text(session));
    farm_session_free(session);
}

static void found(void) {
    farm_session *session = acquire();
    require(session, -1, farm_role_found(session, "shop", owners[0]));
    require(session, -1, farm_role_grant(session, "shop", owners[1], FARM_ROLE_OWNER, 0));
    require(session, -1, farm_role_found(session, "hall", "ann"));
    farm_pool_release(pool, session);
}

int main(int argument_count, char **arguments) {
    pthread_t threads[THREAD_COUNT];
    is_broken = argument_count > 1 && strcmp(arguments[1], "--broken") == 0;
    name_store(argument_count > 1 + is_broken ? arguments[1 + is_broken] : NULL);
    open_store();
    found();
    pthread_barrier_init(&barrier, NULL, THREAD_COUNT);

    for (size_t i = 0; i < THREAD_COUNT; i++)
        if (pthread_create(&threads[i], NULL, run_thread, (void *)i) != 0) stop("thread", "none");
    for (size_t i = 0; i < THREAD_COUNT; i++) pthread_join(threads[i], NULL);

    pthread_barrier_destroy(&barrier);
    drop_store();
    printf("%d rounds, %d threads, %d failures\n", ROUND_COUNT, THREAD_COUNT,
           atomic_load(&failures));
    return atomic_load(&failures) == 0 ? 0 : 1;
}
