#include <farmcore/farmcore.h>
#include <stdio.h>

int main(void) {
    farm_session *session = NULL;
    const farm_rate_limit limit = {
        .struct_size = sizeof limit, .name = "user", .count = 120, .period_us = 60000000};
    const farm_rate_request request = {
        .struct_size = sizeof request, .limit = "user", .subject = "ana", .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};

    farm_status status = farm_session_new(&session);
    if (status == FARM_OK) status = farm_session_open(session, "sqlite::memory:", NULL);
    if (status == FARM_OK) status = farm_migrate(session);
    if (status == FARM_OK) status = farm_session_set_service(session);
    if (status == FARM_OK) status = farm_rate_define(session, &limit, 1);
    if (status == FARM_OK) status = farm_rate_take(session, &request, 1, &state, &decision);
    if (status == FARM_OK)
        printf("allowed: %d, left: %d\n", decision.allowed, (int)state.remaining);
    if (status != FARM_OK) fprintf(stderr, "%s\n", farm_session_error_text(session));
    farm_session_free(session);
    return status == FARM_OK ? 0 : 1;
}
