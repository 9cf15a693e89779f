/* The suite's course: take the URI apart, then for each case make a store and tables, try it, clear
 * up, say how it went. */
#include "conformance_suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const suite_group *const groups[] = {
    &suite_connection_cases, &suite_value_cases,     &suite_list_cases,   &suite_call_cases,
    &suite_row_cases,        &suite_expect_cases,    &suite_fault_cases,  &suite_transaction_cases,
    &suite_savepoint_cases,  &suite_isolation_cases, &suite_thread_cases, &suite_time_cases,
};

/* --- the URI --- */

static int32_t is_named(const farm_backend *backend, const char *name, size_t size) {
    for (const farm_setting_rule *rule = backend->settings; rule != NULL && rule->name != NULL;
         rule++)
        if (strlen(rule->name) == size && memcmp(rule->name, name, size) == 0) return 1;
    return 0;
}

/* One name=value of the query: a setting of the backend's, or left in the URI. Settings are taken
 * as they stand, without percent-encoding. */
static int32_t take_parameter(const farm_backend *backend, char *words, suite_uri *out) {
    size_t name_size = strcspn(words, "=");
    if (words[name_size] == '\0') return 0;
    if (!is_named(backend, words, name_size)) {
        size_t used = strlen(out->text);
        (void)snprintf(out->text + used, sizeof out->text - used, "%c%s",
                       strchr(out->text, '?') == NULL ? '?' : '&', words);
        return (backend->capabilities & FARM_BACKEND_KEEPS_QUERY) != 0;
    }
    if (out->setting_count == SUITE_SETTING_MAX) return 0;
    words[name_size] = '\0';
    out->settings[out->setting_count++] = (farm_setting){words, words + name_size + 1};
    return 1;
}

static int32_t parse_uri(const farm_backend *backend, const char *uri, suite_uri *out) {
    size_t scheme_size = strlen(backend->scheme);
    if (strlen(uri) >= sizeof out->text || strncmp(uri, backend->scheme, scheme_size) != 0 ||
        uri[scheme_size] != ':')
        return 0;
    size_t path_size = strcspn(uri, "?");
    memcpy(out->text, uri, path_size);
    out->text[path_size] = '\0';
    if (uri[path_size] == '\0') return 1;
    memcpy(out->words, uri + path_size + 1, strlen(uri + path_size + 1) + 1);
    char *rest = NULL;
    for (char *words = strtok_r(out->words, "&", &rest); words != NULL;
         words = strtok_r(NULL, "&", &rest))
        if (!take_parameter(backend, words, out)) return 0;
    return 1;
}

/* --- the table of statements --- */

static const char *const *make_steps(conformance_suite *suite, const char *const texts[2],
                                     uint32_t *count) {
    const char **steps = suite_allocate(suite, 2, sizeof *steps);
    *count = 0;
    for (size_t i = 0; i < 2 && texts[i] != NULL; i++) {
        steps[i] = suite_expand(suite, texts[i]);
        (*count)++;
    }
    return steps;
}

static uint8_t type_of(char letter) {
    if (letter == 'i') return FARM_INTEGER;
    return letter == 't' ? FARM_TEXT : FARM_BLOB;
}

/* Letters into types; *shared is how many come before the bar, all when there is none. */
static const uint8_t *make_types(conformance_suite *suite, const char *letters, uint32_t *count,
                                 uint32_t *shared) {
    uint8_t *types = suite_allocate(suite, strlen(letters) + 1, sizeof *types);
    int32_t has_bar = 0;
    *count = 0;
    for (const char *letter = letters; *letter != '\0'; letter++) {
        if (*letter == '|') {
            has_bar = 1;
            *shared = *count;
        } else if (*letter == '?') {
            types[*count - 1] |= FARM_TYPE_NULLABLE;
        } else if (*letter == '*') {
            types[*count - 1] |= FARM_TYPE_LIST;
        } else {
            types[(*count)++] = type_of(*letter);
        }
    }
    if (!has_bar) *shared = *count;
    return types;
}

static uint32_t flags_of(const statement_template *template, int32_t is_postgres) {
    uint32_t flags = is_postgres ? template->postgres_flags : 0;
    const char *first = template->steps[0];
    if (first != NULL && template->steps[1] == NULL &&
        (strncmp(first, "SELECT", 6) == 0 || strncmp(first, "WITH", 4) == 0))
        flags |= FARM_STATEMENT_READS;
    return flags;
}

static void make_statement(conformance_suite *suite, uint32_t number, farm_statement *out) {
    const statement_template *template = &statements_templates[number];
    const char *const *texts = template->steps;
    if (suite->is_postgres && template->postgres[0] != NULL) texts = template->postgres;
    uint32_t unused = 0;
    memset(out, 0, sizeof *out);
    out->name = template->name;
    out->steps = make_steps(suite, texts, &out->step_count);
    out->flags = flags_of(template, suite->is_postgres);
    out->params = make_types(suite, template->params, &out->param_count, &out->shared_count);
    out->columns = make_types(suite, template->columns, &out->column_count, &unused);
    out->expect = template->expect;
    out->number = number;
}

/* --- a case --- */

static farm_status open_store(conformance_suite *suite, const suite_uri *uri, farm_store **out) {
    farm_store_config *config = suite_allocate(suite, 1, sizeof *config);
    *config = (farm_store_config){.struct_size = sizeof *config,
                                  .statement_count = STATEMENT_COUNT,
                                  .statements = suite->statements,
                                  .uri = uri->text,
                                  .settings = uri->settings,
                                  .setting_count = uri->setting_count};
    farm_fault fault = {.call = -1, .ordinal = -1};
    farm_status status = suite->backend->store_open(config, out, &fault);
    if (status == FARM_OK) return FARM_OK;
    *out = NULL;
    suite_complain(suite, __FILE__, __LINE__, "store_open answers %s: %s", farm_status_name(status),
                   fault.text);
    return status;
}

