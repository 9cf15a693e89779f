/* The clock, waiting for the socket within the caller's time, interrupts from other threads, and
 * telling the server to stop. All waiting of this backend is here. */
#include "postgres_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum {
    MICROSECONDS = 1000000,
    CANCEL_WAIT_MS = 500, /* how long a cancel may take before we go on without it */
    CANCEL_THREAD_MAX = 16,
    CANCEL_AGAIN_US = 100000,
    GRACE_US = 500000 /* for the answers to come after the first cancel */
};

int64_t postgres_now_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MICROSECONDS + now.tv_nsec / 1000;
}

int64_t postgres_deadline_us(int64_t timeout_us) {
    int64_t now = postgres_now_us();
    return timeout_us <= 0 || timeout_us > INT64_MAX - now ? POSTGRES_NEVER_US : now + timeout_us;
}

static void drain_wake(farm_connection *connection) {
    char bytes[64];
    while (read(connection->wake[0], bytes, sizeof bytes) == (ssize_t)sizeof bytes) {}
}

void postgres_call_begin(farm_connection *connection, farm_fault *fault) {
    postgres_fault_clear(fault);
    connection->is_overdue = 0;
    if (atomic_exchange(&connection->is_interrupted, 0)) drain_wake(connection);
}

/* Milliseconds until the deadline, rounded up, as poll() wants them: -1 is for ever. */
static int poll_time(int64_t deadline_us) {
    if (deadline_us == POSTGRES_NEVER_US) return -1;
    int64_t left = deadline_us - postgres_now_us();
    if (left <= 0) return 0;
    return left >= (int64_t)INT32_MAX * 1000 - 999 ? INT32_MAX : (int)((left + 999) / 1000);
}

int32_t postgres_wait_socket(farm_connection *connection, int32_t wants_read, int32_t wants_write,
                             int64_t deadline_us) {
    for (;;) {
        const int32_t hears_wake = !connection->is_overdue;
        struct pollfd polled[2] = {
            {.fd = PQsocket(connection->handle),
             .events = (short)((wants_read ? POLLIN : 0) | (wants_write ? POLLOUT : 0))},
            {.fd = connection->wake[0], .events = POLLIN},
        };
        if (hears_wake && atomic_load(&connection->is_interrupted)) break;
        int ready = poll(polled, hears_wake ? 2 : 1, poll_time(deadline_us));
        if (ready > 0 && hears_wake && polled[1].revents != 0) drain_wake(connection);
        if (ready > 0 && polled[0].revents != 0) return 1;
        if (ready == 0 && deadline_us != POSTGRES_NEVER_US && postgres_now_us() >= deadline_us)
            break;
        if (ready < 0 && errno != EINTR && errno != EAGAIN) break;
    }
    connection->is_overdue = 1;
    return 0;
}

int32_t postgres_is_readable(const farm_connection *connection) {
    struct pollfd polled = {.fd = PQsocket(connection->handle), .events = POLLIN};
    return poll(&polled, 1, 0) > 0;
}

/* An encrypted record has up to 16 KB, of which libpq takes at least 8 KB at a time; what is left
 * in it would not make the socket readable. */
int32_t postgres_read_input(PGconn *handle) {
    int reads = PQsslInUse(handle) || PQgssEncInUse(handle) ? 3 : 1;
    for (; reads > 0; reads--)
        if (!PQconsumeInput(handle)) return 0;
    return 1;
}

farm_status postgres_wait_fault(const farm_connection *connection, farm_fault *fault) {
    return postgres_fault_set(fault, FARM_ETIMEOUT,
                              atomic_load(&connection->is_interrupted)
                                  ? "the call was interrupted"
                                  : "the time was over before the server had answered");
}

void postgres_interrupt(farm_connection *connection) {
    static const char byte = 1;
    atomic_store(&connection->is_interrupted, 1);
    /* A full pipe wakes as well as one byte more would. */
    ssize_t written = write(connection->wake[1], &byte, 1);
    (void)written;
}

static int32_t set_pipe_flags(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

int32_t postgres_wake_open(farm_connection *connection) {
    if (pipe(connection->wake) != 0) {
        connection->wake[0] = connection->wake[1] = -1;
        return 0;
    }
    return set_pipe_flags(connection->wake[0]) && set_pipe_flags(connection->wake[1]);
}

void postgres_wake_close(farm_connection *connection) {
    for (int i = 0; i < 2; i++)
        if (connection->wake[i] >= 0) (void)close(connection->wake[i]);
}

/* PQcancel() blocks for as long as the network likes, so it has a thread of its own. */
typedef struct cancel_job {
    PGcancel *cancel;
    int done; /* the writing end of a pipe, closed when the cancel is through */
} cancel_job;

static atomic_int cancel_thread_count;

static void free_job(cancel_job *job) {
    if (job->cancel != NULL) PQfreeCancel(job->cancel);
    if (job->done >= 0) (void)close(job->done);
    farm_free(job);
}

static void *run_cancel(void *context) {
    cancel_job *job = context;
    char words[64];
    (void)PQcancel(job->cancel, words, (int)sizeof words);
    free_job(job);
    (void)atomic_fetch_sub(&cancel_thread_count, 1);
    return NULL;
}

/* Start a thread that takes no signals from the host. */
static int32_t start_thread(cancel_job *job) {
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    if (pthread_attr_init(&attributes) != 0) return 0;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&thread, &attributes, run_cancel, job);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return result == 0;
}

void postgres_cancel(farm_connection *connection) {
    int ends[2] = {-1, -1};
    cancel_job *job = farm_allocate(sizeof *job);
    if (job == NULL) return;
    *job = (cancel_job){.cancel = PQgetCancel(connection->handle), .done = -1};
    if (job->cancel == NULL || pipe(ends) != 0) {
        free_job(job);
        return;
    }
    job->done = ends[1];
    for (int i = 0; i < 2; i++) (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    /* So many that hang mean a network that is gone: the others are spared the wait. */
    int32_t is_free = atomic_fetch_add(&cancel_thread_count, 1) < CANCEL_THREAD_MAX;
    if (is_free && start_thread(job)) {
        struct pollfd polled = {.fd = ends[0]};
        int64_t deadline = postgres_now_us() + (int64_t)CANCEL_WAIT_MS * 1000;
        while (poll(&polled, 1, poll_time(deadline)) < 0 && errno == EINTR) {}
    } else {
        (void)atomic_fetch_sub(&cancel_thread_count, 1);
        free_job(job);
    }
    (void)close(ends[0]);
}

int32_t postgres_urge(farm_connection *connection, int64_t *deadline_us, int64_t *grace_us) {
    if (*grace_us != 0 && postgres_now_us() >= *grace_us) return 0;
    postgres_cancel(connection);
    const int64_t now_us = postgres_now_us();
    if (*grace_us == 0) *grace_us = now_us + GRACE_US;
    *deadline_us = now_us + CANCEL_AGAIN_US;
    return 1;
}
