/* The smallest program of somebody else's: opens a store, migrates it, asks for its health. */
#include <farmcore/farmcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const farm_session *session) {
    fprintf(stderr, "%s\n", farm_session_error_text(session));
    return EXIT_FAILURE;
}

int main(int argument_count, char **arguments) {
    farm_session *session = NULL;
    char *health = NULL;
    if (argument_count != 2 || farm_session_new(&session) != FARM_OK) return EXIT_FAILURE;
    if (farm_session_open(session, arguments[1], NULL) != FARM_OK) return fail(session);
    if (farm_migrate(session) != FARM_OK) return fail(session);
    if (farm_health(session, 0, &health) != FARM_OK) return fail(session);
    int is_ok = strstr(health, "\"ok\":true") != NULL;
    puts(health);
    farm_free(health);
    farm_session_free(session);
    return is_ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
