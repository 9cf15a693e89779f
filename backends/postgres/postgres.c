/* The backend's table; the store, which is the URI, its settings and the names of the prepared
 * statements; opening, adopting and closing connections. */
#include <farmcore/postgres.h>
#include "postgres_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const farm_setting_rule settings[] = {
    {"prepare", "auto|on|off"},
    {"txn", "implicit|explicit"},
    {NULL, NULL},
};

/* --- the store -------------------------------------------------------------------------------- */

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * UINT64_C(0x100000001B3);
    return hash;
}

/* FNV-1a of a step's text and the types of its parameters. Equal names mean equal statements: a
 * pooler may answer with a statement that another client has prepared under the same name. */
static uint64_t hash_step(const farm_statement *statement, uint32_t step) {
    const char *text = statement->steps[step];
    uint64_t hash = hash_bytes(UINT64_C(0xCBF29CE484222325), text, strlen(text) + 1);
    for (uint32_t i = 0; i < statement->param_count; i++) {
        const Oid type = postgres_parameter_type(statement, i);
        const unsigned char bytes[2] = {(unsigned char)(type >> 8), (unsigned char)type};
        hash = hash_bytes(hash, bytes, sizeof bytes);
    }
    return hash;
}

/* Equal steps share one mark. There are a few hundred, once for each store. */
static uint32_t find_place(const farm_store *store, uint32_t index) {
    for (uint32_t i = 0; i < index; i++)
        if (store->steps[i].hash == store->steps[index].hash) return i;
    return index;
}

static farm_status name_steps(farm_store *store) {
    for (uint32_t i = 0; i < store->statement_count; i++)
        store->step_count += store->statements[i].step_count;
    store->first_steps = farm_allocate((store->statement_count + 1u) * sizeof *store->first_steps);
    store->steps = farm_allocate((store->step_count + 1u) * sizeof *store->steps);
    if (store->first_steps == NULL || store->steps == NULL) return FARM_ENOMEM;
    uint32_t index = 0;
    for (uint32_t i = 0; i < store->statement_count; i++) {
        store->first_steps[i] = index;
        for (uint32_t j = 0; j < store->statements[i].step_count; j++, index++) {
            store->steps[index].hash = hash_step(&store->statements[i], j);
            store->steps[index].place = find_place(store, index);
        }
    }
    return FARM_OK;
}

static void take_setting(farm_store *store, const farm_setting *setting) {
    if (strcmp(setting->name, "prepare") == 0) {
        if (strcmp(setting->value, "on") == 0) store->prepare = PREPARE_ON;
        if (strcmp(setting->value, "off") == 0) store->prepare = PREPARE_OFF;
    }
    if (strcmp(setting->name, "txn") == 0)
        store->is_explicit = strcmp(setting->value, "explicit") == 0;
}

static const char *find_option(const PQconninfoOption *options, const char *name) {
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, name) == 0 && options->val != NULL) return options->val;
    return "";
}

/* A password with an unescaped '@', ':' or '/' lands in the host, the port or the database. Say
 * where the server is only when nothing of that kind can have happened. */
