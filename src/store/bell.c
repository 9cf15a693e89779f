/* Many threads wait for topics on one connection. The first that comes leads: it reads the versions
 * of all, waits for the store's word, reads again. When it has what it came for it leaves, and the
 * next one leads. Nobody misses a change, since the order is always: listen, then read, then wait
 * for what came since one began to listen. */
#include "store/bell.h"
#include "base/integer.h"
#include "base/options.h"
#include "store/session.h"
#include "store_sql.h"
#include <string.h>

enum {
    POLL_FIRST_US = 20000, /* doubles while nothing changes */
    POLL_MAX_US = 320000,
    POKE_US = 10000,    /* an interrupt misses a wait that is just about to begin */
    LOOK_US = 30000000, /* so often a wait looks, whatever it hears: a dead line says nothing */
    LEAST_ANSWER_US = 1000000 /* what the store has at least to answer, however short a wait is */
};

static const int64_t rest_us = 10 * INT64_C(1000000);

enum { MODE_NONE, MODE_LISTENING, MODE_POLLING };

/* Who waits; on his stack. */
typedef struct bell_waiter {
    struct bell_waiter *next;
    pthread_cond_t woken;
    const farm_topic *items;
    size_t count;
    farm_topic_version *results;
    int64_t until_us;
    uint64_t number;
    int32_t must_read; /* his versions are older than the last word */
    int32_t is_read;   /* once at least */
    size_t changed_count;
    farm_error error;
} bell_waiter;

struct bell {
    pthread_mutex_t mutex; /* guards all that follows it, but the session while somebody leads */
    pthread_cond_t left;
    farm_session *session;
    bell_waiter *first;
    uint64_t last_number;
    int64_t left_us; /* when the last one left */
    int64_t poll_us;
    int32_t mode; /* what the connection does */
    int32_t is_led;
    int32_t is_waiting; /* for the store: an interrupt ends it and nothing else */
    int32_t is_closing;
    pthread_cond_t poked; /* for who polls */
};

bell *bell_new(void) {
    bell *self = farm_allocate(sizeof *self);
    if (self == NULL) return NULL;
    memset(self, 0, sizeof *self);
    pthread_mutex_init(&self->mutex, NULL);
    clock_condition_init(&self->left);
    clock_condition_init(&self->poked);
    self->poll_us = POLL_FIRST_US;
    return self;
}

void bell_free(bell *self) {
    if (self == NULL) return;
    farm_session_free(self->session);
    pthread_cond_destroy(&self->poked);
    pthread_cond_destroy(&self->left);
    pthread_mutex_destroy(&self->mutex);
    farm_free(self);
}

/* --- what is done with the connection; not under the mutex ------------------------------------ */

/* Listen or wait on the session. FARM_OK: there was a word. FARM_ETIMEOUT: it listened all the time
 * and there was none. Anything else: it did not listen. */
static farm_status session_listen(farm_session *session, int64_t timeout_us) {
    char channel[SHARED_SCHEMA_MAX + 16] = "farm_topics_";
    farm_status status = store_enter(session);
    if (status != FARM_OK) return status;
    const store_shared *shared = session->shared;
    const farm_backend *backend = &shared->backend;
    farm_fault fault = {.call = -1, .ordinal = -1};
    memcpy(channel + strlen(channel), shared->schema, strlen(shared->schema) + 1);
    if (shared->polls_topics || backend->wait == NULL)
        return store_leave(session, FARM_EUNSUPPORTED);
    session->deadline_us = 0;
    status = run_connect(session);
    if (status == FARM_OK) {
        const int64_t limit_us = session->default_timeout_us;
        backend->set_timeout(session->connection, limit_us == 0 ? 0 : timeout_us + limit_us);
        status = backend->wait(session->connection, channel, timeout_us, &fault);
        (void)error_of_call(session, NULL, status, &fault);
    }
    return store_leave(session, status);
}

