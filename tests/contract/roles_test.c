/* Roles on every store: founding, granting, revoking, checking; expiry, the last owner,
 * repeats, and what a transaction of the caller makes of them. */
#include "roles_shop.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(roles, .init = open_shop, .fini = close_session, .timeout = 60);

static farm_status revoke(const char *subject, int32_t role) {
    return farm_role_revoke(session, "shop", subject, role);
}

static farm_status check_as(const char *actor, int32_t operation) {
    act_as(actor);
    farm_status status = farm_role_check(session, "shop", operation);
    const farm_status found = farm_session_error(session)->status;
    cr_assert_eq(found, status);
    act_as_service();
    return status;
}

static int64_t owner_count(void) {
    return contract_number(session,
                           "SELECT owner_count FROM {farm_role_entity} WHERE entity = 'shop'");
}

static int64_t grant_count(void) {
    return contract_count(session, "farm_role_grant");
}

Test(roles, every_role_may_do_what_the_header_says) {
    static const char *const subjects[] = {"o", "m", "b", "v", "s"};
    for (int32_t role = 1; role <= ROLE_COUNT; role++)
        cr_assert_eq(grant(subjects[role - 1], role), FARM_OK);

    for (int32_t role = 1; role <= ROLE_COUNT; role++)
        for (int32_t operation = 1; operation <= OPERATION_COUNT; operation++) {
            const int32_t allowed = farm_role_allows(role, operation);
            cr_assert_eq(check_as(subjects[role - 1], operation), allowed ? FARM_OK : FARM_EDENIED);
        }
}

Test(roles, the_table_in_the_store_is_the_one_of_the_library) {
    for (int32_t role = 1; role <= ROLE_COUNT; role++)
        for (int32_t operation = 1; operation <= OPERATION_COUNT; operation++)
            cr_assert_eq(contract_number(session,
                                         "SELECT COUNT(*) FROM {farm_role_permission} "
                                         "WHERE role = %d AND operation = %d",
                                         role, operation),
                         farm_role_allows(role, operation), "%s %s", farm_role_name(role),
                         farm_role_operation_name(operation));
}

Test(roles, a_denial_says_which_rule) {
    cr_assert_eq(grant("vic", FARM_ROLE_VIEWER), FARM_OK);

    act_as("eve");
    cr_assert_eq(farm_role_check(session, "shop", FARM_ROLE_READ), FARM_EDENIED);
    cr_assert_eq(farm_session_error_reason(session), FARM_ROLE_REASON_NO_ROLE);
    act_as("vic");
    cr_assert_eq(farm_role_check(session, "shop", FARM_ROLE_PAY), FARM_EDENIED);
    cr_assert_eq(farm_session_error_reason(session), FARM_ROLE_REASON_NOT_ALLOWED);
    cr_assert_not_null(strstr(farm_session_error_text(session), "pay"));
    cr_assert_not_null(strstr(farm_session_error_text(session), "viewer"));
    act_as(NULL);
    cr_assert_eq(farm_role_check(session, "shop", FARM_ROLE_READ), FARM_EDENIED);
}

Test(roles, the_service_may_everything_even_for_what_nobody_founded) {
    for (int32_t operation = 1; operation <= OPERATION_COUNT; operation++)
        cr_assert_eq(farm_role_check(session, "nowhere", operation), FARM_OK);
}

Test(roles, who_has_the_entitys_name_is_its_owner_without_a_row) {
    act_as("shop");

    cr_assert_eq(farm_role_check(session, "shop", FARM_ROLE_CLOSE), FARM_OK);
    cr_assert_eq(grant("bob", FARM_ROLE_MANAGER), FARM_OK);
    cr_assert_eq(revoke("ann", FARM_ROLE_OWNER), FARM_EREFUSED);
    cr_assert_eq(farm_role_check(session, "Shop", FARM_ROLE_READ), FARM_EDENIED);
    act_as("eve");
    cr_assert_eq(farm_role_check(session, "eve", FARM_ROLE_CLOSE), FARM_OK);
    cr_assert_eq(farm_role_grant(session, "eve", "bob", FARM_ROLE_VIEWER, 0), FARM_ENOTFOUND);
    cr_assert_eq(farm_session_error_reason(session), FARM_ROLE_REASON_UNKNOWN_ENTITY);
}

