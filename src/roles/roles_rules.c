/* The rules of roles, as tables. Migration 4 has the first one in SQL. */
#include "roles/roles_rules.h"
#include "base/text.h"
#include <string.h>

/* role × operation. Columns: read write manage export pay refund close grant. */
static const uint8_t permissions[ROLES_ROLE_LAST + 1][ROLES_OPERATION_LAST + 1] = {
    [FARM_ROLE_OWNER] = {0, 1, 1, 1, 1, 1, 1, 1, 1},
    [FARM_ROLE_MANAGER] = {0, 1, 1, 1, 1, 0, 1, 0, 1},
    [FARM_ROLE_MEMBER] = {0, 1, 1, 0, 0, 0, 0, 0, 0},
    [FARM_ROLE_VIEWER] = {0, 1, 0, 0, 0, 0, 0, 0, 0},
    [FARM_ROLE_SERVICE] = {0, 1, 1, 0, 1, 1, 1, 0, 0},
};

/* role × role that it grants and revokes. Columns: owner manager member viewer service. */
static const uint8_t grants[ROLES_ROLE_LAST + 1][ROLES_ROLE_LAST + 1] = {
    [FARM_ROLE_OWNER] = {0, 1, 1, 1, 1, 1},
    [FARM_ROLE_MANAGER] = {0, 0, 0, 1, 1, 0},
};

static const char *const role_names[ROLES_ROLE_LAST + 1] = {
    [FARM_ROLE_OWNER] = "owner",   [FARM_ROLE_MANAGER] = "manager", [FARM_ROLE_MEMBER] = "member",
    [FARM_ROLE_VIEWER] = "viewer", [FARM_ROLE_SERVICE] = "service",
};

static const char *const operation_names[ROLES_OPERATION_LAST + 1] = {
    [FARM_ROLE_READ] = "read",     [FARM_ROLE_WRITE] = "write", [FARM_ROLE_MANAGE] = "manage",
    [FARM_ROLE_EXPORT] = "export", [FARM_ROLE_PAY] = "pay",     [FARM_ROLE_REFUND] = "refund",
    [FARM_ROLE_CLOSE] = "close",   [FARM_ROLE_GRANT] = "grant",
};

static const roles_verdict fine = {FARM_OK, 0};

int32_t roles_is_role(int32_t role) {
    return role >= FARM_ROLE_OWNER && role <= ROLES_ROLE_LAST;
}

static int32_t is_operation(int32_t operation) {
    return operation >= FARM_ROLE_READ && operation <= ROLES_OPERATION_LAST;
}

int32_t farm_role_allows(int32_t role, int32_t operation) {
    return roles_is_role(role) && is_operation(operation) && permissions[role][operation];
}

const char *farm_role_name(int32_t role) {
    return roles_is_role(role) ? role_names[role] : "unknown";
}

const char *farm_role_operation_name(int32_t operation) {
    return is_operation(operation) ? operation_names[operation] : "unknown";
}

/* Whether he is owner of the entity without any row, because he has its name. */
static int32_t is_self(const roles_caller *caller, const char *entity) {
    return caller->actor != NULL && strcmp(caller->actor, entity) == 0;
}

int32_t roles_is_known(const roles_caller *caller, const char *entity) {
    return caller->is_service || caller->actor == NULL || is_self(caller, entity);
}

static uint32_t roles_of(const roles_caller *caller, const char *entity) {
    return is_self(caller, entity) ? caller->roles | ROLES_BIT(FARM_ROLE_OWNER) : caller->roles;
}

static roles_verdict deny(uint32_t roles) {
    return (roles_verdict){FARM_EDENIED,
                           roles == 0 ? FARM_ROLE_REASON_NO_ROLE : FARM_ROLE_REASON_NOT_ALLOWED};
}

roles_verdict roles_decide(const roles_caller *caller, const char *entity, int32_t operation) {
    if (caller->is_service) return fine;
    const uint32_t roles = roles_of(caller, entity);
    for (int32_t role = FARM_ROLE_OWNER; role <= ROLES_ROLE_LAST; role++)
        if ((roles & ROLES_BIT(role)) && farm_role_allows(role, operation)) return fine;
    return deny(roles);
}

static int32_t may_grant(uint32_t roles, int32_t granted) {
    for (int32_t role = FARM_ROLE_OWNER; role <= ROLES_ROLE_LAST; role++)
        if ((roles & ROLES_BIT(role)) && grants[role][granted]) return 1;
    return 0;
}

static roles_verdict require_founded(const roles_change *change) {
    if (change->is_founded) return fine;
    return (roles_verdict){FARM_ENOTFOUND, FARM_ROLE_REASON_UNKNOWN_ENTITY};
}

roles_verdict roles_decide_grant(const roles_caller *caller, const roles_change *change) {
    const uint32_t roles = roles_of(caller, change->entity);
    if (!caller->is_service && !may_grant(roles, change->role)) return deny(roles);
    if (change->role == FARM_ROLE_OWNER && change->expires_us != 0)
        return (roles_verdict){FARM_EINVAL, FARM_ROLE_REASON_OWNER_EXPIRES};
    if (change->expires_us != 0 && change->expires_us <= change->now_us)
        return (roles_verdict){FARM_EINVAL, 0};
    return require_founded(change);
}

roles_verdict roles_decide_revoke(const roles_caller *caller, const roles_change *change) {
    const uint32_t roles = roles_of(caller, change->entity);
    if (caller->is_service || may_grant(roles, change->role)) return require_founded(change);
    if (caller->actor != NULL && strcmp(caller->actor, change->subject) == 0) return fine;
    return deny(roles);
}

void roles_list_text(uint32_t roles, char *out) {
    size_t size = 0;
    text_format(out, ROLES_LIST_SIZE, "none");
    for (int32_t role = FARM_ROLE_OWNER; role <= ROLES_ROLE_LAST; role++) {
        if (!(roles & ROLES_BIT(role))) continue;
        text_format(out + size, ROLES_LIST_SIZE - size, "%s%s", size == 0 ? "" : ", ",
                    role_names[role]);
        size = strlen(out);
    }
}
