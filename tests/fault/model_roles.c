/* The fault lab: roles. The place is an entity; four people found it, grant, revoke and are
 * checked. */
#include "fault/lab.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FOUND = 1, GRANT, REVOKE, CHECK };
enum { PEOPLE = 4, ROLES = 5, OPERATIONS = 8 };
/* In values. */
enum { ACTOR, SUBJECT, ROLE, LASTING_US, OPERATION = ROLE };

/* Of each person and role: 0 he has not got it, else when it ends; FOREVER: it does not. */
typedef struct roles_state {
    int64_t is_founded;
    int64_t ends_us[PEOPLE][ROLES];
} roles_state;

#define FOREVER INT64_MAX

static const char *const people[PEOPLE] = {"ann", "bob", "cem", "dan"};

/* The table of farmcore/roles.h, by hand. */
static const char *const allowed[ROLES] = {"read write manage export pay refund close grant",
                                           "read write manage export refund grant", "read write",
                                           "read", "read write export pay refund"};
static const char *const operations[OPERATIONS] = {"read", "write",  "manage", "export",
                                                   "pay",  "refund", "close",  "grant"};

static void draw(lab_random *random, const lab_operation *recent, int32_t recent_count,
                 int can_compose, lab_operation *out) {
    (void)can_compose;
    static const int32_t kinds[] = {FOUND, GRANT, GRANT, GRANT, REVOKE, REVOKE, CHECK};
    (void)recent;
    (void)recent_count;
    out->kind = kinds[lab_random_below(random, sizeof kinds / sizeof *kinds)];
    /* 0 is the service, which gets most through. */
    if (!lab_random_once_in(random, 3)) out->values[ACTOR] = 1 + lab_random_below(random, PEOPLE);
    if (out->kind == FOUND && !lab_random_once_in(random, 8)) out->values[ACTOR] = 0;
    out->values[SUBJECT] = lab_random_below(random, PEOPLE);
    out->values[ROLE] = 1 + lab_random_below(random, out->kind == CHECK ? OPERATIONS : ROLES);
    if (out->kind != CHECK && lab_random_once_in(random, 3)) out->values[ROLE] = FARM_ROLE_OWNER;
    if (out->kind == GRANT && lab_random_once_in(random, 3))
        out->values[LASTING_US] = 1 + lab_random_below(random, 3000000);
}

/* --- the library --- */

static void look(farm_session *session, const lab_place *place, lab_result *out) {
    farm_role_grant_row rows[PEOPLE * ROLES + 1];
    size_t count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) rows[i].struct_size = sizeof rows[i];
    out->status =
        farm_role_list(session, place->name, NULL, 0, rows, sizeof rows / sizeof *rows, &count);
    for (size_t i = 0; i < count && out->status == FARM_OK; i++)
        for (int32_t j = 0; j < PEOPLE; j++)
            if (strcmp(rows[i].subject, people[j]) == 0)
                out->values[j * ROLES + rows[i].role - 1] =
                    rows[i].expires_us == 0 ? FOREVER : rows[i].expires_us;
}

static farm_status act(farm_session *session, const lab_place *place,
                       const lab_operation *operation) {
    const int64_t *values = operation->values;
    const char *subject = people[values[SUBJECT]];
    int32_t role = (int32_t)values[ROLE];
    int64_t expires_us = values[LASTING_US] == 0 ? 0 : place->now_us + values[LASTING_US];
    switch (operation->kind) {
    case FOUND:
        return farm_role_found(session, place->name, subject);
    case GRANT:
        return farm_role_grant(session, place->name, subject, role, expires_us);
    case REVOKE:
        return farm_role_revoke(session, place->name, subject, role);
    default:
        return farm_role_check(session, place->name, (int32_t)values[OPERATION]);
    }
}

static void perform(farm_session *session, void *hand, const lab_place *place,
                    const lab_operation *operation, lab_result *out) {
    (void)hand;
    if (operation->kind == 0) {
        look(session, place, out);
        return;
    }
    int64_t actor = operation->values[ACTOR];
    if (actor > 0) farm_session_set_actor(session, people[actor - 1]);
    out->status = act(session, place, operation);
    if (actor > 0) farm_session_set_service(session);
}

/* --- the model --- */

static int32_t owner_count(const roles_state *state) {
    int32_t count = 0;
    for (int32_t i = 0; i < PEOPLE; i++) count += state->ends_us[i][FARM_ROLE_OWNER - 1] != 0;
    return count;
}

