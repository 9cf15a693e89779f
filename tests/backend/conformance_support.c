/* What cases are made of: claims, memory, values, rows collected, threads. */
#include "conformance_suite.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void suite_complain(conformance_suite *suite, const char *file, int line, const char *format, ...) {
    pthread_mutex_lock(&suite->mutex);
    if (!suite->is_failed) {
        suite->is_failed = 1;
        int used = snprintf(suite->complaint, sizeof suite->complaint, "%s:%d: ", file, line);
        size_t start = used < 0 ? 0 : (size_t)used;
        if (start < sizeof suite->complaint) {
            va_list arguments;
            va_start(arguments, format);
            (void)vsnprintf(suite->complaint + start, sizeof suite->complaint - start, format,
                            arguments);
            va_end(arguments);
        }
    }
    pthread_mutex_unlock(&suite->mutex);
}

int32_t suite_has_failed(conformance_suite *suite) {
    pthread_mutex_lock(&suite->mutex);
    int32_t is_failed = suite->is_failed;
    pthread_mutex_unlock(&suite->mutex);
    return is_failed;
}

int32_t suite_claim_status(suite_client *client, farm_status expected, farm_status status,
                           const char *file, int line, const char *what) {
    if (status == expected) return 1;
    suite_complain(client->suite, file, line, "%s is %s, not %s; the last fault: %s", what,
                   farm_status_name(status), farm_status_name(expected), client->fault.text);
    return 0;
}

/* Blocks of a case, each with a pointer to the one before it in front. */
typedef union block {
    void *next;
    long long alignment;
} block;

void *suite_allocate(conformance_suite *suite, size_t count, size_t size) {
    block *made = NULL;
    if (size == 0 || count <= (SIZE_MAX - sizeof *made) / size)
        made = calloc(1, sizeof *made + count * size);
    if (made == NULL) {
        fputs("Bail out! There is no memory.\n", stdout);
        exit(EXIT_FAILURE);
    }
    made->next = suite->memory;
    suite->memory = made;
    return made + 1;
}

const char *suite_numbered(conformance_suite *suite, size_t number) {
    enum { NAME_SIZE = 24 };
    char *name = suite_allocate(suite, NAME_SIZE, 1);
    (void)snprintf(name, NAME_SIZE, "n%zu", number);
    return name;
}

farm_value integer(int64_t number) {
    return (farm_value){.type = FARM_INTEGER, .integer = number};
}

farm_value text_sized(const char *words, size_t size) {
    return (farm_value){.type = FARM_TEXT, .data = words, .size = size};
}

farm_value text(const char *words) {
    return text_sized(words, strlen(words));
}

farm_value blob(const void *bytes, size_t size) {
    return (farm_value){.type = FARM_BLOB, .data = bytes, .size = size};
}

farm_value list(const farm_value *values, size_t count) {
    return (farm_value){.type = FARM_LIST, .data = values, .size = count};
}

farm_value null(void) {
    return (farm_value){.type = FARM_NULL};
}

int32_t value_equals(const farm_value *left, const farm_value *right) {
    if (left->type != right->type) return 0;
    if (left->type == FARM_NULL) return 1;
    if (left->type == FARM_INTEGER) return left->integer == right->integer;
    return left->size == right->size &&
           (left->size == 0 || memcmp(left->data, right->data, left->size) == 0);
}

collected *suite_collect(conformance_suite *suite, size_t columns) {
    collected *rows = suite_allocate(suite, 1, sizeof *rows);
    rows->suite = suite;
    rows->columns = columns;
    return rows;
}

static void grow(collected *rows) {
    size_t capacity = rows->capacity == 0 ? 8 : rows->capacity * 2;
    size_t *ordinals = suite_allocate(rows->suite, capacity, sizeof *ordinals);
    farm_value *values = suite_allocate(rows->suite, capacity * rows->columns, sizeof *values);
    if (rows->count > 0) {
        memcpy(ordinals, rows->ordinals, rows->count * sizeof *ordinals);
        memcpy(values, rows->values, rows->count * rows->columns * sizeof *values);
    }
    rows->ordinals = ordinals;
    rows->values = values;
    rows->capacity = capacity;
}

static farm_value copy_of(conformance_suite *suite, const farm_value *value) {
    farm_value copy = *value;
    if (value->type != FARM_TEXT && value->type != FARM_BLOB) return copy;
    void *data = suite_allocate(suite, value->size + 1, 1);
    if (value->size > 0) memcpy(data, value->data, value->size);
    copy.data = data;
    return copy;
}

static int32_t collect(void *context, size_t ordinal, const farm_value *row) {
    collected *rows = context;
    if (rows->count == rows->capacity) grow(rows);
    rows->ordinals[rows->count] = ordinal;
    farm_value *values = &rows->values[rows->count * rows->columns];
    for (size_t i = 0; i < rows->columns; i++) values[i] = copy_of(rows->suite, &row[i]);
    rows->count++;
    return rows->limit != 0 && rows->count >= rows->limit;
}

void call_collect(farm_call *call, collected *rows) {
    call->on_row = collect;
    call->context = rows;
}

const farm_value *collected_value(const collected *rows, size_t row, size_t column) {
    static const farm_value none = {.type = -1};
    if (row >= rows->count || column >= rows->columns) return &none;
    return &rows->values[row * rows->columns + column];
}

int32_t suite_run_workers(conformance_suite *suite, worker *workers, size_t count,
                          void *(*function)(void *worker)) {
    pthread_t threads[SUITE_CLIENT_MAX];
    size_t started = 0;
    for (size_t i = 0; i < count; i++) {
        workers[i].place = i;
        workers[i].client = suite_open(suite);
        if (workers[i].client == NULL) return 0;
    }
    while (started < count &&
           pthread_create(&threads[started], NULL, function, &workers[started]) == 0)
        started++;
    for (size_t i = 0; i < started; i++) (void)pthread_join(threads[i], NULL);
    if (started < count) suite_complain(suite, __FILE__, __LINE__, "a thread could not be started");
    for (size_t i = 0; i < started; i++)
        (void)suite_claim_status(workers[i].client, FARM_OK, workers[i].status, __FILE__, __LINE__,
                                 "the status of a thread");
    return !suite_has_failed(suite);
}
