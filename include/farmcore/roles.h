/**
 * @file farmcore/roles.h
 * Who may do what for an entity (a shop, a team, an account). Every later module asks
 * farm_role_check() before it acts for an entity that is not the actor's own.
 *
 * | operation | owner | manager | member | viewer | service |
 * |---|---|---|---|---|---|
 * | read | yes | yes | yes | yes | yes |
 * | write | yes | yes | yes | – | yes |
 * | manage | yes | yes | – | – | – |
 * | export | yes | yes | – | – | yes |
 * | pay | yes | – | – | – | yes |
 * | refund | yes | yes | – | – | yes |
 * | close | yes | – | – | – | – |
 * | grant | yes | yes | – | – | – |
 *
 * "service" here is a role that a machine's account may hold for one entity; the session's service
 * actor stands above the table and may do everything. A manager grants and revokes member and
 * viewer only; an owner every role. An entity always keeps one owner whose grant does not expire.
 * A user is owner of the entity that has his own name, without any row.
 */
#ifndef FARMCORE_ROLES_H
#define FARMCORE_ROLES_H

#include <farmcore/base.h>
#include <farmcore/session.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FARM_ROLE_BATCH_MAX = 1000 /**< checks or rows in one call */ };

/** The roles. */
enum {
    FARM_ROLE_OWNER = 1,
    FARM_ROLE_MANAGER = 2,
    FARM_ROLE_MEMBER = 3,
    FARM_ROLE_VIEWER = 4,
    FARM_ROLE_SERVICE = 5
};

/** What may be done for an entity. */
enum {
    FARM_ROLE_READ = 1,
    FARM_ROLE_WRITE = 2,
    FARM_ROLE_MANAGE = 3,
    FARM_ROLE_EXPORT = 4,
    FARM_ROLE_PAY = 5,
    FARM_ROLE_REFUND = 6,
    FARM_ROLE_CLOSE = 7,
    FARM_ROLE_GRANT = 8
};

/** Why a call was turned down. */
enum {
    FARM_ROLE_REASON_NO_ROLE = 1,     /**< EDENIED: the actor has no role for the entity */
    FARM_ROLE_REASON_NOT_ALLOWED = 2, /**< EDENIED: the actor's roles do not allow the operation */
    FARM_ROLE_REASON_LAST_OWNER = 3,  /**< EREFUSED: the entity would have no owner left */
    FARM_ROLE_REASON_OWNER_EXPIRES = 4, /**< EINVAL: an owner's grant may not expire */
    FARM_ROLE_REASON_UNKNOWN_ENTITY = 5 /**< ENOTFOUND: nobody has founded it */
};

/** A question of farm_role_check_many(). */
typedef struct farm_role_question {
    uint32_t struct_size;
    int32_t operation;  /**< FARM_ROLE_READ … */
    const char *entity; /**< 1 to FARM_KEY_MAX bytes */
} farm_role_question;

/** A row of farm_role_list(). */
typedef struct farm_role_grant_row {
    uint32_t struct_size;
    int32_t role;
    int64_t expires_us; /**< 0: never */
    int64_t granted_us;
    char subject[FARM_KEY_MAX + 1];
    char granted_by[FARM_KEY_MAX + 1]; /**< "" when the service granted it */
} farm_role_grant_row;

/**
 * Whether a role allows an operation: the table at the top of this file.
 *
 * @return 1 or 0; 0 for numbers that are no role or operation. Threads: any. Since 0.1.0.
 */
FARM_API int32_t farm_role_allows(int32_t role, int32_t operation);

/** "owner" … "service". @return static text, "unknown" otherwise. Threads: any. Since 0.1.0. */
FARM_API const char *farm_role_name(int32_t role);

/** "read" … "grant". @return static text, "unknown" otherwise. Threads: any. Since 0.1.0. */
FARM_API const char *farm_role_operation_name(int32_t operation);

/**
 * Found an entity with its first owner. Only the service may. Repeating it with the same owner
 * changes nothing.
 *
 * @param entity 1 to FARM_KEY_MAX bytes. @param subject the owner, likewise.
 * @return FARM_OK
 * @return FARM_EEXISTS the entity is there and this is not one of its owners.
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_role_found(farm_session *session, const char *entity,
                                     const char *subject);

/**
 * Grant a role, or change until when it holds. A subject may have several roles; what he may do is
 * what any of them allows. Repeating it changes nothing.
 *
 * @param role FARM_ROLE_OWNER … @param expires_us when it ends; 0: never; must be in the future.
 * @return FARM_OK
 * @return FARM_EINVAL no such role, an end in the past, an owner whose grant would expire.
 * @return FARM_ENOTFOUND nobody has founded the entity.
 * @return FARM_EDENIED the actor may not grant this role here.
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_role_grant(farm_session *session, const char *entity, const char *subject,
                                     int32_t role, int64_t expires_us);

/**
 * Take a role away, effective with the next call of anyone. Everybody may give up a role of his
 * own; that is FARM_OK also when there is no such entity, so that a stranger learns nothing by it.
 * Repeating it changes nothing.
 *
 * @param role FARM_ROLE_OWNER …
 * @return FARM_OK also when there was no such grant.
 * @return FARM_EREFUSED it is the last owner.
 * @return FARM_EINVAL
 * @return FARM_ENOTFOUND nobody has founded the entity.
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_role_revoke(farm_session *session, const char *entity,
                                      const char *subject, int32_t role);

/**
 * Whether the session's actor may do something for an entity, now: FARM_OK or FARM_EDENIED. Grants
 * are read in the call, so a revocation holds from the next one on; inside farm_begin() the check
 * and what follows see the same rows only as far as the store's isolation goes (docs/roles.md).
 *
 * @param operation FARM_ROLE_READ …
 * @return FARM_OK he may.
 * @return FARM_EDENIED he may not; the reason and the text say why.
 * @return FARM_EINVAL
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_role_check(farm_session *session, const char *entity, int32_t operation);

/**
 * The same for many at once, in one round trip.
 *
 * @param items the questions; struct_size is the same in every element.
 * @param count 1 to FARM_ROLE_BATCH_MAX.
 * @param results receives FARM_OK or FARM_EDENIED for each.
 * @return FARM_OK whatever the results are.
 * @return FARM_EINVAL
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_role_check_many(farm_session *session, const farm_role_question *items,
                                          size_t count, farm_status *results);

/**
 * Who has which role for an entity, expired grants left out, in the order of subject and role. The
 * actor needs FARM_ROLE_READ.
 *
 * @param after_subject, after_role the last row of the page before; NULL and 0: the first page.
 * @param rows receives the page; set struct_size in every element, to the same.
 * @param capacity 1 to FARM_ROLE_BATCH_MAX. @param out_count receives how many; fewer: the end.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_role_list(farm_session *session, const char *entity,
                                    const char *after_subject, int32_t after_role,
                                    farm_role_grant_row *rows, size_t capacity, size_t *out_count);

#ifdef __cplusplus
}
#endif
#endif
