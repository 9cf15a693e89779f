/* A small HTTP server that takes from rate limits before it does anything, on libmicrohttpd:
 *
 *     server sqlite:shop.db                or postgresql://user@host/database
 *
 * It prints the port that it listens on. `/` greets, `/report` stands for what is dear, and
 * `/health` is for a load balancer. Who asks too often gets 429 and is told when to come back. When
 * the limits cannot be asked nobody gets through, with 503. server.py and server.mjs beside it do
 * the same. */
#include <arpa/inet.h>
#include <farmcore/farmcore.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TIMEOUT_US = 5 * 1000 * 1000,    /* a request does not wait longer for the store */
    MIGRATION_US = 60 * 1000 * 1000, /* but the tables may take their time */
    CONNECTION_SECONDS = 10,         /* who sends nothing for so long is hung up on */
    CONNECTION_MAX = 256,            /* each is a thread */
    LIMIT_MAX = 3                    /* limits that one request takes from */
};

#define HOUR_US INT64_C(3600000000)

static const farm_rate_limit limits[] = {
    /* An IPv6 address counts by its /64, which is what one customer gets. */
    {.struct_size = sizeof limits[0],
     .name = "address",
     .scope = FARM_RATE_SCOPE_ADDRESS,
     .ipv6_prefix = 64,
     .count = 100,
     .period_us = HOUR_US},
    {.struct_size = sizeof limits[0],
     .name = "user",
     .scope = FARM_RATE_SCOPE_USER,
     .count = 20,
     .period_us = HOUR_US},
    {.struct_size = sizeof limits[0],
     .name = "reports",
     .scope = FARM_RATE_SCOPE_USER,
     .algorithm = FARM_RATE_ALGORITHM_WINDOW,
     .calendar = FARM_RATE_CALENDAR_DAY,
     .count = 3},
};

/* The address at the other end of the connection, which nobody can forge. X-Forwarded-For is not
 * looked at: anyone can send it, and who believed it would let each request choose whose limit it
 * takes from, its own anew or somebody else's. Behind a proxy of your own, take the one entry that
 * this proxy has added, the last, and only from connections that are the proxy's. */
static const char *client_address(struct MHD_Connection *connection, char text[INET6_ADDRSTRLEN]) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL) return NULL;
    const void *address = info->client_addr;
    if (info->client_addr->sa_family == AF_INET6)
        return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text,
                         INET6_ADDRSTRLEN);
    return inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text,
                     INET6_ADDRSTRLEN);
}

/* Who asks; NULL: anybody. The header stands for your authentication: never believe a client about
 * who he is, or he takes from another's limit. */
static const char *client_user(struct MHD_Connection *connection) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Demo-User");
}

/* What a request takes from; answers how many. The text is for the address. */
static size_t requests_of(struct MHD_Connection *connection, const char *url,
                          char text[INET6_ADDRSTRLEN], farm_rate_request items[LIMIT_MAX]) {
    const char *user = client_user(connection);
    size_t count = 0;
    items[count++] = (farm_rate_request){.struct_size = sizeof items[0],
                                         .limit = "address",
                                         .subject = client_address(connection, text),
                                         .cost = 1};
    if (user == NULL) return count;
    items[count] = items[0];
    items[count].limit = "user";
    items[count++].subject = user;
    if (strcmp(url, "/report") != 0) return count;
    items[count] = items[1];
    items[count++].limit = "reports";
    return count;
}

/* What to answer. What is the library's is for farm_free(). */
typedef struct answer {
    unsigned code;
    const char *type;
    const char *text; /* the body when there is none of the library's */
    char *body;
    char *fields; /* lines as farm_rate_headers() writes them */
} answer;

/* Without an answer of the store nobody is let through: these limits are closed. One that should
 * rather let everybody through then is defined with on_error. */
static void unavailable(answer *out, const char *why) {
    fprintf(stderr, "no answer of the store: %s\n", why);
    out->code = MHD_HTTP_SERVICE_UNAVAILABLE;
    out->type = "application/problem+json";
    out->text = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503}";
}

