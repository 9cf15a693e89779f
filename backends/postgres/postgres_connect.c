/* Making a connection and giving it up; finding out what is behind it; taking a host's connection
 * into our mode and back. libpq's own texts may hold passwords: they are read for the SQLSTATE
 * alone. */
#include "postgres_internal.h"
#include <string.h>
#include <sys/socket.h>

enum { STATE_SIZE = 5, IDLE_READ_MAX = 64 };

/* A server that says goodbye while nobody asked it anything. Notices are not shown to anyone. */
static void hear_notice(void *context, const PGresult *result) {
    farm_connection *connection = context;
    if (postgres_result_is_fatal(result)) connection->has_ended = 1;
}

/* With PQERRORS_SQLSTATE the last line of a server's refusal ends in the state alone. */
static const char *find_state(const char *words, char *state) {
    size_t end = strlen(words);
    while (end > 0 && (words[end - 1] == '\n' || words[end - 1] == ' ')) end--;
    if (end < STATE_SIZE + 1 || words[end - STATE_SIZE - 1] != ' ') return NULL;
    memcpy(state, words + end - STATE_SIZE, STATE_SIZE);
    state[STATE_SIZE] = '\0';
    for (size_t i = 0; i < STATE_SIZE; i++)
        if (strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", state[i]) == NULL) return NULL;
    return state;
}

static farm_status refusal(const farm_connection *connection, farm_fault *fault) {
    char state[STATE_SIZE + 1];
    if (PQconnectionNeedsPassword(connection->handle))
        return postgres_fault_set(fault, FARM_EDENIED, "%s asks for a password",
                                  connection->store->place);
    const char *found = find_state(PQerrorMessage(connection->handle), state);
    if (found != NULL && strncmp(found, "08", 2) != 0) return postgres_fault_state(fault, found);
    return postgres_fault_set(fault, FARM_EUNAVAILABLE, "%s cannot be reached",
                              connection->store->place);
}

/* A list without its first items; one that is the same for all hosts stays. */
static const char *skip_items(const char *list, uint32_t count) {
    if (list == NULL || list[0] == '\0' || strchr(list, ',') == NULL) return list;
    for (; count > 0 && list != NULL; count--) {
        list = strchr(list, ',');
        if (list != NULL) list++;
    }
    return list;
}

/* Whether a list's first item is this one, or not given. */
static int32_t begins_with(const char *list, const char *item) {
    if (list == NULL || item == NULL) return 0;
    const size_t size = strcspn(list, ",");
    return size == 0 || (strlen(item) == size && memcmp(list, item, size) == 0);
}

/* The host that libpq is at: it goes on by itself where one refuses. */
static uint32_t find_host(const farm_connection *connection, uint32_t first) {
    const farm_store *store = connection->store;
    if (store->host_count == 1) return first;
    const int32_t has_names = store->hosts[HOST_NAMES][0] != '\0';
    const char *hosts = store->hosts[has_names ? HOST_NAMES : HOST_ADDRESSES];
    for (uint32_t i = first; i < store->host_count; i++)
        if (begins_with(skip_items(hosts, i), PQhost(connection->handle)) &&
            begins_with(skip_items(store->hosts[HOST_PORTS], i), PQport(connection->handle)))
            return i;
    return first;
}

/* Each host has the URI's time; without one, those that are left share what the caller has. */
static int64_t host_deadline_us(const farm_connection *connection, uint32_t host) {
    const farm_store *store = connection->store;
    const uint32_t left = store->host_count - host;
    int64_t own = postgres_deadline_us(store->connect_timeout_us);
    if (store->connect_timeout_us <= 0 && left > 1 && connection->deadline_us != POSTGRES_NEVER_US)
        own = postgres_now_us() + (connection->deadline_us - postgres_now_us()) / left;
    return own < connection->deadline_us ? own : connection->deadline_us;
}

static farm_status start(farm_connection *connection, uint32_t first, farm_fault *fault) {
    static const char *const names[] = {
        "dbname", "client_encoding", "fallback_application_name", "host", "hostaddr", "port", NULL};
    const char *values[] = {connection->store->uri, "UTF8", "farmcore", NULL, NULL, NULL, NULL};
    for (int i = 0; first > 0 && i < HOST_LIST_COUNT; i++)
        values[3 + i] = skip_items(connection->store->hosts[i], first);
    connection->handle = PQconnectStartParams(names, values, 1);
    if (connection->handle == NULL)
        return postgres_fault_set(fault, FARM_ENOMEM, "there is no memory for the connection");
    if (PQstatus(connection->handle) == CONNECTION_BAD) return refusal(connection, fault);
    (void)PQsetErrorVerbosity(connection->handle, PQERRORS_SQLSTATE);
    (void)PQsetNoticeReceiver(connection->handle, hear_notice, connection);
    return FARM_OK;
}

/* *host is where it began, and then where it ended. */
static farm_status shake_hands(farm_connection *connection, uint32_t *host, farm_fault *fault) {
    int64_t deadline = host_deadline_us(connection, *host);
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        if (!postgres_wait_socket(connection, next == PGRES_POLLING_READING,
                                  next == PGRES_POLLING_WRITING, deadline))
            return postgres_wait_fault(connection, fault);
        next = PQconnectPoll(connection->handle);
        const uint32_t now_at = find_host(connection, *host);
        if (now_at != *host) deadline = host_deadline_us(connection, now_at);
        *host = now_at;
    }
    return next == PGRES_POLLING_OK ? FARM_OK : refusal(connection, fault);
}

