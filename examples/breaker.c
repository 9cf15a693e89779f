/* A breaker around a payment provider that goes down and comes back: what a server does in its
 * handler, with a provider and a clock of our own so that it is over at once. */
#include <farmcore/farmcore.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int is_down;
static int call_count;

static int charge(void) {
    call_count++;
    return is_down ? -1 : 0;
}

static void must(int condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "breaker: it should have been so: %s\n", what);
    exit(EXIT_FAILURE);
}

/* The two steps: ask, call, report. 200; 502 when the provider failed; 503 when nobody asked. */
static int handle(farm_breakers *breakers) {
    farm_breaker_permit permit = {.struct_size = sizeof permit};
    must(farm_breaker_allow(breakers, "payments", &permit) == FARM_OK, "allow");
    if (!permit.allowed) {
        printf("  503 Retry-After: %" PRId64 "\n", (permit.retry_after_us + 999999) / 1000000);
        return 503;
    }
    const int is_charged = charge() == 0;
    must(farm_breaker_report(breakers, &permit,
                             is_charged ? FARM_BREAKER_SUCCESS : FARM_BREAKER_FAILURE,
                             -1) == FARM_OK,
         "report");
    printf("  %s\n", is_charged ? "200 charged" : "502 the provider failed");
    return is_charged ? 200 : 502;
}

/* For a log or for metrics, whenever it suits: nothing calls back. */
static int64_t print_events(farm_breakers *breakers, int64_t after) {
    farm_breaker_event rows[8];
    size_t count = 0;
    for (size_t i = 0; i < 8; i++) rows[i].struct_size = sizeof *rows;
    must(farm_breaker_events(breakers, after, rows, 8, &count) == FARM_OK, "events");
    for (size_t i = 0; i < count; i++) {
        printf("  %s: %s, was %s\n", rows[i].key, farm_breaker_state_name(rows[i].after),
               farm_breaker_state_name(rows[i].before));
        after = rows[i].sequence;
    }
    return after;
}

int main(void) {
    const farm_breaker_options options = {
        .struct_size = sizeof options, .consecutive_count = 3, .jitter_percent = -1};
    const farm_breakers_options set = {.struct_size = sizeof set, .breaker = &options};
    const int64_t now_us = INT64_C(1767225600000000);
    farm_breakers *breakers = NULL;
    farm_error error = {.struct_size = sizeof error};
    if (farm_breakers_new(&set, &error, &breakers) != FARM_OK) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_FAILURE;
    }
    farm_breakers_set_clock_us(breakers, now_us);

    printf("The provider is up, and goes down:\n");
    must(handle(breakers) == 200, "a call goes through");
    is_down = 1;
    for (int i = 0; i < 3; i++) must(handle(breakers) == 502, "three calls fail");
    printf("Nobody waits for it any more, and it is left alone:\n");
    must(handle(breakers) == 503, "the breaker is open");
    must(call_count == 4, "the provider was not asked again");
    int64_t seen = print_events(breakers, 0);

    printf("Six seconds later it is back, and three calls are let through to see:\n");
    is_down = 0;
    farm_breakers_set_clock_us(breakers, now_us + 6000000);
    for (int i = 0; i < 3; i++) must(handle(breakers) == 200, "the probes succeed");
    seen = print_events(breakers, seen);
    must(seen == 3, "it opened, probed and closed");
    farm_breakers_free(breakers);
    return EXIT_SUCCESS;
}