Test(roles, several_roles_add_up) {
    cr_assert_eq(grant("sam", FARM_ROLE_VIEWER), FARM_OK);
    cr_assert_eq(check_as("sam", FARM_ROLE_PAY), FARM_EDENIED);

    cr_assert_eq(grant("sam", FARM_ROLE_SERVICE), FARM_OK);

    cr_assert_eq(check_as("sam", FARM_ROLE_PAY), FARM_OK);
    cr_assert_eq(revoke("sam", FARM_ROLE_SERVICE), FARM_OK);
    cr_assert_eq(check_as("sam", FARM_ROLE_PAY), FARM_EDENIED);
    cr_assert_eq(check_as("sam", FARM_ROLE_READ), FARM_OK);
}

Test(roles, a_revocation_holds_from_the_next_call_of_anyone) {
    farm_session *other = contract_open_another();
    cr_assert_eq(grant("bob", FARM_ROLE_MEMBER), FARM_OK);
    cr_assert_eq(farm_session_set_actor(other, "bob"), FARM_OK);
    cr_assert_eq(farm_role_check(other, "shop", FARM_ROLE_WRITE), FARM_OK);

    cr_assert_eq(revoke("bob", FARM_ROLE_MEMBER), FARM_OK);

    cr_assert_eq(farm_role_check(other, "shop", FARM_ROLE_WRITE), FARM_EDENIED);
    contract_close_another(other);
}

Test(roles, a_grant_holds_until_it_ends) {
    const int64_t end = CONTRACT_NOW_US + SECOND_US;
    cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_MEMBER, end), FARM_OK);

    set_clock(SECOND_US - 1);
    cr_assert_eq(check_as("bob", FARM_ROLE_WRITE), FARM_OK);
    set_clock(SECOND_US);
    cr_assert_eq(check_as("bob", FARM_ROLE_WRITE), FARM_EDENIED);

    cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_MEMBER, 0), FARM_OK);
    cr_assert_eq(check_as("bob", FARM_ROLE_WRITE), FARM_OK);
    cr_assert_eq(grant_count(), 2);
}

Test(roles, a_manager_whose_grant_ended_grants_nothing) {
    const int64_t end = CONTRACT_NOW_US + SECOND_US;
    cr_assert_eq(farm_role_grant(session, "shop", "max", FARM_ROLE_MANAGER, end), FARM_OK);
    act_as("max");
    cr_assert_eq(grant("bob", FARM_ROLE_VIEWER), FARM_OK);

    set_clock(SECOND_US);

    cr_assert_eq(grant("bea", FARM_ROLE_VIEWER), FARM_EDENIED);
    cr_assert_eq(farm_session_error_reason(session), FARM_ROLE_REASON_NO_ROLE);
}

Test(roles, an_end_lies_in_the_future_and_an_owner_has_none) {
    cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_MEMBER, CONTRACT_NOW_US),
                 FARM_EINVAL);
    cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_MEMBER, -1), FARM_EINVAL);
    cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_MEMBER, INT64_MAX), FARM_EINVAL);
    cr_assert_eq(farm_role_grant(session, "shop", "bob", FARM_ROLE_OWNER, CONTRACT_NOW_US + 1),
                 FARM_EINVAL);
    cr_assert_eq(farm_session_error_reason(session), FARM_ROLE_REASON_OWNER_EXPIRES);

    cr_assert_eq(grant_count(), 1);
}

