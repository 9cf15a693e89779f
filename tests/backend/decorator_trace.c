/* The decorator that writes down which statements each run has, one line a run. */
#include "decorator_hooks.h"
#include <pthread.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static FILE *trace_stream; /* these are guarded by mutex */
static char *trace_memory;
static size_t trace_size;
static size_t trace_used;

void decorator_trace_set_stream(FILE *stream) {
    pthread_mutex_lock(&mutex);
    trace_stream = stream;
    pthread_mutex_unlock(&mutex);
}

void decorator_trace_set_memory(char *memory, size_t size) {
    pthread_mutex_lock(&mutex);
    trace_memory = size == 0 ? NULL : memory;
    trace_size = size;
    trace_used = 0;
    if (trace_memory != NULL) trace_memory[0] = '\0';
    pthread_mutex_unlock(&mutex);
}

static void put(const char *words) {
    if (trace_stream != NULL) (void)fputs(words, trace_stream);
    size_t size = strlen(words);
    if (trace_memory == NULL || size >= trace_size - trace_used) return;
    memcpy(trace_memory + trace_used, words, size + 1);
    trace_used += size;
}

static farm_status before(decorator_event *event) {
    if (event->operation != DECORATOR_RUN) return FARM_OK;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < event->call_count; i++) {
        if (i > 0) put(" ");
        put(event->calls[i].statement->name);
    }
    put("\n");
    pthread_mutex_unlock(&mutex);
    return FARM_OK;
}

const decorator_kind decorator_trace = {.prefix = "trace", .before = before, .text = ""};