/* One reading for all who must: texts are copied, since who waits may leave meanwhile. */
typedef struct bell_reading {
    bell *self;
    size_t count;
    uint64_t *numbers; /* whose */
    size_t *places;    /* of his items */
    int64_t *versions;
} bell_reading;

static int32_t on_version(void *context, size_t ordinal, const store_topic_read_row *row) {
    bell_reading *reading = context;
    reading->versions[ordinal] = 1 + row->version;
    return 0;
}

/* One of the caller's items, which were checked: what his header does not have is zero. */
static farm_topic item_at(const farm_topic *items, size_t index) {
    farm_topic item;
    (void)options_copy(&item, sizeof item, store_array_at(items, index));
    return item;
}

static farm_status gather(bell_reading *reading, arena *owner, store_topic_read_each **out) {
    size_t most = 0;
    for (const bell_waiter *i = reading->self->first; i != NULL; i = i->next)
        most += i->must_read ? i->count : 0;
    store_topic_read_each *each = arena_allocate_array(owner, most + 1, sizeof *each);
    reading->numbers = arena_allocate_array(owner, most + 1, sizeof *reading->numbers);
    reading->places = arena_allocate_array(owner, most + 1, sizeof *reading->places);
    reading->versions = arena_allocate_array(owner, most + 1, sizeof *reading->versions);
    if (each == NULL || reading->numbers == NULL || reading->places == NULL ||
        reading->versions == NULL)
        return FARM_ENOMEM;
    reading->count = 0;
    for (const bell_waiter *i = reading->self->first; i != NULL; i = i->next) {
        for (size_t j = 0; i->must_read && j < i->count; j++) {
            const farm_topic item = item_at(i->items, j);
            const size_t place = reading->count++;
            char *name = arena_copy(owner, item.owner, strlen(item.owner));
            char *topic = arena_copy(owner, item.topic, strlen(item.topic));
            if (name == NULL || topic == NULL) return FARM_ENOMEM;
            each[place] = (store_topic_read_each){value_text_of(name), value_text_of(topic)};
            reading->numbers[place] = i->number;
            reading->places[place] = j;
        }
    }
    *out = each;
    return FARM_OK;
}

static farm_status read_versions(farm_session *session, void *context) {
    bell_reading *reading = context;
    store_topic_read_each *each = NULL;
    pthread_mutex_lock(&reading->self->mutex);
    farm_status status = gather(reading, store_arena(session), &each);
    pthread_mutex_unlock(&reading->self->mutex);
    if (status != FARM_OK)
        return store_fail(session, status, 0, "there is no memory for the topics");
    store_batch batch;
    store_batch_init(&batch, session);
    if (reading->count > 0) store_topic_read(&batch, each, reading->count, on_version, reading);
    return store_finish(session, &batch);
}

/* --- under the mutex -------------------------------------------------------------------------- */

static bell_waiter *find_waiter(const bell *self, uint64_t number) {
    bell_waiter *waiter = self->first;
    while (waiter != NULL && waiter->number != number) waiter = waiter->next;
    return waiter;
}

static int32_t is_done(const bell *self, const bell_waiter *waiter) {
    return waiter->changed_count > 0 || waiter->error.status != FARM_OK || self->is_closing ||
           (waiter->is_read && clock_monotonic_us() >= waiter->until_us);
}

/* Hand out what was read to those who wanted it and are still there. A version that is not the one
 * that was seen ends a wait. Results may stand where the caller keeps what he has seen. */
static void hand_out(bell *self, const bell_reading *reading) {
    bell_waiter *waiter = NULL;
    for (size_t i = 0; i < reading->count; i++) {
        const size_t place = reading->places[i];
        if (place == 0) waiter = find_waiter(self, reading->numbers[i]);
        if (waiter == NULL) continue;
        waiter->changed_count += reading->versions[i] != item_at(waiter->items, place).seen;
        waiter->results[place] = reading->versions[i];
        waiter->must_read = 0;
        waiter->is_read = 1;
        if (waiter->changed_count > 0) pthread_cond_signal(&waiter->woken);
    }
}

