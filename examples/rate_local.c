/* A gateway that limits by address and by key in its own memory: what a server does before anything
 * else, with a clock of our own so that it is over at once. */
#include <farmcore/farmcore.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void must(farm_status status, const farm_error *error, const char *what) {
    if (status == FARM_OK) return;
    fprintf(stderr, "rate_local: %s: %s\n", what, error->text);
    exit(EXIT_FAILURE);
}

/* 200, or 429 with the header fields that say when to come again. */
static int handle(farm_rate_local *local, const char *address, const char *key) {
    const farm_rate_request items[2] = {
        {.struct_size = sizeof *items, .limit = "address", .subject = address, .cost = 1},
        {.struct_size = sizeof *items, .limit = "key/search", .subject = key, .cost = 1},
    };
    farm_rate_state states[2] = {{.struct_size = sizeof *states}, {.struct_size = sizeof *states}};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    farm_error error = {.struct_size = sizeof error};
    char *headers = NULL;
    must(farm_rate_local_take(local, items, 2, states, &error, &decision), &error, "take");
    must(farm_rate_local_headers(items, 2, states, &decision, &error, &headers), &error, "headers");
    printf("%d for %s\n%s", decision.allowed ? 200 : 429, key, decision.allowed ? "" : headers);
    farm_free(headers);
    return decision.allowed;
}

int main(void) {
    const int64_t now_us = INT64_C(1767225600000000);
    const farm_rate_limit limits[2] = {
        {.struct_size = sizeof *limits,
         .name = "address",
         .scope = FARM_RATE_SCOPE_ADDRESS,
         .count = 100,
         .period_us = 1000000},
        {.struct_size = sizeof *limits,
         .name = "key",
         .burst = 2,
         .count = 1,
         .period_us = 1000000},
    };
    const farm_rate_override ban = {.struct_size = sizeof ban,
                                    .rule = FARM_RATE_RULE_BAN,
                                    .limit = "key",
                                    .subject = "stolen",
                                    .expires_us = now_us + 3600000000};
    farm_rate_local *local = NULL;
    farm_error error = {.struct_size = sizeof error};
    must(farm_rate_local_new(NULL, &error, &local), &error, "new");
    must(farm_rate_local_set_clock_us(local, now_us), &error, "clock");
    must(farm_rate_local_define(local, limits, 2, &error), &error, "define");
    must(farm_rate_local_override_put(local, &ban, 1, &error), &error, "ban");

    int allowed = 0;
    for (int i = 0; i < 4; i++) allowed += handle(local, "192.0.2.1", "k1");
    allowed += handle(local, "192.0.2.2", "stolen");
    must(farm_rate_local_set_clock_us(local, now_us + 1000000), &error, "clock");
    allowed += handle(local, "192.0.2.1", "k1");

    farm_rate_local_free(local);
    return allowed == 3 ? EXIT_SUCCESS : EXIT_FAILURE;
}
