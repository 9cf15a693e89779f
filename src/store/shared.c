/* Opening what the sessions of a store share: settings of the URI, statements of the dialect. */
#include "store/shared.h"
#include "base/text.h"
#include "store/session.h"
#include "store/uri.h"
#include <string.h>

/* The settings that the library itself takes; the others are the backend's. */
static const farm_setting_rule own_settings[] = {
    {"clock", "host|store"}, {"schema", NULL},          {"grant_to", NULL},
    {"rate_uri", NULL},      {"topics", "notify|poll"}, {NULL, NULL},
};

static int32_t is_word(const char *words, const char *value) {
    size_t size = strlen(value);
    for (const char *word = words; word != NULL;) {
        const char *end = strchr(word, '|');
        size_t word_size = end == NULL ? strlen(word) : (size_t)(end - word);
        if (word_size == size && memcmp(word, value, size) == 0) return 1;
        word = end == NULL ? NULL : end + 1;
    }
    return 0;
}

static const farm_setting_rule *find_rule(const farm_setting_rule *rules, const char *name) {
    for (; rules != NULL && rules->name != NULL; rules++)
        if (strcmp(rules->name, name) == 0) return rules;
    return NULL;
}

/* A name that may stand in SQL as it is: it is put into statements when the store is opened. */
static int32_t is_identifier(const char *text) {
    size_t size = strlen(text);
    if (size == 0 || size > SHARED_SCHEMA_MAX) return 0;
    for (size_t i = 0; i < size; i++) {
        int32_t is_letter = (text[i] >= 'a' && text[i] <= 'z') || text[i] == '_';
        if (!is_letter && (i == 0 || text[i] < '0' || text[i] > '9')) return 0;
    }
    return 1;
}

static farm_status take_own(store_shared *shared, const uri_parameter *parameter,
                            farm_error *error) {
    if (strcmp(parameter->name, "clock") == 0) {
        shared->follows_store_clock = strcmp(parameter->value, "store") == 0;
        return FARM_OK;
    }
    if (strcmp(parameter->name, "topics") == 0) {
        shared->polls_topics = strcmp(parameter->value, "poll") == 0;
        return FARM_OK;
    }
    if (strcmp(parameter->name, "rate_uri") == 0)
        return shared_open(parameter->value, NULL, error, &shared->side);

    if (!is_identifier(parameter->value)) {
        return store_error_fail(
            error, FARM_EINVAL, 0,
            "the URI's setting %s must be 1 to %d of a-z, 0-9 and _, not beginning with a "
            "digit",
            parameter->name, SHARED_SCHEMA_MAX);
    }
    char *out = strcmp(parameter->name, "schema") == 0 ? shared->schema : shared->grant_to;
    memcpy(out, parameter->value, strlen(parameter->value) + 1);
    return FARM_OK;
}

static farm_status take_setting(store_shared *shared, const uri_parameter *parameter,
                                farm_error *error, int32_t *out_taken) {
    const farm_setting_rule *own = find_rule(own_settings, parameter->name);
    const farm_setting_rule *rule =
        own != NULL ? own : find_rule(shared->backend.settings, parameter->name);
    *out_taken = rule != NULL;
    if (rule == NULL) {
        if (shared->backend.capabilities & FARM_BACKEND_KEEPS_QUERY) return FARM_OK;
        return store_error_fail(error, FARM_EINVAL, 0,
                                "the URI's setting \"%.40s\" is not one of %s:", parameter->name,
                                shared->backend.scheme);
    }
    if (rule->words != NULL && !is_word(rule->words, parameter->value)) {
        return store_error_fail(error, FARM_EINVAL, 0, "the URI's setting %s must be one of %s",
                                rule->name, rule->words);
    }
    if (own != NULL) return take_own(shared, parameter, error);
    if (shared->setting_count == SHARED_SETTING_MAX)
        return store_error_fail(error, FARM_EINVAL, 0, "the URI has too many settings");
    shared->settings[shared->setting_count++] = (farm_setting){rule->name, parameter->value};
    return FARM_OK;
}

