/* A program of one release, for the test of several: `migrate URI` brings the schema up, `work URI`
 * does an operation, `serve URI` does one, waits for a line, and does another with the session that
 * it has. It prints the status and the sentence of the last call. */
#include <farmcore/farmcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static farm_status work(farm_session *session, const char *entity) {
    farm_status status = farm_session_set_service(session);
    return status == FARM_OK ? farm_role_found(session, entity, "ana") : status;
}

static farm_status serve(farm_session *session) {
    farm_status status = work(session, "before");
    puts(farm_status_name(status));
    fflush(stdout);
    if (status == FARM_OK && getchar() != EOF) status = work(session, "after");
    return status;
}

int main(int argument_count, char **arguments) {
    farm_session *session = NULL;
    if (argument_count != 3 || farm_session_new(&session) != FARM_OK) return EXIT_FAILURE;
    farm_status status = farm_session_open(session, arguments[2], NULL);
    if (status == FARM_OK && strcmp(arguments[1], "migrate") == 0) status = farm_migrate(session);
    if (status == FARM_OK && strcmp(arguments[1], "work") == 0) status = work(session, "shop");
    if (status == FARM_OK && strcmp(arguments[1], "serve") == 0) status = serve(session);
    printf("%s %s\n", farm_status_name(status), farm_session_error_text(session));
    farm_session_free(session);
    return EXIT_SUCCESS;
}
