/* Cases: time limits, interrupts, waiting. Nothing here measures time: a slow call ends because it
 * is told to, or it answers, and then that is the failure. */
#include "conformance_suite.h"
#include <errno.h>
#include <string.h>
#include <time.h>

/* Often enough for any machine; each round waits for the end of what is poked, not for time. */
enum { POKE_MAX = 6000, POKE_PAUSE_NS = 20000000 };

static void slow_calls_end_in_time(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    for (int32_t i = 0; i < 3; i++) {
        client_set_timeout(client, SHORT_US);

        farm_status status = client_do(client, SLOW, ALONE_READ, NULL, NULL, 1);

        CLAIM_STATUS(client, FARM_ETIMEOUT, status);
        client_set_timeout(client, GENEROUS_US);
        CLAIM(suite, !client_has_transaction(client));
        CLAIM(suite, client_number(client, ONE, ALONE_READ, NULL) == 1);
    }
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 1));
}

static void slow_transactions_end_in_time(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    suite_client *other = suite_open(suite);
    if (client == NULL || other == NULL) return;
    client_set_timeout(client, SHORT_US);

    farm_status status = client_do(client, SLOW, INSIDE, NULL, NULL, 1);

    CLAIM_STATUS(client, FARM_ETIMEOUT, status);
    client_set_timeout(client, GENEROUS_US);
    client_rollback(client);
    CLAIM(suite, item_count(other, ALONE_READ) == 0);
    CLAIM_OK(other, item_add(other, ALONE, 1, "one", 1));
    CLAIM(suite, item_count(client, ALONE_READ) == 1);
}

static void the_limit_holds_for_calls_together(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL) return;
    client_set_timeout(client, SHORT_US);
    CLAIM_STATUS(client, FARM_ETIMEOUT, client_do(client, SLOW, ALONE_READ, NULL, NULL, 1));

    farm_status status = client_do(client, SLOW, ALONE_READ, NULL, NULL, 1);

    CLAIM_STATUS(client, FARM_ETIMEOUT, status);
    client_set_timeout(client, 0);
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 1));
    CLAIM(suite, item_count(client, ALONE_READ) == 1);
}

/* A thread that pokes again and again until the poked has seen it. */
typedef struct suite_poker {
    suite_client *client; /* who is poked, or by whom */
    void (*poke)(struct suite_poker *self);
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int32_t is_done; /* guarded by mutex */
} suite_poker;

static struct timespec soon(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_REALTIME, &time);
    time.tv_nsec += POKE_PAUSE_NS;
    if (time.tv_nsec >= 1000000000L) {
        time.tv_nsec -= 1000000000L;
        time.tv_sec++;
    }
    return time;
}

static void *poke_until_done(void *context) {
    suite_poker *self = context;
    pthread_mutex_lock(&self->mutex);
    for (int32_t i = 0; i < POKE_MAX && !self->is_done; i++) {
        pthread_mutex_unlock(&self->mutex);
        self->poke(self);
        pthread_mutex_lock(&self->mutex);
        const struct timespec until = soon();
        int error = 0;
        while (!self->is_done && error != ETIMEDOUT)
            error = pthread_cond_timedwait(&self->wake, &self->mutex, &until);
    }
    pthread_mutex_unlock(&self->mutex);
    return NULL;
}

/* Run the action while the thread pokes; its status. */
static farm_status run_poked(suite_poker *poker, farm_status (*action)(suite_client *),
                             suite_client *client) {
    pthread_t thread;
    (void)pthread_mutex_init(&poker->mutex, NULL);
    (void)pthread_cond_init(&poker->wake, NULL);
    farm_status status = FARM_EINTERNAL;
    if (pthread_create(&thread, NULL, poke_until_done, poker) == 0) {
        status = action(client);
        pthread_mutex_lock(&poker->mutex);
        poker->is_done = 1;
        pthread_cond_signal(&poker->wake);
        pthread_mutex_unlock(&poker->mutex);
        (void)pthread_join(thread, NULL);
    }
    (void)pthread_cond_destroy(&poker->wake);
    (void)pthread_mutex_destroy(&poker->mutex);
    return status;
}

static void interrupt(suite_poker *self) {
    self->client->suite->backend->interrupt(self->client->connection);
}

static farm_status run_slow_read(suite_client *client) {
    return client_do(client, SLOW, ALONE_READ, NULL, NULL, 1);
}