Test(roles, only_the_service_founds) {
    act_as("ann");
    cr_assert_eq(farm_role_found(session, "stall", "ann"), FARM_EDENIED);
    act_as("stall");
    cr_assert_eq(farm_role_found(session, "stall", "stall"), FARM_EDENIED);
    act_as(NULL);

    cr_assert_eq(farm_role_found(session, "stall", "ann"), FARM_EDENIED);

    act_as_service();
    cr_assert_eq(contract_count(session, "farm_role_entity"), 1);
}

Test(roles, repeating_a_foundation_changes_nothing) {
    set_clock(SECOND_US);

    cr_assert_eq(farm_role_found(session, "shop", "ann"), FARM_OK);
    cr_assert_eq(farm_role_found(session, "shop", "bob"), FARM_EEXISTS);
    cr_assert_eq(grant("bob", FARM_ROLE_MANAGER), FARM_OK);
    cr_assert_eq(farm_role_found(session, "shop", "bob"), FARM_EEXISTS);
    cr_assert_eq(grant("cem", FARM_ROLE_OWNER), FARM_OK);
    cr_assert_eq(farm_role_found(session, "shop", "cem"), FARM_OK);

    cr_assert_eq(owner_count(), 2);
    cr_assert_eq(contract_number(session, "SELECT created_us FROM {farm_role_entity}"),
                 CONTRACT_NOW_US);
    contract_assert_sound(session);
}

Test(roles, repeating_a_grant_changes_nothing) {
    act_as("ann");
    cr_assert_eq(grant("bob", FARM_ROLE_OWNER), FARM_OK);
    cr_assert_eq(grant("bob", FARM_ROLE_MEMBER), FARM_OK);
    act_as_service();
    set_clock(SECOND_US);

    cr_assert_eq(grant("bob", FARM_ROLE_OWNER), FARM_OK);
    cr_assert_eq(grant("bob", FARM_ROLE_MEMBER), FARM_OK);

    cr_assert_eq(owner_count(), 2);
    cr_assert_eq(grant_count(), 3);
    cr_assert_eq(contract_number(session, "SELECT COUNT(*) FROM {farm_role_grant} "
                                          "WHERE subject = 'bob' AND granted_by = 'ann'"),
                 2);
    cr_assert_eq(contract_number(session, "SELECT MAX(granted_us) FROM {farm_role_grant}"),
                 CONTRACT_NOW_US);
    contract_assert_sound(session);
}

Test(roles, repeating_a_revocation_changes_nothing) {
    cr_assert_eq(grant("bob", FARM_ROLE_OWNER), FARM_OK);
    cr_assert_eq(grant("cem", FARM_ROLE_OWNER), FARM_OK);
    cr_assert_eq(revoke("bob", FARM_ROLE_OWNER), FARM_OK);

    cr_assert_eq(revoke("bob", FARM_ROLE_OWNER), FARM_OK);
    cr_assert_eq(revoke("bob", FARM_ROLE_VIEWER), FARM_OK);
    cr_assert_eq(revoke("who", FARM_ROLE_OWNER), FARM_OK);

    cr_assert_eq(owner_count(), 2);
    cr_assert_eq(grant_count(), 2);
    contract_assert_sound(session);
}

Test(roles, the_last_owner_stays) {
    cr_assert_eq(grant("bob", FARM_ROLE_MANAGER), FARM_OK);

    cr_assert_eq(revoke("ann", FARM_ROLE_OWNER), FARM_EREFUSED);
    cr_assert_eq(farm_session_error_reason(session), FARM_ROLE_REASON_LAST_OWNER);
    cr_assert_str_eq(farm_session_error_text(session), "this is the entity's last owner");
    act_as("ann");
    cr_assert_eq(revoke("ann", FARM_ROLE_OWNER), FARM_EREFUSED);

    act_as_service();
    cr_assert_eq(check_as("ann", FARM_ROLE_CLOSE), FARM_OK);
    cr_assert_eq(owner_count(), 1);
    contract_assert_sound(session);
}