static void all_must_read(bell *self) {
    for (bell_waiter *i = self->first; i != NULL; i = i->next) i->must_read = i->changed_count == 0;
}

static void fail_all(bell *self, const farm_error *error) {
    for (bell_waiter *i = self->first; i != NULL; i = i->next) {
        i->error = *error;
        pthread_cond_signal(&i->woken);
    }
}

/* --- leading: the mutex is held but while the store is asked ---------------------------------- */

/* A connection that listens, or is known not to. */
static farm_status begin_listening(bell *self, bell_open_function open, void *context,
                                   farm_error *error) {
    farm_status status = FARM_OK;
    pthread_mutex_unlock(&self->mutex);
    if (self->session == NULL) status = open(context, error, &self->session);
    if (status == FARM_OK) {
        session_set_until(self->session, 0);
        status = session_listen(self->session, 1);
        if (status != FARM_OK) *error = *farm_session_error(self->session);
    }
    pthread_mutex_lock(&self->mutex);
    if (status == FARM_OK || status == FARM_ETIMEOUT) self->mode = MODE_LISTENING;
    if (status == FARM_EUNSUPPORTED && self->session != NULL) self->mode = MODE_POLLING;
    if (self->mode == MODE_NONE) return status;
    all_must_read(self);
    return FARM_OK;
}

static farm_status read_all(bell *self, const bell_waiter *leader, farm_error *error) {
    bell_reading reading = {.self = self};
    pthread_mutex_unlock(&self->mutex);
    const int64_t now_us = clock_monotonic_us();
    session_set_until(self->session, leader->until_us == INT64_MAX
                                         ? 0
                                         : integer_max(leader->until_us, now_us + LEAST_ANSWER_US));
    farm_status status =
        store_operate(self->session, STORE_READS | STORE_SERVICE, read_versions, &reading);
    if (status != FARM_OK) *error = *farm_session_error(self->session);
    pthread_mutex_lock(&self->mutex);
    if (status == FARM_OK) hand_out(self, &reading);
    return status;
}

static int32_t must_anybody_read(const bell *self) {
    for (const bell_waiter *i = self->first; i != NULL; i = i->next)
        if (i->must_read) return 1;
    return 0;
}

/* Until the store has a word, somebody comes, or the leader's time is over. */
static void listen_for_word(bell *self, const bell_waiter *leader) {
    const int64_t left_us = leader->until_us - clock_monotonic_us();
    const int64_t timeout_us = integer_max(1, integer_min(left_us, LOOK_US));
    self->is_waiting = 1;
    pthread_mutex_unlock(&self->mutex);
    farm_status status = session_listen(self->session, timeout_us);
    pthread_mutex_lock(&self->mutex);
    self->is_waiting = 0;
    if (status == FARM_OK || timeout_us == LOOK_US) all_must_read(self);
    /* It may have missed a word: begin again. */
    if (status != FARM_OK && status != FARM_ETIMEOUT) self->mode = MODE_NONE;
}

static void sleep_for_word(bell *self, const bell_waiter *leader) {
    const int64_t until_us = clock_monotonic_us() + self->poll_us;
    self->is_waiting = 1;
    (void)clock_condition_wait(&self->poked, &self->mutex, integer_min(until_us, leader->until_us));
    self->is_waiting = 0;
    self->poll_us = integer_min(self->poll_us * 2, POLL_MAX_US);
    all_must_read(self);
}

