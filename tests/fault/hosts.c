/* A URI that names several hosts: whatever the first one does, or no longer does, the session finds
 * the second within its time, when it is opened and between its operations.
 *
 *     hosts      FARM_TEST_POSTGRES and FARM_TEST_POSTGRES_PORT say where the second is
 *
 * Threads: one */
#include "support/wire_proxy.h"
#include <arpa/inet.h>
#include <farmcore/farmcore.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { QUEUE_MAX = 16, TIMEOUT_US = 4000000, WATCH_SECONDS = 120 };

/* A port where nothing answers. */
typedef struct silent_port {
    int listener;
    int filler[QUEUE_MAX];
    int port;
} silent_port;

static void stop(const char *what) {
    perror(what);
    abort();
}

/* listens: the queue of those who wait to be accepted is full, so that the network drops whoever
 * else comes, as it does before a machine that is gone; otherwise everybody is refused. */
static void silent_open(silent_port *self, int listens) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    self->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (self->listener < 0 || bind(self->listener, (struct sockaddr *)&address, size) != 0 ||
        getsockname(self->listener, (struct sockaddr *)&address, &size) != 0 ||
        (listens && listen(self->listener, 0) != 0))
        stop("a silent port");
    self->port = ntohs(address.sin_port);
    for (int i = 0; i < QUEUE_MAX; i++) {
        self->filler[i] = listens ? socket(AF_INET, SOCK_STREAM, 0) : -1;
        if (!listens) continue;
        (void)fcntl(self->filler[i], F_SETFL, O_NONBLOCK);
        (void)connect(self->filler[i], (struct sockaddr *)&address, size);
    }
}

static void silent_close(const silent_port *self) {
    for (int i = 0; i < QUEUE_MAX; i++)
        if (self->filler[i] >= 0) close(self->filler[i]);
    close(self->listener);
}

static int claim(int holds, const char *name, const char *what, farm_session *session) {
    if (!holds)
        fprintf(stderr, "not ok: %s: %s: %s\n", name, what, farm_session_error_text(session));
    return !holds;
}

static farm_status ask(farm_session *session) {
    return farm_session_execute(session, "SELECT 1", NULL, 0, NULL);
}

static farm_session *open_session(int first, const char *more, farm_status *out_status) {
    char uri[256];
    farm_session *session = NULL;
    farm_session_options options = {.struct_size = sizeof options, .timeout_us = TIMEOUT_US};
    snprintf(uri, sizeof uri,
             "postgresql://farm_app@127.0.0.1:%d,127.0.0.1:%s/farm?schema=hosts"
             "&sslmode=disable&gssencmode=disable%s",
             first, getenv("FARM_TEST_POSTGRES_PORT"), more);
    if (farm_session_new(&session) != FARM_OK) stop("session");
    *out_status = farm_session_open(session, uri, &options);
    farm_session_set_service(session);
    return session;
}

static int opens(const char *name, int port, const char *more) {
    farm_status status = FARM_OK;
    farm_session *session = open_session(port, more, &status);
    int failed = claim(status == FARM_OK, name, "the session does not open", session);
    if (!failed)
        failed = claim(ask(session) == FARM_OK, name, "the session does not work", session);
    farm_session_free(session);
    return failed;
}

/* The first host answers at first, and does this to the first message of whoever comes again. */
static int moves(const char *name, int32_t kind, const char *more) {
    const wire_fault fault = {.kind = kind, .from = WIRE_CLIENT, .nth = 1};
    farm_status status = FARM_OK;
    wire_proxy *proxy = wire_proxy_new((int)strtol(getenv("FARM_TEST_POSTGRES_PORT"), NULL, 10));
    farm_session *session = open_session(wire_proxy_port(proxy), more, &status);
    int failed = claim(status == FARM_OK, name, "the session does not open", session);
    wire_proxy_cut(proxy);
    wire_proxy_arm(proxy, &fault);
    if (!failed)
        failed = claim(ask(session) == FARM_OK, name, "the session does not move", session);
    failed += claim(wire_proxy_heal(proxy), name, "the first host was not asked first", session);
    farm_session_free(session);
    wire_proxy_free(proxy);
    return failed;
}

static void migrate(void) {
    char uri[512];
    farm_session *session = NULL;
    snprintf(uri, sizeof uri, "%s?schema=hosts&grant_to=farm_app",
             getenv("FARM_TEST_POSTGRES_OWNER"));
    if (farm_session_new(&session) != FARM_OK || farm_session_open(session, uri, NULL) != FARM_OK ||
        farm_migrate(session) != FARM_OK)
        stop("migrate");
    farm_session_free(session);
}

enum { GONE, REFUSING, MOVING };

typedef struct host_case {
    const char *name;
    int first; /* GONE, REFUSING: from the start; MOVING: it answers at first */
    int32_t kind;
    const char *more;
} host_case;

static const host_case cases[] = {
    {"the first host refuses", REFUSING, 0, ""},
    {"the first host is gone", GONE, 0, ""},
    {"the first host is gone, and little time is given to it", GONE, 0, "&connect_timeout=1"},
    {"the first host is gone, and writes are wanted", GONE, 0,
     "&connect_timeout=1&target_session_attrs=read-write"},
    {"the first host hangs up", MOVING, WIRE_REFUSE, ""},
    {"the first host falls silent", MOVING, WIRE_DEAD, "&connect_timeout=1"},
    {"the first host falls silent for as long as one likes", MOVING, WIRE_DEAD, ""},
};
enum { CASE_COUNT = sizeof cases / sizeof *cases };

static int run(const host_case *with) {
    silent_port port;
    if (with->first == MOVING) return moves(with->name, with->kind, with->more);
    silent_open(&port, with->first == GONE);
    int failed = opens(with->name, port.port, with->more);
    silent_close(&port);
    return failed;
}

/* Beside each other: they wait most of the time. */
int main(void) {
    int failed = 0;
    if (getenv("FARM_TEST_POSTGRES_OWNER") == NULL || getenv("FARM_TEST_POSTGRES_PORT") == NULL)
        return 77;
    migrate();
    for (int i = 0; i < CASE_COUNT; i++) {
        if (fork() != 0) continue;
        alarm(WATCH_SECONDS);
        exit(run(&cases[i]) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    for (int i = 0; i < CASE_COUNT; i++) {
        int status = -1;
        wait(&status);
        failed += status != 0;
    }
    printf("%d ways for a host to go, %d went wrong\n", CASE_COUNT, failed);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
