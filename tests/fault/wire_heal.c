/* After wire_proxy_heal() the rows do not change any more: a commit that the server takes its time
 * for is over by then, though its Sync was cut off and nobody waits for its answer. Every message
 * of such a commit is cut in turn.
 *
 *     wire_heal URI OWNER_URI
 *
 * Stores: postgres
 * Threads: one */
#include "support/test_store.h"
#include "support/wire_proxy.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The commit lasts so long; and so long afterwards it would have come true. */
#define SLOW_TEXT "0.3"
enum { LATER_MS = 700, MESSAGE_MAX = 20 };

static const char *const tables[] = {
    "CREATE TABLE {farm_slow} (number integer)",
    "CREATE FUNCTION {farm_slow_wait}() RETURNS trigger LANGUAGE plpgsql AS "
    "$$BEGIN PERFORM pg_sleep(" SLOW_TEXT "); RETURN NULL; END$$",
    "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON {farm_slow} "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {farm_slow_wait}()",
    "GRANT ALL ON {farm_slow} TO PUBLIC",
};

static void require(farm_session *session, const char *what, farm_status status) {
    if (status != FARM_OK) test_store_stop(what, farm_session_error_text(session));
}

static void make_tables(void) {
    farm_session *owner = test_store_open_owner();
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        require(owner, tables[i], test_store_execute(owner, tables[i], NULL));
    farm_session_free(owner);
}

static farm_session *open_through(const wire_proxy *proxy) {
    char uri[1024];
    farm_session *session = NULL;
    snprintf(uri, sizeof uri,
             "postgresql://farm_app@127.0.0.1:%d/farm%s&sslmode=disable&gssencmode=disable",
             wire_proxy_port(proxy), strchr(test_store_uri(), '?'));
    if (farm_session_new(&session) != FARM_OK) test_store_stop("new", "no memory");
    require(session, "open", farm_session_open(session, uri, NULL));
    require(session, "service", farm_session_set_service(session));
    return session;
}

static int64_t count_rows(farm_session *witness) {
    return test_store_number(witness, "SELECT COUNT(*) FROM {farm_slow}");
}

/* 0: the commit has fewer messages. */
static int cut_nth(wire_proxy *proxy, farm_session *session, farm_session *witness, uint64_t nth,
                   int *came_true) {
    const wire_fault fault = {.kind = WIRE_CUT_BEFORE, .from = WIRE_CLIENT, .nth = nth};
    require(witness, "clear", test_store_execute(witness, "DELETE FROM {farm_slow}", NULL));
    require(session, "begin", farm_begin(session));
    require(session, "insert",
            test_store_execute(session, "INSERT INTO {farm_slow} VALUES (1)", NULL));
    wire_proxy_arm(proxy, &fault);
    const farm_status status = farm_commit(session);
    const int has_fired = wire_proxy_heal(proxy);
    const int64_t count = count_rows(witness);
    poll(NULL, 0, LATER_MS);
    const int64_t later = count_rows(witness);
    if (count != later || (status == FARM_OK && count != 1)) {
        fprintf(stderr, "not ok: message %llu cut: %s, %lld rows, and later %lld\n",
                (unsigned long long)nth, farm_status_name(status), (long long)count,
                (long long)later);
        exit(EXIT_FAILURE);
    }
    *came_true += status != FARM_OK && count == 1;
    farm_rollback(session);
    return has_fired;
}

int main(int count, char **arguments) {
    if (count != 3 || strncmp(arguments[1], "postgresql:", 11) != 0) return 77;
    const char *colon = strchr(strchr(arguments[1], '@'), ':');
    int came_true = 0;
    uint64_t nth = 1;
    test_store_open(arguments[1], arguments[2], 1);
    make_tables();
    wire_proxy *proxy = wire_proxy_new((int)strtol(colon + 1, NULL, 10));
    farm_session *session = open_through(proxy);
    farm_session *witness = test_store_acquire();
    while (nth <= MESSAGE_MAX && cut_nth(proxy, session, witness, nth, &came_true)) nth++;
    farm_session_free(session);
    test_store_release(witness);
    wire_proxy_free(proxy);
    test_store_close();
    printf("%llu messages of a slow commit were cut, and %d came true unheard\n",
           (unsigned long long)(nth - 1), came_true);
    return came_true > 0 && nth <= MESSAGE_MAX ? EXIT_SUCCESS : EXIT_FAILURE;
}