/* The URI for the backend: a decoded path for those that take no query, else what was written. */
static farm_status rest_of_uri(store_shared *shared, const uri_parts *parsed, const uint8_t *taken,
                               farm_error *error, const char **out) {
    const char *rest = parsed->rest;
    farm_status status = FARM_OK;
    if (!(shared->backend.capabilities & FARM_BACKEND_KEEPS_QUERY))
        status = uri_decode(&shared->arena, rest, strlen(rest), &rest);
    if (status == FARM_EINVAL)
        return store_error_fail(error, status, 0, "the URI's path is not percent-encoded");
    size_t size = strlen(shared->backend.scheme) + strlen(rest) + 3;
    for (size_t i = 0; i < parsed->parameter_count; i++)
        size += strlen(parsed->parameters[i].raw) + 1;
    char *text = status == FARM_OK ? arena_allocate(&shared->arena, size) : NULL;
    if (text == NULL)
        return store_error_fail(error, FARM_ENOMEM, 0, "there is no memory for the URI");

    text_format(text, size, "%s:%s", shared->backend.scheme, rest);
    char separator = '?';
    for (size_t i = 0; i < parsed->parameter_count; i++) {
        if (taken[i]) continue;
        size_t used = strlen(text);
        text_format(text + used, size - used, "%c%s", separator, parsed->parameters[i].raw);
        separator = '&';
    }
    *out = text;
    return FARM_OK;
}

char *shared_expand(const store_shared *shared, arena *owner, const char *text) {
    static const char schema_mark[] = "{schema}";
    static const char role_mark[] = "{role}";
    size_t longest = strlen(shared->schema) + strlen(shared->grant_to);
    size_t marks = 0;
    for (const char *at = strchr(text, '{'); at != NULL; at = strchr(at + 1, '{')) marks++;
    char *out = arena_allocate(owner, strlen(text) + marks * longest + 1);
    char *end = out;
    while (out != NULL && *text != '\0') {
        const char *name = NULL;
        size_t skip = 1;
        if (strncmp(text, schema_mark, sizeof schema_mark - 1) == 0) {
            name = shared->schema;
            skip = sizeof schema_mark - 1;
        } else if (strncmp(text, role_mark, sizeof role_mark - 1) == 0) {
            name = shared->grant_to;
            skip = sizeof role_mark - 1;
        }
        if (name == NULL) {
            *end++ = *text;
        } else {
            memcpy(end, name, strlen(name));
            end += strlen(name);
        }
        text += skip;
    }
    return out;
}

static farm_status expand_steps(store_shared *shared, farm_statement *statement) {
    const char **steps =
        arena_allocate_array(&shared->arena, statement->step_count + 1u, sizeof *steps);
    if (steps == NULL) return FARM_ENOMEM;
    for (uint32_t i = 0; i < statement->step_count; i++) {
        steps[i] = shared_expand(shared, &shared->arena, statement->steps[i]);
        if (steps[i] == NULL) return FARM_ENOMEM;
    }
    statement->steps = steps;
    return FARM_OK;
}

static farm_status gather_statements(store_shared *shared) {
    for (size_t i = 0; i < store_module_count; i++)
        shared->statement_count += store_modules[i]->count;
    shared->statements =
        arena_allocate_array(&shared->arena, shared->statement_count, sizeof *shared->statements);
    if (shared->statements == NULL) return FARM_ENOMEM;
    for (size_t i = 0; i < store_module_count; i++) {
        const store_module *module = store_modules[i];
        memcpy(shared->statements + module->first, module->statements[shared->dialect],
               module->count * sizeof *shared->statements);
    }
    farm_status status = FARM_OK;
    for (uint32_t i = 0; i < shared->statement_count && status == FARM_OK; i++)
        if (shared->dialect == STORE_DIALECT_POSTGRES)
            status = expand_steps(shared, &shared->statements[i]);
    return status;
}

static farm_status find_backend(store_shared *shared, const uri_parts *parsed,
                                const farm_backend *backend, farm_error *error) {
    const char *scheme = parsed->scheme;
    if (strcmp(scheme, "postgres") == 0) scheme = "postgresql";
    if (backend == NULL) backend = farm_backend_find(scheme);
    if (backend == NULL) {
        return store_error_fail(error, FARM_EUNSUPPORTED, 0,
                                "no backend is known for URIs of \"%.20s:\"", scheme);
    }
    memcpy(&shared->backend, backend,
           backend->struct_size < sizeof *backend ? backend->struct_size : sizeof *backend);
    for (int32_t i = 0; i < STORE_DIALECT_COUNT; i++)
        if (strcmp(store_dialects[i], shared->backend.dialect) == 0) {
            shared->dialect = i;
            return FARM_OK;
        }
    return store_error_fail(error, FARM_EUNSUPPORTED, 0,
                            "there are no statements in the dialect \"%.20s\"",
                            shared->backend.dialect);
}