/* libpq stops at a host that is silent, or hangs up after it has accepted: then those after it are
 * asked, as long as there is time. */
static int32_t may_go_on(farm_connection *connection, farm_status status) {
    if (status != FARM_EUNAVAILABLE && status != FARM_ETIMEOUT) return 0;
    if (atomic_load(&connection->is_interrupted)) return 0;
    return connection->deadline_us == POSTGRES_NEVER_US ||
           postgres_now_us() < connection->deadline_us;
}

static farm_status find_server(farm_connection *connection, farm_fault *fault) {
    uint32_t host = 0;
    for (;;) {
        farm_status status = start(connection, host, fault);
        if (status == FARM_OK) status = shake_hands(connection, &host, fault);
        host++;
        if (status == FARM_OK || host >= connection->store->host_count ||
            !may_go_on(connection, status))
            return status;
        postgres_drop(connection);
        connection->is_overdue = 0;
        postgres_fault_clear(fault);
    }
}

/* What this backend cannot do without. */
static farm_status check_server(const farm_connection *connection, farm_fault *fault) {
    const char *encoding = PQparameterStatus(connection->handle, "client_encoding");
    int version = PQserverVersion(connection->handle);
    if (version < POSTGRES_VERSION_MIN)
        return postgres_fault_set(fault, FARM_EUNSUPPORTED,
                                  "the server is Postgres %d, and must be 14 or later",
                                  version / 10000);
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0)
        return postgres_fault_set(fault, FARM_EUNSUPPORTED,
                                  "the connection's client_encoding is not UTF8");
    return FARM_OK;
}

farm_status postgres_connect(farm_connection *connection, farm_fault *fault) {
    connection->is_stale = 0;
    connection->has_ended = 0;
    connection->is_listening = 0;
    farm_status status = find_server(connection, fault);
    if (status == FARM_OK) status = check_server(connection, fault);
    if (status == FARM_OK && PQsetnonblocking(connection->handle, 1) != 0)
        status = postgres_fault_set(fault, FARM_EUNAVAILABLE, "%s cannot be reached",
                                    connection->store->place);
    if (status == FARM_OK) status = postgres_probe(connection, fault);
    if (status != FARM_OK) postgres_drop(connection);
    return status;
}

farm_status postgres_check_host(farm_connection *connection, farm_fault *fault) {
    PGconn *handle = connection->handle;
    if (PQstatus(handle) != CONNECTION_OK)
        return postgres_fault_set(fault, FARM_EUNAVAILABLE, "the host's connection is broken");
    if (PQpipelineStatus(handle) != PQ_PIPELINE_OFF ||
        PQtransactionStatus(handle) == PQTRANS_ACTIVE)
        return postgres_fault_set(fault, FARM_EINVAL, "the host's connection is in use");
    return check_server(connection, fault);
}

/* What one statement of the probe saw. */
typedef struct probe_answer {
    int64_t process;
    char began[64]; /* the transaction, as the server writes times */
} probe_answer;

static int32_t on_probe(void *context, size_t ordinal, const farm_value *row) {
    (void)ordinal;
    probe_answer *answer = context;
    if (row[0].type != FARM_INTEGER || row[1].type != FARM_TEXT) return 1;
    if (row[1].size >= sizeof answer->began) return 1;
    answer->process = row[0].integer;
    memcpy(answer->began, row[1].data, row[1].size);
    return 0;
}

