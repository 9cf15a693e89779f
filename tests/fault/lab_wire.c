/* Random operations against the model, on Postgres, while the network fails (fault/lab.h,
 * support/wire_proxy.h).
 *
 *     lab_wire [--seed N] [--seconds N] URI OWNER_URI    FARM_TEST_POSTGRES_PORT is the server's
 *
 * Stores: postgres */
#include "fault/lab.h"
#include "support/wire_proxy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 400, DELAY_US = 2000, MESSAGE_MAX = 30 };

static wire_proxy *proxy;

static void arm(lab_random *random, int32_t kind) {
    const wire_fault fault = {.kind = kind,
                              .from = lab_random_once_in(random, 2) ? WIRE_CLIENT : WIRE_SERVER,
                              .nth = 1 + (uint64_t)lab_random_below(random, MESSAGE_MAX),
                              .delay_us = DELAY_US};
    wire_proxy_arm(proxy, &fault);
}

static void arm_before(lab_random *random) {
    arm(random, WIRE_CUT_BEFORE);
}

static void arm_after(lab_random *random) {
    arm(random, WIRE_CUT_AFTER);
}

static void arm_half(lab_random *random) {
    arm(random, WIRE_HALF_CLOSE);
}

static void arm_delay(lab_random *random) {
    arm(random, WIRE_DELAY);
}

static void arm_split(lab_random *random) {
    arm(random, WIRE_SPLIT);
}

static void arm_refuse(lab_random *random) {
    arm(random, WIRE_REFUSE);
}

static void disarm(void) {
    (void)wire_proxy_heal(proxy);
}

/* No holes: what they teach, fault/wire.c does, and each takes a second. */
static const lab_fault faults[] = {
    {"cut before", arm_before, disarm}, {"cut after", arm_after, disarm},
    {"half closed", arm_half, disarm},  {"delayed", arm_delay, disarm},
    {"split", arm_split, disarm},       {"refused", arm_refuse, disarm},
};

int main(int count, char **arguments) {
    static char schema[64];
    char uri[1024];
    char owner_uri[1024];
    lab_options options = {.seed = 1,
                           .rounds = ROUNDS,
                           .player_count = 3,
                           .faults = faults,
                           .fault_count = sizeof faults / sizeof *faults,
                           .uri = uri,
                           .owner_uri = owner_uri};
    if (getenv("FARM_TEST_POSTGRES_OWNER") == NULL || getenv("FARM_TEST_POSTGRES_PORT") == NULL)
        return 77;
    for (int i = 1; i + 2 < count; i += 2) {
        long long value = strtoll(arguments[i + 1], NULL, 10);
        if (strcmp(arguments[i], "--seed") == 0) options.seed = (uint64_t)value;
        if (strcmp(arguments[i], "--seconds") == 0) {
            options.rounds = 0;
            options.duration_us = value * 1000000;
        }
    }
    proxy = wire_proxy_new((int)strtol(getenv("FARM_TEST_POSTGRES_PORT"), NULL, 10));
    snprintf(schema, sizeof schema, "labwire_%ld.", (long)getpid());
    lab_schema = schema;
    snprintf(uri, sizeof uri,
             "postgresql://farm_app@127.0.0.1:%d/farm?schema=%.*s&sslmode=disable"
             "&gssencmode=disable",
             wire_proxy_port(proxy), (int)strlen(schema) - 1, schema);
    snprintf(owner_uri, sizeof owner_uri, "%s?schema=%.*s&grant_to=farm_app",
             getenv("FARM_TEST_POSTGRES_OWNER"), (int)strlen(schema) - 1, schema);
    int failed = lab_run(&options);
    wire_proxy_free(proxy);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