static farm_status run_slow_inside(suite_client *client) {
    return client_do(client, SLOW, INSIDE, NULL, NULL, 1);
}

static int32_t can_interrupt(conformance_suite *suite) {
    if (suite->backend->interrupt == NULL) suite->skipped = "the backend has no interrupt";
    return suite->backend->interrupt != NULL;
}

static void interrupts_end_a_slow_call(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL || !can_interrupt(suite)) return;
    suite_poker poker = {.client = client, .poke = interrupt};

    farm_status status = run_poked(&poker, run_slow_read, client);

    CLAIM_STATUS(client, FARM_ETIMEOUT, status);
    client_set_timeout(client, GENEROUS_US);
    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 1));
    CLAIM(suite, item_count(client, ALONE_READ) == 1);
}

static void interrupts_end_a_transaction(conformance_suite *suite) {
    suite_client *client = suite_open_begun(suite);
    if (client == NULL || !can_interrupt(suite)) return;
    suite_poker poker = {.client = client, .poke = interrupt};

    farm_status status = run_poked(&poker, run_slow_inside, client);

    CLAIM_STATUS(client, FARM_ETIMEOUT, status);
    client_rollback(client);
    client_set_timeout(client, GENEROUS_US);
    CLAIM(suite, item_count(client, ALONE_READ) == 0);
}

static void interrupts_of_nothing_disturb_nothing(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL || !can_interrupt(suite)) return;

    suite->backend->interrupt(client->connection);

    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 1));
    CLAIM(suite, item_count(client, ALONE_READ) == 1);
}

/* --- waiting --- */

#define CHANNEL "conformance"

static int32_t can_wait(suite_client *client) {
    conformance_suite *suite = client->suite;
    if (suite->backend->wait == NULL) {
        suite->skipped = "the backend has no wait";
        return 0;
    }
    farm_fault fault;
    memset(&fault, 0, sizeof fault);
    farm_status status = suite->backend->wait(client->connection, CHANNEL, SHORT_US, &fault);
    if (status == FARM_EUNSUPPORTED)
        suite->skipped = "the store cannot wait";
    else
        (void)suite_claim_status(client, FARM_ETIMEOUT, status, __FILE__, __LINE__,
                                 "waiting for nobody");
    return status == FARM_ETIMEOUT;
}

static farm_status wait_generously(suite_client *client) {
    memset(&client->fault, 0, sizeof client->fault);
    return client->suite->backend->wait(client->connection, CHANNEL, GENEROUS_US, &client->fault);
}

static void notify(suite_poker *self) {
    const farm_value shared[] = {text(CHANNEL)};
    (void)client_do(self->client, NOTIFY, ALONE, shared, NULL, 1);
}

static void waiting_for_nobody_ends_in_time(conformance_suite *suite) {
    suite_client *client = suite_open(suite);
    if (client == NULL || !can_wait(client)) return;

    CLAIM_OK(client, item_add(client, ALONE, 1, "one", 1));
    CLAIM(suite, !client_has_transaction(client));
}

static void waiting_ends_with_a_notification(conformance_suite *suite) {
    suite_client *waiter = suite_open(suite);
    suite_client *notifier = suite_open(suite);
    if (waiter == NULL || notifier == NULL || !can_wait(waiter)) return;
    suite_poker poker = {.client = notifier, .poke = notify};
    CLAIM_OK(notifier, item_add(notifier, ALONE, 1, "one", 0));

    farm_status status = run_poked(&poker, wait_generously, waiter);

    CLAIM_OK(waiter, status);
    CLAIM(suite, client_number(waiter, ONE, ALONE_READ, NULL) == 1);
}

static const suite_case cases[] = {
    {"a slow call ends with its time, and the connection goes on", slow_calls_end_in_time},
    {"a slow transaction ends with its time, and lets others in", slow_transactions_end_in_time},
    {"a time limit holds for calls together", the_limit_holds_for_calls_together},
    {"an interrupt from another thread ends a slow call", interrupts_end_a_slow_call},
    {"an interrupt from another thread ends a transaction", interrupts_end_a_transaction},
    {"an interrupt of nothing disturbs nothing", interrupts_of_nothing_disturb_nothing},
    {"waiting for nobody ends in time", waiting_for_nobody_ends_in_time},
    {"waiting ends when somebody notifies", waiting_ends_with_a_notification},
};

const suite_group suite_time_cases = {cases, COUNT_OF(cases)};