/* The middleware: 1 when the request may go on; else the answer is made. */
static int32_t is_let_through(farm_session *session, struct MHD_Connection *connection,
                              const char *url, answer *out) {
    char text[INET6_ADDRSTRLEN];
    farm_rate_request items[LIMIT_MAX];
    farm_rate_state states[LIMIT_MAX] = {{.struct_size = sizeof states[0]},
                                         {.struct_size = sizeof states[0]},
                                         {.struct_size = sizeof states[0]}};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    const size_t count = requests_of(connection, url, text, items);
    /* All or none, in one round trip: who is over one limit does not use up the others. */
    farm_status status = farm_rate_take(session, items, count, states, &decision);
    if (status == FARM_OK)
        status = farm_rate_headers(session, items, count, states, &decision, &out->fields);
    if (status == FARM_OK && !decision.allowed) {
        out->code = MHD_HTTP_TOO_MANY_REQUESTS;
        out->type = "application/problem+json";
        status = farm_rate_problem(session, items, count, states, &decision, &out->body);
    }
    if (status == FARM_EINVAL) { /* a user whose name is none */
        out->code = MHD_HTTP_BAD_REQUEST;
        out->text = "no such user\n";
    } else if (status != FARM_OK) {
        unavailable(out, farm_session_error_text(session));
    }
    return status == FARM_OK && decision.allowed;
}

/* What the server is there for. */
static void answer_request(farm_session *session, struct MHD_Connection *connection,
                           const char *url, answer *out) {
    if (!is_let_through(session, connection, url, out)) return;
    out->code = MHD_HTTP_OK;
    if (strcmp(url, "/") == 0) {
        out->text = "hello\n";
    } else if (strcmp(url, "/report") == 0) {
        out->text = "a report\n";
    } else {
        out->code = MHD_HTTP_NOT_FOUND;
        out->text = "not found\n";
    }
}

/* No limit stands before this one: a load balancer that is refused takes the server out. */
static void answer_health(farm_session *session, answer *out) {
    out->type = "application/json";
    const farm_status status = farm_health(session, 0, &out->body);
    const int32_t is_well = status == FARM_OK && strstr(out->body, "\"ok\":true") != NULL;
    out->code = is_well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    out->text = "{\"ok\":false}";
}

/* `Name: value` CR LF, several times. */
static enum MHD_Result add_fields(struct MHD_Response *response, char *lines) {
    enum MHD_Result result = MHD_YES;
    while (result == MHD_YES && lines != NULL && *lines != '\0') {
        char *value = strstr(lines, ": ");
        char *end = strstr(lines, "\r\n");
        if (value == NULL || end == NULL || value > end) return MHD_NO;
        *value = *end = '\0';
        result = MHD_add_response_header(response, lines, value + 2);
        lines = end + 2;
    }
    return result;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, const answer *made,
                                   int is_last) {
    const char *body = made->body != NULL ? made->body : made->text;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), (void *)body, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) return MHD_NO;
    enum MHD_Result result = MHD_add_response_header(response, "Content-Type", made->type);
    if (result == MHD_YES) result = add_fields(response, made->fields);
    if (result == MHD_YES && made->code == MHD_HTTP_SERVICE_UNAVAILABLE)
        result = MHD_add_response_header(response, "Retry-After", "1");
    if (result == MHD_YES && is_last)
        result = MHD_add_response_header(response, "Connection", "close");
    if (result == MHD_YES) result = MHD_queue_response(connection, made->code, response);
    MHD_destroy_response(response);
    return result;
}

/* What all connections share. The count is for a graceful end: it waits for those in flight. */
typedef struct server {
    farm_pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t is_quiet;
    int flight_count;
    int is_stopping;
} server;

/* A request is in flight from its first line until its answer is sent. */
static int count_flight(server *self, int change) {
    pthread_mutex_lock(&self->lock);
    self->flight_count += change;
    if (self->flight_count == 0) pthread_cond_signal(&self->is_quiet);
    const int is_stopping = self->is_stopping;
    pthread_mutex_unlock(&self->lock);
    return is_stopping;
}

