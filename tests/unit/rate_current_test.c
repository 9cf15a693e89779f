/* Definitions that are replaced under their readers: the one who holds the stripe, and the one who
 * came second and is counted. Both are of this thread here, so that they meet in one stripe. */
#include "base/clock.h"
#include "rate/rate_local.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

enum { WHILE_US = 50000 };

typedef struct replacing {
    rate_current *current;
    rate_definitions *next;
    _Atomic int32_t is_done;
} replacing;

static rate_definitions *make_definitions(int64_t version) {
    static const uint8_t secret[HASH_SECRET_SIZE];
    const rate_source source = {.space = "", .secret = secret, .version = version};
    rate_definitions *made = NULL;
    cr_assert_eq(rate_definitions_make(&source, &made), FARM_OK);
    return made;
}

static void *replace(void *context) {
    replacing *self = context;
    rate_current_replace(self->current, self->next);
    atomic_store(&self->is_done, 1);
    return NULL;
}

/* Of two readers one leaves, and the definitions stay as long as the other is there. */
static void replace_under(int stays) {
    static rate_current current;
    uint32_t places[2] = {0, 0};
    const rate_definitions *read = NULL;
    pthread_t thread;
    memset(&current, 0, sizeof current);
    atomic_store(&current.definitions, make_definitions(1));
    replacing other = {.current = &current, .next = make_definitions(2)};
    for (int i = 0; i < 2; i++) read = rate_current_enter(&current, &places[i]);
    rate_current_leave(&current, places[1 - stays]);

    cr_assert_eq(pthread_create(&thread, NULL, replace, &other), 0);
    clock_sleep_us(WHILE_US);
    cr_assert_not(atomic_load(&other.is_done));
    cr_assert_eq(read->version, 1);

    rate_current_leave(&current, places[stays]);
    pthread_join(thread, NULL);
    read = rate_current_enter(&current, &places[0]);
    cr_assert_eq(read->version, 2);
    rate_current_leave(&current, places[0]);
    rate_definitions_free(other.next);
}

Test(rate_current, definitions_wait_for_the_reader_who_holds_the_stripe) {
    replace_under(0);
}

Test(rate_current, definitions_wait_for_the_reader_who_is_counted) {
    replace_under(1);
}