Test(roles, an_owner_may_go_once_there_is_another) {
    act_as("ann");
    cr_assert_eq(grant("bob", FARM_ROLE_OWNER), FARM_OK);

    cr_assert_eq(revoke("ann", FARM_ROLE_OWNER), FARM_OK);

    cr_assert_eq(farm_role_check(session, "shop", FARM_ROLE_READ), FARM_EDENIED);
    act_as("bob");
    cr_assert_eq(revoke("bob", FARM_ROLE_OWNER), FARM_EREFUSED);
    act_as_service();
    contract_assert_sound(session);
}

Test(roles, a_manager_handles_members_and_viewers_only) {
    cr_assert_eq(grant("max", FARM_ROLE_MANAGER), FARM_OK);
    cr_assert_eq(grant("mia", FARM_ROLE_MANAGER), FARM_OK);
    act_as("max");

    cr_assert_eq(grant("bob", FARM_ROLE_MEMBER), FARM_OK);
    cr_assert_eq(grant("bob", FARM_ROLE_VIEWER), FARM_OK);
    cr_assert_eq(revoke("bob", FARM_ROLE_VIEWER), FARM_OK);
    static const int32_t above[] = {FARM_ROLE_OWNER, FARM_ROLE_MANAGER, FARM_ROLE_SERVICE};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(grant("max", above[i]), FARM_EDENIED);
        cr_assert_eq(farm_session_error_reason(session), FARM_ROLE_REASON_NOT_ALLOWED);
        cr_assert_eq(revoke("ann", above[i]), FARM_EDENIED);
    }
    cr_assert_eq(revoke("mia", FARM_ROLE_MANAGER), FARM_EDENIED);
    cr_assert_eq(revoke("max", FARM_ROLE_MANAGER), FARM_OK);

    cr_assert_eq(grant("bob", FARM_ROLE_MEMBER), FARM_EDENIED);
}

Test(roles, everybody_may_give_up_his_own_and_strangers_learn_nothing) {
    cr_assert_eq(grant("vic", FARM_ROLE_VIEWER), FARM_OK);
    act_as("vic");

    cr_assert_eq(revoke("vic", FARM_ROLE_VIEWER), FARM_OK);
    cr_assert_eq(revoke("vic", FARM_ROLE_VIEWER), FARM_OK);
    cr_assert_eq(farm_role_revoke(session, "nowhere", "vic", FARM_ROLE_OWNER), FARM_OK);

    cr_assert_eq(revoke("ann", FARM_ROLE_OWNER), FARM_EDENIED);
    cr_assert_eq(grant("vic", FARM_ROLE_VIEWER), FARM_EDENIED);
    cr_assert_eq(farm_role_grant(session, "nowhere", "vic", FARM_ROLE_VIEWER, 0), FARM_EDENIED);
    act_as(NULL);
    cr_assert_eq(revoke("vic", FARM_ROLE_VIEWER), FARM_EDENIED);
    cr_assert_eq(grant("vic", FARM_ROLE_VIEWER), FARM_EDENIED);
}

Test(roles, what_nobody_founded_can_be_given_to_nobody) {
    for (int32_t role = 1; role <= ROLE_COUNT; role++) {
        cr_assert_eq(farm_role_grant(session, "nowhere", "bob", role, 0), FARM_ENOTFOUND);
        cr_assert_eq(farm_session_error_reason(session), FARM_ROLE_REASON_UNKNOWN_ENTITY);
        cr_assert_eq(farm_role_revoke(session, "nowhere", "bob", role), FARM_ENOTFOUND);
    }

    cr_assert_eq(grant_count(), 1);
}