static void describe_place(farm_store *store, const PQconninfoOption *options) {
    static const char in_host[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._-:,/";
    const char *host = find_option(options, "host");
    const char *port = find_option(options, "port");
    (void)snprintf(store->place, sizeof store->place, "the server");
    if (host[0] == '\0' || strspn(host, in_host) != strlen(host)) return;
    if (strspn(port, "0123456789,") != strlen(port)) return;
    if (strpbrk(find_option(options, "dbname"), "@:/") != NULL) return;
    (void)snprintf(store->place, sizeof store->place, "the server %s%s%s", host,
                   port[0] == '\0' ? "" : " port ", port);
}

static uint32_t count_list(const char *list) {
    uint32_t count = list[0] != '\0';
    for (; *list != '\0'; list++) count += *list == ',';
    return count;
}

/* Where there are several, the lists are kept: a connection goes through them itself. */
static farm_status read_hosts(farm_store *store, const PQconninfoOption *options) {
    static const char *const names[HOST_LIST_COUNT] = {"host", "hostaddr", "port"};
    const uint32_t count = count_list(find_option(options, "host"));
    store->host_count = count > 0 ? count : count_list(find_option(options, "hostaddr"));
    if (store->host_count <= 1) {
        store->host_count = 1;
        return FARM_OK;
    }
    for (int i = 0; i < HOST_LIST_COUNT; i++) {
        const char *list = find_option(options, names[i]);
        const size_t size = strlen(list) + 1;
        store->hosts[i] = farm_allocate(size);
        if (store->hosts[i] == NULL) return FARM_ENOMEM;
        memcpy(store->hosts[i], list, size);
    }
    return FARM_OK;
}

static farm_status read_uri(farm_store *store, farm_fault *fault) {
    char *words = NULL;
    PQconninfoOption *options = PQconninfoParse(store->uri, &words);
    /* The words quote the URI, and with it the password. A lack of memory has words, too. */
    const int32_t is_wrong = words != NULL && strstr(words, "out of memory") == NULL;
    PQfreemem(words);
    if (options == NULL)
        return is_wrong ? postgres_fault_set(fault, FARM_EINVAL,
                                             "the URI is not one that libpq understands")
                        : postgres_fault_set(fault, FARM_ENOMEM, "there is no memory for the URI");
    const char *port = find_option(options, "port");
    farm_status status = FARM_OK;
    if (strspn(port, "0123456789,") != strlen(port))
        status = postgres_fault_set(fault, FARM_EINVAL, "the URI's port is no number");
    long seconds = strtol(find_option(options, "connect_timeout"), NULL, 10);
    if (seconds > 0 && seconds < INT32_MAX) store->connect_timeout_us = seconds * INT64_C(1000000);
    describe_place(store, options);
    if (status == FARM_OK) status = read_hosts(store, options);
    if (status == FARM_ENOMEM)
        (void)postgres_fault_set(fault, status, "there is no memory for the URI");
    PQconninfoFree(options);
    return status;
}

static void close_store(farm_store *store) {
    if (store == NULL) return;
    for (int i = 0; i < HOST_LIST_COUNT; i++) farm_free(store->hosts[i]);
    farm_free(store->first_steps);
    farm_free(store->steps);
    farm_free(store);
}

static farm_status open_store(const farm_store_config *config, farm_store **out,
                              farm_fault *fault) {
    postgres_fault_clear(fault);
    *out = NULL;
    farm_store *store = farm_allocate(sizeof *store);
    if (store == NULL)
        return postgres_fault_set(fault, FARM_ENOMEM, "there is no memory for the store");
    memset(store, 0, sizeof *store);
    atomic_init(&store->is_unnamed, 0);
    store->statements = config->statements;
    store->statement_count = config->statement_count;
    /* Nothing but a scheme is what an adopted connection may come with: libpq's defaults. */
    store->uri = strcmp(config->uri, "postgresql:") == 0 ? "postgresql://" : config->uri;
    for (size_t i = 0; i < config->setting_count; i++) take_setting(store, &config->settings[i]);
    farm_status status = read_uri(store, fault);
    if (status == FARM_OK) {
        status = name_steps(store);
        if (status != FARM_OK)
            (void)postgres_fault_set(fault, status, "there is no memory for the statements");
    }
    if (status == FARM_OK)
        *out = store;
    else
        close_store(store);
    return status;
}

/* --- connections ------------------------------------------------------------------------------ */

static void free_connection(farm_connection *connection) {
    postgres_wake_close(connection);
    postgres_scratch_free(&connection->scratch);
    farm_free(connection->marks);
    farm_free(connection);
}

/* NULL: the fault says why. */
static farm_connection *new_connection(farm_store *store, farm_fault *fault) {
    static const char no_memory[] = "there is no memory for the connection";
    postgres_fault_clear(fault);
    farm_connection *connection = farm_allocate(sizeof *connection);
    if (connection == NULL) {
        (void)postgres_fault_set(fault, FARM_ENOMEM, no_memory);
        return NULL;
    }
    *connection =
        (farm_connection){.store = store, .deadline_us = POSTGRES_NEVER_US, .wake = {-1, -1}};
    connection->marks = farm_allocate(store->step_count + 1u);
    if (connection->marks == NULL) {
        (void)postgres_fault_set(fault, FARM_ENOMEM, no_memory);
    } else if (!postgres_wake_open(connection)) {
        (void)postgres_fault_set(fault, FARM_EUNAVAILABLE, "the process has too many files open");
    } else {
        memset(connection->marks, MARK_NONE, store->step_count + 1u);
        return connection;
    }
    free_connection(connection);
    return NULL;
}

static farm_status open_connection(farm_store *store, int64_t timeout_us, farm_connection **out,
                                   farm_fault *fault) {
    *out = NULL;
    farm_connection *connection = new_connection(store, fault);
    if (connection == NULL) return fault->status;
    connection->deadline_us = postgres_deadline_us(timeout_us);
    farm_status status = postgres_connect(connection, fault);
    connection->deadline_us = POSTGRES_NEVER_US;
    if (status == FARM_OK)
        *out = connection;
    else
        free_connection(connection);
    return status;
}

/* A transaction of the host cannot be probed without joining it, and need not be: what it begins
 * and ends itself is a transaction on every engine. */
static farm_status adopt(farm_store *store, void *native, farm_connection **out,
                         farm_fault *fault) {
    enum { PROBE_US = 10000000 };
    *out = NULL;
    farm_connection *connection = new_connection(store, fault);
    if (connection == NULL) return fault->status;
    connection->handle = native;
    connection->is_adopted = 1;
    connection->is_pooled = 1;
    connection->is_explicit = 1;
    connection->uses_names = store->prepare == PREPARE_ON;
    connection->was_nonblocking = PQisnonblocking(native);
    farm_status status = postgres_check_host(connection, fault);
    if (status == FARM_OK && PQtransactionStatus(native) == PQTRANS_IDLE) {
        connection->deadline_us = postgres_deadline_us(PROBE_US);
        status = postgres_probe(connection, fault);
        connection->deadline_us = POSTGRES_NEVER_US;
    }
    if (status == FARM_OK)
        *out = connection;
    else
        free_connection(connection);
    return status;
}

static void close_connection(farm_connection *connection) {
    if (connection == NULL) return;
    postgres_rollback(connection);
    if (!connection->is_adopted) postgres_drop(connection);
    free_connection(connection);
}

static void set_timeout(farm_connection *connection, int64_t timeout_us) {
    connection->deadline_us = postgres_deadline_us(timeout_us);
}

const farm_backend farm_postgres_backend = {
    .struct_size = sizeof farm_postgres_backend,
    .capabilities = FARM_BACKEND_KEEPS_QUERY | FARM_BACKEND_SHARED,
    .scheme = "postgresql",
    .dialect = "postgres",
    .settings = settings,
    .store_open = open_store,
    .store_close = close_store,
    .open = open_connection,
    .close = close_connection,
    .set_timeout = set_timeout,
    .begin = postgres_begin,
    .run = postgres_run,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .undo = postgres_undo,
    .script = postgres_script,
    .has_transaction = postgres_has_transaction,
    .adopt = adopt,
    .interrupt = postgres_interrupt,
    .wait = postgres_listen,
};
