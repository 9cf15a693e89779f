/* Arguments, threads and failures of the stress programs. */
#include "stress.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREAD_MAX = 256 };

int stress_is_broken;
unsigned stress_seed = 1;

static atomic_int failure_count;
static pthread_barrier_t barrier;

typedef struct worker {
    void (*work)(int thread);
    int thread;
} worker;

static const char *uris[2] = {"sqlite:./", NULL};

void stress_begin(int argument_count, char **arguments) {
    size_t uri_count = 0;
    for (int i = 1; i < argument_count; i++) {
        if (strcmp(arguments[i], "--broken") == 0)
            stress_is_broken = 1;
        else if (strcmp(arguments[i], "--seed") == 0 && i + 1 < argument_count)
            stress_seed = (unsigned)strtoul(arguments[++i], NULL, 10);
        else if (uri_count < 2)
            uris[uri_count++] = arguments[i];
    }
}

void stress_open(int argument_count, char **arguments, uint32_t session_max) {
    stress_begin(argument_count, arguments);
    test_store_open(uris[0], uris[1], session_max);
}

int stress_close(void) {
    test_store_close();
    return stress_end();
}

int stress_end(void) {
    const int failed = atomic_load(&failure_count);
    printf("%d failures%s\n", failed, stress_is_broken ? ", where there must be some" : "");
    return (failed != 0) == stress_is_broken ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void *run_worker(void *context) {
    const worker *self = context;
    self->work(self->thread);
    return NULL;
}

void stress_run(int count, void (*work)(int thread)) {
    pthread_t threads[THREAD_MAX];
    worker workers[THREAD_MAX];
    if (count > THREAD_MAX || pthread_barrier_init(&barrier, NULL, (unsigned)count) != 0)
        test_store_stop("threads", "too many");
    for (int i = 0; i < count; i++) {
        workers[i] = (worker){work, i};
        if (pthread_create(&threads[i], NULL, run_worker, &workers[i]) != 0)
            test_store_stop("threads", "one cannot be started");
    }
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

void stress_meet(void) {
    pthread_barrier_wait(&barrier);
}

void stress_fail(const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "not ok: %s\n", text);
    atomic_fetch_add(&failure_count, 1);
}

void stress_require(farm_session *session, const char *what, farm_status status) {
    if (status != FARM_OK)
        stress_fail("%s: %s: %s", what, farm_status_name(status), farm_session_error_text(session));
}

void stress_verify(farm_session *session) {
    char *text = NULL;
    stress_require(session, "verify", farm_verify(session, &text));
    if (text != NULL && strstr(text, "\"ok\":true") == NULL) stress_fail("verify: %s", text);
    farm_free(text);
}