/* A pooler cannot be seen by its version, but it gives out process ids that are not the server's.
 * An engine that commits each statement begins a transaction for each. */
farm_status postgres_probe(farm_connection *connection, farm_fault *fault) {
    static const char *const steps[] = {
        "SELECT CAST(pg_backend_pid() AS bigint), CAST(transaction_timestamp() AS text)"};
    static const farm_statement statement = {.name = "probe",
                                             .steps = steps,
                                             .step_count = 1,
                                             .flags = FARM_STATEMENT_READS,
                                             .expect = -1,
                                             .number = FARM_STATEMENT_UNNUMBERED};
    probe_answer answers[2] = {{0}, {0}};
    farm_call calls[2];
    for (size_t i = 0; i < 2; i++)
        calls[i] = (farm_call){
            .statement = &statement, .row_count = 1, .on_row = on_probe, .context = &answers[i]};
    postgres_pipeline pipeline = {.connection = connection,
                                  .calls = calls,
                                  .call_count = 2,
                                  .commits = 1,
                                  .only_reads = 1,
                                  .fault = fault};
    connection->is_pooled = 1;
    connection->is_explicit = 1;
    connection->uses_names = 0;
    farm_status status = postgres_pipeline_run(&pipeline);
    fault->call = -1;
    fault->ordinal = -1;
    if (status != FARM_OK) return status;

    const farm_store *store = connection->store;
    connection->is_pooled = answers[0].process != PQbackendPID(connection->handle) ||
                            answers[0].process != answers[1].process;
    connection->is_explicit = store->is_explicit || strcmp(answers[0].began, answers[1].began) != 0;
    connection->uses_names =
        store->prepare == PREPARE_ON ||
        (store->prepare == PREPARE_AUTO && !connection->is_pooled && !connection->is_adopted);
    memset(connection->marks, MARK_NONE, store->step_count);
    return FARM_OK;
}

void postgres_drop(farm_connection *connection) {
    if (connection->handle == NULL) return;
    if (!connection->is_adopted) {
        PQfinish(connection->handle);
        connection->handle = NULL;
        return;
    }
    int descriptor = PQsocket(connection->handle);
    if (descriptor >= 0) (void)shutdown(descriptor, SHUT_RDWR);
    (void)PQconsumeInput(connection->handle);
    (void)PQsetnonblocking(connection->handle, connection->was_nonblocking);
}

int32_t postgres_is_alive(farm_connection *connection) {
    for (int i = 0; i < IDLE_READ_MAX && postgres_is_readable(connection); i++) {
        if (!postgres_read_input(connection->handle)) return 0;
        (void)PQisBusy(connection->handle);
        if (connection->has_ended) return 0;
    }
    return !connection->has_ended && PQstatus(connection->handle) == CONNECTION_OK;
}

farm_status postgres_revive(farm_connection *connection, farm_fault *fault) {
    if (connection->is_adopted) return postgres_check_host(connection, fault);
    if (connection->handle != NULL && (connection->is_stale || !postgres_is_alive(connection)))
        postgres_drop(connection);
    return connection->handle != NULL ? FARM_OK : postgres_connect(connection, fault);
}

farm_status postgres_enter(farm_connection *connection, int32_t is_pipeline, farm_fault *fault) {
    PGconn *handle = connection->handle;
    if (handle == NULL)
        return postgres_fault_set(fault, FARM_EUNAVAILABLE,
                                  "the connection to the server was lost");
    if (connection->is_adopted) {
        farm_status status = postgres_check_host(connection, fault);
        if (status != FARM_OK) return status;
        connection->was_nonblocking = PQisnonblocking(handle);
        if (PQsetnonblocking(handle, 1) != 0)
            return postgres_fault_set(fault, FARM_EUNAVAILABLE, "the host's connection is broken");
    }
    if (!is_pipeline || PQenterPipelineMode(handle)) return FARM_OK;
    postgres_leave(connection);
    return postgres_fault_set(fault, FARM_EUNAVAILABLE, "the connection takes no statements");
}

void postgres_leave(farm_connection *connection) {
    PGconn *handle = connection->handle;
    if (PQpipelineStatus(handle) != PQ_PIPELINE_OFF && !PQexitPipelineMode(handle)) {
        postgres_drop(connection);
        return;
    }
    if (connection->is_adopted) (void)PQsetnonblocking(handle, connection->was_nonblocking);
}
