/* The rules of roles: every cell of both tables, and who is told what. */
#include "roles/roles_rules.h"
#include <criterion/criterion.h>
#include <string.h>

/* The tables of farmcore/roles.h and docs/roles.md, written down once more: a row a role from owner
 * to service. Columns: read write manage export pay refund close grant. */
static const char *const allowed_operations[] = {"xxxxxxxx", "xxxx-x-x", "xx------", "x-------",
                                                 "xx-xxx--"};
/* Columns: owner manager member viewer service. */
static const char *const granted_roles[] = {"xxxxx", "--xx-", "-----", "-----", "-----"};

enum { ROLE_COUNT = 5, OPERATION_COUNT = 8 };

static roles_caller caller_with(const char *actor, uint32_t roles) {
    return (roles_caller){.actor = actor, .roles = roles};
}

static roles_change change_of(int32_t role) {
    return (roles_change){
        .entity = "shop", .subject = "sue", .role = role, .now_us = 1000, .is_founded = 1};
}

Test(roles_rules, every_role_allows_what_the_table_says) {
    for (int32_t role = 1; role <= ROLE_COUNT; role++)
        for (int32_t operation = 1; operation <= OPERATION_COUNT; operation++)
            cr_assert_eq(farm_role_allows(role, operation),
                         allowed_operations[role - 1][operation - 1] == 'x', "%s may %s",
                         farm_role_name(role), farm_role_operation_name(operation));
}

Test(roles_rules, what_is_no_role_or_operation_allows_nothing) {
    const int32_t wrong[] = {INT32_MIN, -1, 0, ROLE_COUNT + 1, 33, INT32_MAX};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_not(farm_role_allows(wrong[i], FARM_ROLE_READ));
        cr_assert_str_eq(farm_role_name(wrong[i]), "unknown");
    }
    cr_assert_not(farm_role_allows(FARM_ROLE_OWNER, 0));
    cr_assert_not(farm_role_allows(FARM_ROLE_OWNER, OPERATION_COUNT + 1));
    cr_assert_not(farm_role_allows(FARM_ROLE_OWNER, -1));
    cr_assert_str_eq(farm_role_operation_name(0), "unknown");
    cr_assert_str_eq(farm_role_operation_name(OPERATION_COUNT + 1), "unknown");
}

Test(roles_rules, every_role_and_operation_has_its_name) {
    static const char *const roles[] = {"owner", "manager", "member", "viewer", "service"};
    static const char *const operations[] = {"read", "write",  "manage", "export",
                                             "pay",  "refund", "close",  "grant"};

    for (int32_t role = 1; role <= ROLE_COUNT; role++)
        cr_assert_str_eq(farm_role_name(role), roles[role - 1]);
    for (int32_t operation = 1; operation <= OPERATION_COUNT; operation++)
        cr_assert_str_eq(farm_role_operation_name(operation), operations[operation - 1]);
}

Test(roles_rules, any_role_of_a_set_is_enough_and_none_beside_it_counts) {
    for (uint32_t set = 0; set < UINT32_C(1) << ROLE_COUNT; set++) {
        const roles_caller caller = caller_with("ann", set << 1);
        for (int32_t operation = 1; operation <= OPERATION_COUNT; operation++) {
            int32_t expected = 0;
            for (int32_t role = 1; role <= ROLE_COUNT; role++)
                if (set & (UINT32_C(1) << (role - 1)))
                    expected |= allowed_operations[role - 1][operation - 1] == 'x';

            const roles_verdict verdict = roles_decide(&caller, "shop", operation);

            cr_assert_eq(verdict.status, expected ? FARM_OK : FARM_EDENIED);
            cr_assert_eq(verdict.reason, expected   ? 0
                                         : set == 0 ? FARM_ROLE_REASON_NO_ROLE
                                                    : FARM_ROLE_REASON_NOT_ALLOWED);
        }
    }
}

Test(roles_rules, the_service_may_everything_and_nobody_nothing) {
    const roles_caller service = {.is_service = 1};
    const roles_caller nobody = {0};

    for (int32_t operation = 1; operation <= OPERATION_COUNT; operation++) {
        cr_assert_eq(roles_decide(&service, "shop", operation).status, FARM_OK);
        cr_assert_eq(roles_decide(&nobody, "shop", operation).reason, FARM_ROLE_REASON_NO_ROLE);
    }
}

Test(roles_rules, who_has_the_entity_s_name_is_its_owner) {
    const roles_caller self = caller_with("shop", 0);

    for (int32_t operation = 1; operation <= OPERATION_COUNT; operation++)
        cr_assert_eq(roles_decide(&self, "shop", operation).status, FARM_OK);
    cr_assert_eq(roles_decide(&self, "shop2", FARM_ROLE_READ).status, FARM_EDENIED);
    cr_assert_eq(roles_decide(&self, "sho", FARM_ROLE_READ).status, FARM_EDENIED);
}

Test(roles_rules, rows_matter_only_for_users_other_than_the_entity) {
    const roles_caller service = {.is_service = 1};
    const roles_caller nobody = {0};
    const roles_caller self = caller_with("shop", 0);
    const roles_caller other = caller_with("ann", 0);

    cr_assert(roles_is_known(&service, "shop"));
    cr_assert(roles_is_known(&nobody, "shop"));
    cr_assert(roles_is_known(&self, "shop"));
    cr_assert_not(roles_is_known(&other, "shop"));
}