/* Of a setting that is there twice nobody knows which is meant. What is left to the backend, with
 * its query, it may read as it likes. */
static farm_status check_first(const uri_parts *parsed, const uint8_t *taken, size_t index,
                               farm_error *error) {
    const char *name = parsed->parameters[index].name;
    for (size_t i = 0; i < index; i++) {
        if (!taken[i] || strcmp(parsed->parameters[i].name, name) != 0) continue;
        return store_error_fail(error, FARM_EINVAL, 0, "the URI has the setting %s twice", name);
    }
    return FARM_OK;
}

static farm_status take_settings(store_shared *shared, const uri_parts *parsed, farm_error *error,
                                 const char **out_uri) {
    uint8_t taken[URI_PARAMETER_MAX] = {0};
    memcpy(shared->schema, "farm", sizeof "farm");
    shared->follows_store_clock = (shared->backend.capabilities & FARM_BACKEND_SHARED) != 0;
    for (size_t i = 0; i < parsed->parameter_count; i++) {
        int32_t is_taken = 0;
        farm_status status = check_first(parsed, taken, i, error);
        if (status == FARM_OK)
            status = take_setting(shared, &parsed->parameters[i], error, &is_taken);
        if (status != FARM_OK) return status;
        taken[i] = (uint8_t)is_taken;
    }
    return rest_of_uri(shared, parsed, taken, error, out_uri);
}

static farm_status open_parsed(store_shared *shared, const char *text, const farm_backend *backend,
                               farm_error *error) {
    uri_parts parsed;
    const char *complaint = NULL;
    farm_status status = uri_parse(&shared->arena, text, &parsed, &complaint);
    if (status == FARM_EINVAL) (void)store_error_fail(error, status, 0, "the URI %s", complaint);
    if (status == FARM_ENOMEM)
        (void)store_error_fail(error, status, 0, "there is no memory for the URI");
    if (status == FARM_OK) status = find_backend(shared, &parsed, backend, error);

    farm_store_config config = {.struct_size = sizeof config};
    if (status == FARM_OK) status = take_settings(shared, &parsed, error, &config.uri);
    if (status == FARM_OK) {
        status = gather_statements(shared);
        if (status != FARM_OK)
            (void)store_error_fail(error, status, 0, "there is no memory for the statements");
    }
    if (status != FARM_OK) return status;

    config.statements = shared->statements;
    config.statement_count = shared->statement_count;
    config.settings = shared->settings;
    config.setting_count = shared->setting_count;
    farm_fault fault = {0};
    status = shared->backend.store_open(&config, &shared->store, &fault);
    if (status != FARM_OK) (void)store_error_fail(error, status, 0, "%s", fault.text);
    return status;
}

farm_status shared_open(const char *uri, const farm_backend *backend, farm_error *error,
                        store_shared **out) {
    *out = NULL;
    store_shared *shared = farm_allocate(sizeof *shared);
    if (shared == NULL)
        return store_error_fail(error, FARM_ENOMEM, 0, "there is no memory for the store");
    memset(shared, 0, sizeof *shared);
    shared->references = 1;
    pthread_mutex_init(&shared->mutex, NULL);
    farm_status status = open_parsed(shared, uri, backend, error);
    if (status == FARM_OK)
        *out = shared;
    else
        shared_leave(shared);
    return status;
}

store_shared *shared_enter(store_shared *shared) {
    pthread_mutex_lock(&shared->mutex);
    shared->references++;
    pthread_mutex_unlock(&shared->mutex);
    return shared;
}

void shared_leave(store_shared *shared) {
    if (shared == NULL) return;
    pthread_mutex_lock(&shared->mutex);
    uint32_t left = --shared->references;
    pthread_mutex_unlock(&shared->mutex);
    if (left > 0) return;

    for (size_t i = 0; i < STORE_SLOT_COUNT; i++)
        if (shared->snapshots[i] != NULL) shared->snapshots[i]->release(shared->snapshots[i]);
    for (size_t i = 0; i < STORE_OBJECT_COUNT; i++) {
        store_object *object = atomic_load(&shared->objects[i]);
        if (object != NULL) object->release(object);
    }
    if (shared->store != NULL) shared->backend.store_close(shared->store);
    shared_leave(shared->side);
    arena_free(&shared->arena);
    pthread_mutex_destroy(&shared->mutex);
    farm_free(shared);
}