static int32_t open_owner(conformance_suite *suite) {
    suite_client *owner = &suite->owner;
    memset(owner, 0, sizeof *owner);
    owner->suite = suite;
    suite->owner_store = suite->store;
    if (suite->has_owner && open_store(suite, &suite->owner_uri, &suite->owner_store) != FARM_OK)
        return 0;
    farm_status status =
        suite->backend->open(suite->owner_store, GENEROUS_US, &owner->connection, &owner->fault);
    if (status == FARM_OK) return 1;
    owner->connection = NULL;
    suite_complain(suite, __FILE__, __LINE__, "open answers %s: %s", farm_status_name(status),
                   owner->fault.text);
    return 0;
}

static int32_t owner_script(conformance_suite *suite, const char *sql) {
    return suite_claim_status(&suite->owner, FARM_OK, client_script(&suite->owner, sql), __FILE__,
                              __LINE__, "making or dropping the tables");
}

static int32_t set_up(conformance_suite *suite, uint32_t number) {
    (void)snprintf(suite->prefix, sizeof suite->prefix, "conformance_%llx_%lx_%u_",
                   (unsigned long long)time(NULL), (unsigned long)getpid(), (unsigned)number);
    suite->statements = suite_allocate(suite, STATEMENT_COUNT, sizeof *suite->statements);
    for (uint32_t i = 0; i < STATEMENT_COUNT; i++) make_statement(suite, i, &suite->statements[i]);
    if (open_store(suite, &suite->uri, &suite->store) != FARM_OK || !open_owner(suite)) return 0;
    if (!owner_script(suite, statements_tables)) return 0;
    if (suite->is_postgres && !owner_script(suite, statements_functions)) return 0;
    return !(suite->is_postgres && suite->has_owner) || owner_script(suite, statements_grants);
}

static void drop_tables(conformance_suite *suite) {
    if (suite->owner.connection == NULL) return;
    client_rollback(&suite->owner);
    client_set_timeout(&suite->owner, GENEROUS_US);
    (void)owner_script(suite, statements_tables_drop);
    if (suite->is_postgres) (void)owner_script(suite, statements_functions_drop);
}

static void take_down(conformance_suite *suite) {
    for (size_t i = 0; i < suite->client_count; i++) client_close(&suite->clients[i]);
    drop_tables(suite);
    client_close(&suite->owner);
    if (suite->owner_store != NULL && suite->owner_store != suite->store)
        suite->backend->store_close(suite->owner_store);
    if (suite->store != NULL) suite->backend->store_close(suite->store);
    suite->owner_store = NULL;
    suite->store = NULL;
    suite->client_count = 0;
    for (void *block = suite->memory; block != NULL;) {
        void *next = *(void **)block;
        free(block);
        block = next;
    }
    suite->memory = NULL;
}

/* 1: it held. */
static int32_t run_case(conformance_suite *suite, const suite_case *what, uint32_t number) {
    suite->is_failed = 0;
    suite->skipped = NULL;
    if (set_up(suite, number)) what->run(suite);
    take_down(suite);
    if (suite->is_failed)
        printf("not ok %u - %s\n# %s\n", (unsigned)number, what->sentence, suite->complaint);
    else if (suite->skipped != NULL)
        printf("ok %u - %s # SKIP %s\n", (unsigned)number, what->sentence, suite->skipped);
    else
        printf("ok %u - %s\n", (unsigned)number, what->sentence);
    (void)fflush(stdout);
    return !suite->is_failed;
}

static int32_t is_chosen(const suite_case *what, const char *only) {
    return only == NULL || strstr(what->sentence, only) != NULL;
}

/* --- all --- */

static int run_cases(conformance_suite *suite, const char *only) {
    uint32_t chosen_count = 0;
    int failed_count = 0;
    for (size_t group = 0; group < COUNT_OF(groups); group++)
        for (size_t i = 0; i < groups[group]->count; i++) {
            const suite_case *what = &groups[group]->cases[i];
            if (!is_chosen(what, only)) continue;
            chosen_count++;
            if (!run_case(suite, what, chosen_count)) failed_count++;
        }
    printf("1..%u\n# %d passed, %d failed\n", (unsigned)chosen_count,
           (int)chosen_count - failed_count, failed_count);
    return chosen_count == 0 ? -1 : failed_count;
}

int farm_backend_conformance(const farm_backend *backend, const char *uri, const char *owner_uri,
                             const char *only) {
    conformance_suite *made = calloc(1, sizeof *made);
    if (made == NULL) {
        fputs("Bail out! There is no memory.\n", stdout);
        return -1;
    }
    int result = -1;
    made->backend = backend;
    made->has_owner = owner_uri != NULL;
    made->is_postgres = strcmp(backend->dialect, "postgres") == 0;
    if (!parse_uri(backend, uri, &made->uri) ||
        (made->has_owner && !parse_uri(backend, owner_uri, &made->owner_uri))) {
        fputs("Bail out! The URI is not one of this backend's.\n", stdout);
    } else if (pthread_mutex_init(&made->mutex, NULL) == 0) {
        result = run_cases(made, only);
        (void)pthread_mutex_destroy(&made->mutex);
    }
    free(made);
    return result;
}
