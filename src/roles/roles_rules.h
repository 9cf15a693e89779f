/* The rules of roles: who may do what, who may grant what. Pure functions over a set of roles;
 * where the set comes from is roles.c's business. */
#ifndef ROLES_RULES_H
#define ROLES_RULES_H

#include <farmcore/roles.h>

/* A set of roles: bit n is role n. */
#define ROLES_BIT(role) (UINT32_C(1) << (role))

enum {
    ROLES_ROLE_LAST = FARM_ROLE_SERVICE,
    ROLES_OPERATION_LAST = FARM_ROLE_GRANT,
    ROLES_LIST_SIZE = 48 /* "owner, manager, member, viewer, service" and its NUL */
};

/* Who asks, and what he is to the entity. */
typedef struct roles_caller {
    const char *actor;  /* NULL: nobody, or the service */
    int32_t is_service; /* of the session */
    uint32_t roles;     /* granted to him for the entity, and not expired */
} roles_caller;

typedef struct roles_verdict {
    farm_status status;
    int32_t reason;
} roles_verdict;

int32_t roles_is_role(int32_t role);

/* Whether what he may do depends on no row. */
int32_t roles_is_known(const roles_caller *caller, const char *entity);

roles_verdict roles_decide(const roles_caller *caller, const char *entity, int32_t operation);

/* What a grant is about. expires_us 0: never. */
typedef struct roles_change {
    const char *entity;
    const char *subject;
    int32_t role;
    int64_t expires_us;
    int64_t now_us;
    int32_t is_founded; /* the entity is */
} roles_change;

/* Whether the caller may grant the role, then whether it can be granted. */
roles_verdict roles_decide_grant(const roles_caller *caller, const roles_change *change);
/* Whether the caller may take the role away. Giving up one's own is never refused here; whether the
 * entity exists is told to those only who have something to say in it. */
roles_verdict roles_decide_revoke(const roles_caller *caller, const roles_change *change);

/* "manager, viewer"; "none" for the empty set. out has ROLES_LIST_SIZE bytes. */
void roles_list_text(uint32_t roles, char *out);

#endif