static void on_end(void *context, struct MHD_Connection *connection, void **request,
                   enum MHD_RequestTerminationCode how) {
    (void)connection;
    (void)how;
    if (*request != NULL) count_flight(context, -1);
}

/* libmicrohttpd calls this when it has the fields, for each piece of a body, and at the end. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **request) {
    server *self = context;
    answer made = {.code = MHD_HTTP_METHOD_NOT_ALLOWED, .type = "text/plain", .text = "GET only\n"};
    farm_session *session = NULL;
    farm_error error = {.struct_size = sizeof error};
    (void)version;
    (void)data;
    if (*request == NULL) {
        *request = self;
        count_flight(self, 1);
        return MHD_YES;
    }
    if (*data_size > 0) {
        *data_size = 0; /* read and thrown away */
        return MHD_YES;
    }
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
        if (farm_pool_acquire(self->pool, TIMEOUT_US, &error, &session) != FARM_OK)
            unavailable(&made, error.text);
        else if (strcmp(url, "/health") == 0)
            answer_health(session, &made);
        else
            answer_request(session, connection, url, &made);
        farm_pool_release(self->pool, session);
    }
    const enum MHD_Result result = send_answer(connection, &made, count_flight(self, 0));
    farm_free(made.body);
    farm_free(made.fields);
    return result;
}

/* A server that has tables and limits already changes nothing. Where the application is not the
 * owner of its tables, a step of the deployment does this: docs/backends.md. */
static farm_status prepare(farm_pool *pool, farm_error *error) {
    farm_session *session = NULL;
    farm_status status = farm_pool_acquire(pool, TIMEOUT_US, error, &session);
    if (status != FARM_OK) return status;
    status = farm_session_set_timeout_us(session, MIGRATION_US);
    if (status == FARM_OK) status = farm_session_set_service(session);
    if (status == FARM_OK) status = farm_migrate(session);
    if (status == FARM_OK) status = farm_rate_define(session, limits, LIMIT_MAX);
    if (status != FARM_OK) *error = *farm_session_error(session);
    farm_pool_release(pool, session);
    return status;
}

/* Serve until SIGTERM or SIGINT, which all threads have blocked. */
static int serve(server *self, const sigset_t *signals) {
    struct sockaddr_in place = {.sin_family = AF_INET};
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC, 0, NULL,
        NULL, on_request, self, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&place,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, self, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTION_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_SECONDS,
        MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "the server does not start\n");
        return EXIT_FAILURE;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    printf("listening on http://127.0.0.1:%d\n", info == NULL ? 0 : (int)info->port);
    fflush(stdout);

    int number = 0;
    sigwait(signals, &number);
    const MHD_socket listener = MHD_quiesce_daemon(daemon); /* nobody new */
    pthread_mutex_lock(&self->lock);
    self->is_stopping = 1;
    while (self->flight_count > 0) pthread_cond_wait(&self->is_quiet, &self->lock);
    pthread_mutex_unlock(&self->lock);
    MHD_stop_daemon(daemon);
    if (listener != MHD_INVALID_SOCKET) close(listener);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "server URI\n");
        return 2;
    }
    server self = {.lock = PTHREAD_MUTEX_INITIALIZER, .is_quiet = PTHREAD_COND_INITIALIZER};
    const farm_session_options session = {.struct_size = sizeof session, .timeout_us = TIMEOUT_US};
    const farm_pool_options options = {.struct_size = sizeof options, .session = &session};
    farm_error error = {.struct_size = sizeof error};
    int result = EXIT_FAILURE;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before there are other threads */
    signal(SIGPIPE, SIG_IGN);                   /* a client that hangs up */

    farm_status status = farm_pool_new(&self.pool);
    if (status == FARM_OK) status = farm_pool_open(self.pool, argv[1], &options, &error);
    if (status == FARM_OK) status = prepare(self.pool, &error);
    if (status == FARM_OK)
        result = serve(&self, &signals);
    else
        fprintf(stderr, "%s\n", error.text);
    farm_pool_free(self.pool);
    return result;
}