Test(roles, wrong_arguments_are_refused_and_change_nothing) {
    for (size_t i = 0; i < CONTRACT_BAD_TEXT_COUNT; i++) {
        const char *bad = contract_bad_texts[i];
        cr_assert_eq(farm_role_found(session, bad, "ann"), FARM_EINVAL);
        cr_assert_eq(farm_role_found(session, "stall", bad), FARM_EINVAL);
        cr_assert_eq(farm_role_grant(session, bad, "bob", FARM_ROLE_VIEWER, 0), FARM_EINVAL);
        cr_assert_eq(farm_role_grant(session, "shop", bad, FARM_ROLE_VIEWER, 0), FARM_EINVAL);
        cr_assert_eq(farm_role_revoke(session, bad, "ann", FARM_ROLE_OWNER), FARM_EINVAL);
        cr_assert_eq(farm_role_revoke(session, "shop", bad, FARM_ROLE_OWNER), FARM_EINVAL);
        cr_assert_eq(farm_role_check(session, bad, FARM_ROLE_READ), FARM_EINVAL);
    }
    static const int32_t no_roles[] = {0, ROLE_COUNT + 1, -1, INT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(grant("bob", no_roles[i]), FARM_EINVAL);
        cr_assert_eq(revoke("ann", no_roles[i]), FARM_EINVAL);
    }
    cr_assert_eq(farm_role_check(session, "shop", 0), FARM_EINVAL);
    cr_assert_eq(farm_role_check(session, "shop", OPERATION_COUNT + 1), FARM_EINVAL);
    cr_assert_eq(farm_role_found(NULL, "shop", "ann"), FARM_EINVAL);
    cr_assert_eq(farm_role_grant(NULL, "shop", "ann", 1, 0), FARM_EINVAL);
    cr_assert_eq(farm_role_revoke(NULL, "shop", "ann", 1), FARM_EINVAL);
    cr_assert_eq(farm_role_check(NULL, "shop", 1), FARM_EINVAL);

    cr_assert_eq(grant_count(), 1);
    cr_assert_eq(contract_count(session, "farm_role_entity"), 1);
}

Test(roles, the_longest_names_pass) {
    cr_assert_eq(farm_role_found(session, contract_longest, contract_longest), FARM_OK);
    act_as(contract_longest);
    cr_assert_eq(farm_role_grant(session, contract_longest, "bob", FARM_ROLE_MEMBER, 0), FARM_OK);
    farm_role_grant_row rows[2] = {{.struct_size = sizeof rows[0]},
                                   {.struct_size = sizeof rows[0]}};
    size_t count = 0;

    cr_assert_eq(farm_role_list(session, contract_longest, NULL, 0, rows, 2, &count), FARM_OK);

    cr_assert_eq(count, 2);
    cr_assert_str_eq(rows[0].granted_by, contract_longest);
    cr_assert_str_eq(rows[1].subject, contract_longest);
}

Test(roles, a_transaction_sees_its_own_grants_and_takes_them_back) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(grant("bob", FARM_ROLE_OWNER), FARM_OK);
    cr_assert_eq(check_as("bob", FARM_ROLE_CLOSE), FARM_OK);
    cr_assert_eq(revoke("ann", FARM_ROLE_OWNER), FARM_OK);
    cr_assert_eq(check_as("ann", FARM_ROLE_READ), FARM_EDENIED);
    cr_assert_eq(farm_role_found(session, "stall", "ann"), FARM_OK);

    farm_rollback(session);

    cr_assert_eq(check_as("bob", FARM_ROLE_READ), FARM_EDENIED);
    cr_assert_eq(check_as("ann", FARM_ROLE_CLOSE), FARM_OK);
    cr_assert_eq(contract_count(session, "farm_role_entity"), 1);
    contract_assert_sound(session);
}

Test(roles, a_refusal_inside_a_transaction_undoes_itself_alone) {
    cr_assert_eq(farm_begin(session), FARM_OK);
    cr_assert_eq(grant("bob", FARM_ROLE_MEMBER), FARM_OK);

    cr_assert_eq(revoke("ann", FARM_ROLE_OWNER), FARM_EREFUSED);
    cr_assert_eq(farm_role_grant(session, "nowhere", "bob", FARM_ROLE_MEMBER, 0), FARM_ENOTFOUND);
    cr_assert_eq(farm_role_found(session, "shop", "bob"), FARM_EEXISTS);
    cr_assert_eq(check_as("bob", FARM_ROLE_PAY), FARM_EDENIED);
    cr_assert_eq(grant("cem", FARM_ROLE_VIEWER), FARM_OK);

    cr_assert_eq(farm_commit(session), FARM_OK);
    cr_assert_eq(grant_count(), 3);
    cr_assert_eq(owner_count(), 1);
    contract_assert_sound(session);
}