Test(roles_rules, every_role_grants_and_revokes_what_the_table_says) {
    for (int32_t role = 1; role <= ROLE_COUNT; role++) {
        const roles_caller caller = caller_with("ann", ROLES_BIT(role));
        for (int32_t granted = 1; granted <= ROLE_COUNT; granted++) {
            const roles_change change = change_of(granted);
            const int32_t expected = granted_roles[role - 1][granted - 1] == 'x';

            const roles_verdict grant = roles_decide_grant(&caller, &change);
            const roles_verdict revoke = roles_decide_revoke(&caller, &change);

            cr_assert_eq(grant.status, expected ? FARM_OK : FARM_EDENIED, "%s grants %s",
                         farm_role_name(role), farm_role_name(granted));
            cr_assert_eq(grant.reason, expected ? 0 : FARM_ROLE_REASON_NOT_ALLOWED);
            cr_assert_eq(revoke.status, grant.status);
            cr_assert_eq(revoke.reason, grant.reason);
        }
    }
}

Test(roles_rules, the_service_and_the_entity_itself_grant_every_role) {
    const roles_caller callers[] = {{.is_service = 1}, {.actor = "shop"}};

    for (size_t i = 0; i < 2; i++)
        for (int32_t granted = 1; granted <= ROLE_COUNT; granted++) {
            const roles_change change = change_of(granted);
            cr_assert_eq(roles_decide_grant(&callers[i], &change).status, FARM_OK);
            cr_assert_eq(roles_decide_revoke(&callers[i], &change).status, FARM_OK);
        }
}

Test(roles_rules, everybody_gives_up_a_role_of_his_own_but_grants_himself_none) {
    const roles_caller sue = caller_with("sue", ROLES_BIT(FARM_ROLE_VIEWER));

    for (int32_t role = 1; role <= ROLE_COUNT; role++) {
        const roles_change change = change_of(role);
        cr_assert_eq(roles_decide_revoke(&sue, &change).status, FARM_OK);
        cr_assert_eq(roles_decide_grant(&sue, &change).status, FARM_EDENIED);
    }
}

Test(roles_rules, nobody_grants_and_revokes_nothing) {
    const roles_caller nobody = {0};
    const roles_change change = change_of(FARM_ROLE_VIEWER);

    cr_assert_eq(roles_decide_grant(&nobody, &change).reason, FARM_ROLE_REASON_NO_ROLE);
    cr_assert_eq(roles_decide_revoke(&nobody, &change).reason, FARM_ROLE_REASON_NO_ROLE);
}

Test(roles_rules, a_grant_ends_in_the_future_or_never) {
    static const struct {
        int32_t role;
        int64_t expires_us;
        farm_status status;
        int32_t reason;
    } cases[] = {
        {FARM_ROLE_MEMBER, 0, FARM_OK, 0},
        {FARM_ROLE_MEMBER, 1001, FARM_OK, 0},
        {FARM_ROLE_MEMBER, 1000, FARM_EINVAL, 0},
        {FARM_ROLE_MEMBER, 1, FARM_EINVAL, 0},
        {FARM_ROLE_OWNER, 0, FARM_OK, 0},
        {FARM_ROLE_OWNER, 1001, FARM_EINVAL, FARM_ROLE_REASON_OWNER_EXPIRES},
        {FARM_ROLE_OWNER, 999, FARM_EINVAL, FARM_ROLE_REASON_OWNER_EXPIRES},
    };
    const roles_caller service = {.is_service = 1};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        roles_change change = change_of(cases[i].role);
        change.expires_us = cases[i].expires_us;

        const roles_verdict verdict = roles_decide_grant(&service, &change);

        cr_assert_eq(verdict.status, cases[i].status, "case %zu", i);
        cr_assert_eq(verdict.reason, cases[i].reason, "case %zu", i);
    }
}

Test(roles_rules, only_who_may_change_an_entity_learns_that_nobody_founded_it) {
    const roles_caller service = {.is_service = 1};
    const roles_caller self = caller_with("shop", 0);
    const roles_caller stranger = caller_with("sue", 0);
    roles_change change = change_of(FARM_ROLE_MEMBER);
    change.is_founded = 0;

    cr_assert_eq(roles_decide_grant(&service, &change).reason, FARM_ROLE_REASON_UNKNOWN_ENTITY);
    cr_assert_eq(roles_decide_grant(&self, &change).status, FARM_ENOTFOUND);
    cr_assert_eq(roles_decide_grant(&stranger, &change).status, FARM_EDENIED);
    cr_assert_eq(roles_decide_revoke(&service, &change).reason, FARM_ROLE_REASON_UNKNOWN_ENTITY);
    cr_assert_eq(roles_decide_revoke(&self, &change).status, FARM_ENOTFOUND);
    cr_assert_eq(roles_decide_revoke(&stranger, &change).status, FARM_OK);
}

Test(roles_rules, a_set_of_roles_is_named_in_full) {
    char text[ROLES_LIST_SIZE];

    roles_list_text(0, text);
    cr_assert_str_eq(text, "none");
    roles_list_text(ROLES_BIT(FARM_ROLE_VIEWER), text);
    cr_assert_str_eq(text, "viewer");
    roles_list_text(UINT32_MAX, text);
    cr_assert_str_eq(text, "owner, manager, member, viewer, service");
}
