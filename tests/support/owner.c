/* The owner of the tables. */
#include "owner.h"
#include <farmcore/farmcore.h>
#include <stdio.h>
#include <stdlib.h>

void owner_execute(const char *uri, const char *text) {
    farm_session *session = NULL;
    if (farm_session_new(&session) != FARM_OK || farm_session_open(session, uri, NULL) != FARM_OK ||
        (text == NULL ? farm_migrate(session)
                      : farm_session_execute(session, text, NULL, 0, NULL)) != FARM_OK) {
        fprintf(stderr, "owner: %s\n", farm_session_error_text(session));
        exit(EXIT_FAILURE);
    }
    farm_session_free(session);
}