static int may_do(const roles_state *state, int64_t actor, int64_t operation) {
    if (actor == 0) return 1;
    for (int32_t role = 0; role < ROLES; role++)
        if (state->ends_us[actor - 1][role] != 0 &&
            strstr(allowed[role], operations[operation - 1]) != NULL)
            return 1;
    return 0;
}

static int may_grant(const roles_state *state, int64_t actor, int64_t role) {
    if (actor == 0) return 1;
    const int64_t *held = state->ends_us[actor - 1];
    return held[FARM_ROLE_OWNER - 1] != 0 ||
           (held[FARM_ROLE_MANAGER - 1] != 0 &&
            (role == FARM_ROLE_MEMBER || role == FARM_ROLE_VIEWER));
}

static farm_status found(roles_state *state, const int64_t *values) {
    int64_t *end_us = &state->ends_us[values[SUBJECT]][FARM_ROLE_OWNER - 1];
    if (values[ACTOR] != 0) return FARM_EDENIED;
    if (state->is_founded) return *end_us != 0 ? FARM_OK : FARM_EEXISTS;
    state->is_founded = 1;
    *end_us = FOREVER;
    return FARM_OK;
}

static farm_status grant(roles_state *state, int64_t now_us, const int64_t *values) {
    if (!may_grant(state, values[ACTOR], values[ROLE])) return FARM_EDENIED;
    if (values[ROLE] == FARM_ROLE_OWNER && values[LASTING_US] != 0) return FARM_EINVAL;
    if (!state->is_founded) return FARM_ENOTFOUND;
    state->ends_us[values[SUBJECT]][values[ROLE] - 1] =
        values[LASTING_US] == 0 ? FOREVER : now_us + values[LASTING_US];
    return FARM_OK;
}

static farm_status revoke(roles_state *state, const int64_t *values) {
    int64_t *end_us = &state->ends_us[values[SUBJECT]][values[ROLE] - 1];
    int is_own = values[ACTOR] - 1 == values[SUBJECT];
    if (!may_grant(state, values[ACTOR], values[ROLE]) && !is_own) return FARM_EDENIED;
    if (!state->is_founded && !is_own) return FARM_ENOTFOUND;
    if (values[ROLE] == FARM_ROLE_OWNER && *end_us != 0 && owner_count(state) == 1)
        return FARM_EREFUSED;
    *end_us = 0;
    return FARM_OK;
}

static void apply(void *data, int64_t now_us, const lab_operation *operation, lab_result *out) {
    roles_state *state = data;
    const int64_t *values = operation->values;
    switch (operation->kind) {
    case FOUND:
        out->status = found(state, values);
        break;
    case GRANT:
        out->status = grant(state, now_us, values);
        break;
    case REVOKE:
        out->status = revoke(state, values);
        break;
    case CHECK:
        out->status = may_do(state, values[ACTOR], values[OPERATION]) ? FARM_OK : FARM_EDENIED;
        break;
    default:
        memcpy(out->values, state->ends_us, sizeof state->ends_us);
        break;
    }
}

static int is_repeated(const lab_operation *operation) {
    return operation->kind != CHECK;
}

static void expire(void *data, int64_t now_us) {
    roles_state *state = data;
    for (int32_t i = 0; i < PEOPLE; i++)
        for (int32_t j = 0; j < ROLES; j++)
            if (state->ends_us[i][j] <= now_us) state->ends_us[i][j] = 0;
}

static void describe(const lab_operation *operation, char *text, size_t size) {
    static const char *const kinds[] = {"", "found", "grant", "revoke", "check"};
    const int64_t *values = operation->values;
    const char *actor = values[ACTOR] == 0 ? "the service" : people[values[ACTOR] - 1];
    if (operation->kind == CHECK)
        snprintf(text, size, "check whether %s may %s", actor, operations[values[OPERATION] - 1]);
    else
        snprintf(text, size, "%s: %s %s %s for %" PRId64 " us", actor, kinds[operation->kind],
                 people[values[SUBJECT]], farm_role_name((int32_t)values[ROLE]),
                 values[LASTING_US]);
}

const lab_module lab_roles = {.name = "roles",
                              .state_size = sizeof(roles_state),
                              .draw = draw,
                              .perform = perform,
                              .apply = apply,
                              .is_repeated = is_repeated,
                              .expire = expire,
                              .describe = describe};
