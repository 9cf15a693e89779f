/* One thread, a thousand takes at once: what a server with an event loop does. The thread never
 * waits for the store; it hands takes in and collects what has ended when the queue's descriptor
 * says so. Linux: epoll; kqueue and poll() do as well.
 *
 *     FARM_URI=postgresql://… event_loop */
#include <farmcore/farmcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CLIENT_COUNT = 1000, LIMIT = 600, BATCH = 64 };

/* What a server keeps a request in. It lives until its completion is there. */
typedef struct request {
    farm_rate_state state;
    farm_rate_decision decision;
} request;

static int stop(const char *what, const char *text) {
    fprintf(stderr, "%s: %s\n", what, text);
    return EXIT_FAILURE;
}

/* Runs on a thread of the queue; the session is its own meanwhile. */
static farm_status take(farm_session *session, void *context) {
    request *self = context;
    const farm_rate_request asked = {
        .struct_size = sizeof asked, .limit = "example", .subject = "all", .cost = 1};
    return farm_rate_take(session, &asked, 1, &self->state, &self->decision);
}

static farm_status prepare(farm_session *session, void *context) {
    const farm_rate_limit limit = {.struct_size = sizeof limit,
                                   .name = "example",
                                   .count = LIMIT,
                                   .period_us = INT64_C(86400000000)};
    const farm_rate_request all = {
        .struct_size = sizeof all, .limit = "example", .subject = "all", .cost = 1};
    (void)context;
    farm_status status = farm_migrate(session);
    if (status == FARM_OK) status = farm_session_set_service(session);
    if (status == FARM_OK) status = farm_rate_define(session, &limit, 1);
    if (status == FARM_OK) status = farm_rate_reset(session, &all, 1);
    return status;
}

static int submit_all(farm_queue *queue, request *requests) {
    for (int i = 0; i < CLIENT_COUNT; i++) {
        requests[i].state.struct_size = sizeof requests[i].state;
        requests[i].decision.struct_size = sizeof requests[i].decision;
        const farm_submission item = {
            .struct_size = sizeof item, .function = take, .context = &requests[i]};
        farm_error error = {.struct_size = sizeof error};
        if (farm_submit(queue, &item, 1, NULL, &error) != FARM_OK)
            return stop("submit", error.text);
    }
    return EXIT_SUCCESS;
}

/* What a server does when the descriptor is readable: answer those whose takes have ended. */
static int collect(farm_queue *queue, int *ended, int *admitted) {
    farm_completion rows[BATCH];
    size_t count = 0;
    for (int i = 0; i < BATCH; i++) rows[i].struct_size = sizeof rows[i];
    if (farm_queue_next(queue, 0, rows, BATCH, &count) != FARM_OK) return stop("next", "refused");
    for (size_t i = 0; i < count; i++) {
        if (rows[i].status != FARM_OK) return stop("take", rows[i].text);
        const request *self = rows[i].context;
        *admitted += self->decision.allowed;
    }
    *ended += (int)count;
    return EXIT_SUCCESS;
}

static int run_loop(farm_queue *queue, request *requests) {
    struct epoll_event event = {.events = EPOLLIN};
    const int loop = epoll_create1(EPOLL_CLOEXEC);
    if (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, farm_queue_descriptor(queue), &event) != 0)
        return stop("epoll", "refused");
    int ended = 0;
    int admitted = 0;
    int result = submit_all(queue, requests);
    while (result == EXIT_SUCCESS && ended < CLIENT_COUNT) {
        /* Beside it a server has its sockets here. */
        if (epoll_wait(loop, &event, 1, -1) == 1) result = collect(queue, &ended, &admitted);
    }
    close(loop);
    if (result != EXIT_SUCCESS) return result;
    printf("%d takes at once on one thread: %d admitted of a limit of %d\n", ended, admitted,
           LIMIT);
    return admitted == LIMIT ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(farm_pool *pool, farm_queue *queue, request *requests) {
    const char *uri = getenv("FARM_URI");
    const farm_pool_options pool_options = {.struct_size = sizeof pool_options, .max_count = 8};
    const farm_queue_options options = {.struct_size = sizeof options, .capacity = CLIENT_COUNT};
    farm_error error = {.struct_size = sizeof error};
    farm_completion row = {.struct_size = sizeof row};
    size_t count = 0;
    if (farm_pool_open(pool, uri == NULL ? "sqlite::memory:" : uri, &pool_options, &error) !=
            FARM_OK ||
        farm_queue_open(queue, pool, &options, &error) != FARM_OK)
        return stop("open", error.text);
    const farm_submission first = {.struct_size = sizeof first, .function = prepare};
    if (farm_submit(queue, &first, 1, NULL, &error) != FARM_OK) return stop("submit", error.text);
    if (farm_queue_next(queue, -1, &row, 1, &count) != FARM_OK || row.status != FARM_OK)
        return stop("prepare", row.text);
    return run_loop(queue, requests);
}

int main(void) {
    farm_pool *pool = NULL;
    farm_queue *queue = NULL;
    request *requests = calloc(CLIENT_COUNT, sizeof *requests);
    int result = EXIT_FAILURE;
    if (requests != NULL && farm_pool_new(&pool) == FARM_OK && farm_queue_new(&queue) == FARM_OK)
        result = run(pool, queue, requests);
    farm_queue_free(queue);
    farm_pool_free(pool);
    free(requests);
    return result;
}