Test(roles, housekeeping_removes_what_has_expired_and_no_more_than_asked) {
    const int64_t end = CONTRACT_NOW_US + SECOND_US;
    for (int i = 0; i < 5; i++) {
        const char subject[] = {(char)('a' + i), '\0'};
        cr_assert_eq(farm_role_grant(session, "shop", subject, FARM_ROLE_MEMBER, end + i / 4),
                     FARM_OK);
    }
    set_clock(SECOND_US);
    farm_maintenance done = {.struct_size = sizeof done};

    cr_assert_eq(farm_maintain(session, 3, &done), FARM_OK);
    cr_assert_eq(done.removed_count, 3);
    cr_assert_eq(farm_maintain(session, 100, &done), FARM_OK);

    cr_assert_eq(done.removed_count, 1);
    cr_assert_eq(grant_count(), 2);
    contract_assert_sound(session);
}

Test(roles, verification_finds_a_wrong_count_of_owners) {
    contract_assert_sound(session);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_role_entity} SET owner_count = 2"),
                 FARM_OK);
    char *text = NULL;

    cr_assert_eq(farm_verify(session, &text), FARM_OK);

    cr_assert_not_null(strstr(text, "\"ok\":false"), "%s", text);
    cr_assert_not_null(strstr(text, "shop"), "%s", text);
    cr_assert_not_null(strstr(text, "owner_count is 2, its owners are 1"), "%s", text);
    farm_free(text);
}

Test(roles, the_store_itself_refuses_what_must_never_be) {
    cr_assert_eq(contract_execute(session, "UPDATE {farm_role_entity} SET owner_count = 0"),
                 FARM_EREFUSED);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_role_grant} SET expires_us = 5"),
                 FARM_EREFUSED);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_role_grant} SET role = 6"), FARM_EREFUSED);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_role_grant} SET subject = ''"),
                 FARM_EREFUSED);
    cr_assert_eq(contract_execute(session, "UPDATE {farm_role_grant} SET entity = 'nowhere'"),
                 FARM_ECONFLICT);
    cr_assert_eq(contract_execute(session, "DELETE FROM {farm_role_entity}"), FARM_ECONFLICT);
}

/* The second line: rows that a statement past the library's rules reads and writes as a user. */
Test(roles, row_policies_hold_where_the_store_has_them) {
    if (!contract_is_postgres()) return;
    cr_assert_eq(farm_role_found(session, "stall", "eve"), FARM_OK);
    cr_assert_eq(grant("bob", FARM_ROLE_VIEWER), FARM_OK);
    cr_assert_eq(grant("sam", FARM_ROLE_SERVICE), FARM_OK);
    static const struct {
        const char *actor;
        int64_t grants, entities;
    } cases[] = {{"ann", 3, 1},  {"bob", 3, 1}, {"eve", 1, 1},
                 {"shop", 3, 1}, {"who", 0, 0}, {NULL, 0, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        act_as(cases[i].actor);
        cr_assert_eq(grant_count(), cases[i].grants, "%zu", i);
        cr_assert_eq(contract_count(session, "farm_role_entity"), cases[i].entities, "%zu", i);
        cr_assert_eq(contract_execute(session, "DELETE FROM {farm_role_grant}"), FARM_OK);
        cr_assert_eq(contract_execute(session, "INSERT INTO {farm_role_grant} VALUES "
                                               "('stall', 'ann', 2, 0, 0, '')"),
                     FARM_EDENIED);
    }
    act_as_service();
    cr_assert_eq(grant_count(), 4);
}