static void lead(bell *self, bell_open_function open, void *context, bell_waiter *leader) {
    farm_error error = {.struct_size = sizeof error};
    farm_status status = FARM_OK;
    self->is_led = 1;
    self->poll_us = POLL_FIRST_US;
    while (status == FARM_OK && !is_done(self, leader)) {
        if (self->mode == MODE_NONE)
            status = begin_listening(self, open, context, &error);
        else if (must_anybody_read(self))
            status = read_all(self, leader, &error);
        else if (self->mode == MODE_LISTENING)
            listen_for_word(self, leader);
        else
            sleep_for_word(self, leader);
    }
    if (status != FARM_OK) {
        self->mode = MODE_NONE;
        fail_all(self, &error);
    }
    self->is_led = 0;
}

/* --- following -------------------------------------------------------------------------------- */

/* Make whoever leads look at who else is there. */
static void poke(bell *self) {
    pthread_cond_signal(&self->poked);
    if (self->is_waiting && self->mode == MODE_LISTENING && self->session != NULL)
        farm_session_interrupt(self->session);
}

static void follow(bell *self, bell_waiter *waiter) {
    int64_t until_us = waiter->is_read ? waiter->until_us : INT64_MAX;
    if (waiter->must_read) {
        poke(self);
        until_us = clock_monotonic_us() + POKE_US;
    }
    (void)clock_condition_wait(&waiter->woken, &self->mutex, until_us);
}

static void enter(bell *self, bell_waiter *waiter) {
    waiter->number = ++self->last_number;
    waiter->must_read = 1;
    waiter->next = self->first;
    self->first = waiter;
}

static void leave(bell *self, bell_waiter *waiter) {
    bell_waiter **link = &self->first;
    while (*link != waiter) link = &(*link)->next;
    *link = waiter->next;
    if (!self->is_led && self->first != NULL) pthread_cond_signal(&self->first->woken);
    if (self->first == NULL) self->left_us = clock_monotonic_us();
    pthread_cond_broadcast(&self->left);
}

farm_status bell_wait(bell *self, bell_open_function open, void *context, const farm_topic *items,
                      size_t count, farm_topic_version *results, int64_t timeout_us,
                      farm_error *error, size_t *out_count) {
    bell_waiter waiter = {.items = items, .count = count, .results = results};
    waiter.error.struct_size = sizeof waiter.error;
    waiter.until_us = clock_deadline_us(timeout_us);
    clock_condition_init(&waiter.woken);
    pthread_mutex_lock(&self->mutex);
    enter(self, &waiter);
    while (!is_done(self, &waiter)) {
        if (self->is_led)
            follow(self, &waiter);
        else
            lead(self, open, context, &waiter);
    }
    if (self->is_closing)
        (void)store_error_fail(&waiter.error, FARM_EINVAL, 0, "the pool is not open");
    leave(self, &waiter);
    pthread_mutex_unlock(&self->mutex);
    pthread_cond_destroy(&waiter.woken);
    if (error != NULL) *error = waiter.error;
    *out_count = waiter.changed_count;
    return waiter.error.status;
}

/* --- the end ---------------------------------------------------------------------------------- */

void bell_close(bell *self) {
    if (self == NULL) return;
    pthread_mutex_lock(&self->mutex);
    self->is_closing = 1;
    while (self->first != NULL) {
        for (bell_waiter *i = self->first; i != NULL; i = i->next) pthread_cond_signal(&i->woken);
        poke(self);
        (void)clock_condition_wait(&self->left, &self->mutex, clock_monotonic_us() + POKE_US);
    }
    farm_session_free(self->session);
    self->session = NULL;
    pthread_mutex_unlock(&self->mutex);
}

void bell_rest(bell *self) {
    if (self == NULL) return;
    farm_session *session = NULL;
    pthread_mutex_lock(&self->mutex);
    if (self->first == NULL && self->session != NULL &&
        clock_monotonic_us() - self->left_us > rest_us) {
        session = self->session;
        self->session = NULL;
        self->mode = MODE_NONE;
    }
    pthread_mutex_unlock(&self->mutex);
    farm_session_free(session);
}
