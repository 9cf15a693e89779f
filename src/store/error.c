/* The last error of a session: what happened, in one line for a person; and the checks of arguments
 * that every module makes. */
#include "base/options.h"
#include "base/text.h"
#include "store/session.h"
#include <string.h>

void error_clear(farm_session *session) {
    store_error_clear(&session->error);
    session->fault_kind = FARM_FAULT_OTHER;
}

static void set_list(farm_error *error, farm_status status, int32_t reason, const char *format,
                     va_list arguments) {
    error->struct_size = sizeof *error;
    error->status = status;
    error->reason = reason;
    text_format_list(error->text, sizeof error->text, format, arguments);
}

farm_status store_fail(farm_session *session, farm_status status, int32_t reason,
                       const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set_list(&session->error, status, reason, format, arguments);
    va_end(arguments);
    return status;
}

farm_error *store_error(farm_session *session) {
    return &session->error;
}

farm_status store_error_fail(farm_error *error, farm_status status, int32_t reason,
                             const char *format, ...) {
    if (error == NULL) return status;
    va_list arguments;
    va_start(arguments, format);
    set_list(error, status, reason, format, arguments);
    va_end(arguments);
    return status;
}

void store_error_clear(farm_error *error) {
    if (error == NULL) return;
    error->struct_size = sizeof *error;
    error->status = FARM_OK;
    error->reason = 0;
    error->text[0] = '\0';
}

farm_status store_take_error(farm_session *session, farm_session *from, farm_status status) {
    if (session != from) {
        session->error = from->error;
        session->fault_kind = from->fault_kind;
    }
    return status;
}

static const store_error_rule *find_rule(uint32_t statement, int32_t kind) {
    for (size_t i = 0; i < store_module_count; i++) {
        const store_module *module = store_modules[i];
        if (statement < module->first || statement >= module->first + module->count) continue;
        for (size_t j = 0; j < module->rule_count; j++)
            if (module->rules[j].statement == statement && module->rules[j].kind == kind)
                return &module->rules[j];
    }
    return NULL;
}

farm_status error_of_call(farm_session *session, const store_batch *batch, farm_status status,
                          const farm_fault *fault) {
    if (status == FARM_OK) return FARM_OK;
    const char *name = "";
    const store_error_rule *rule = NULL;
    session->fault_kind = fault->kind;
    if (batch != NULL && fault->call >= 0 && (size_t)fault->call < batch->count) {
        const farm_statement *statement = batch->calls[fault->call].statement;
        if (statement != NULL) {
            name = statement->name;
            rule = find_rule(statement->number, fault->kind);
        }
    }
    const farm_status said = rule != NULL ? rule->status : status;
    const char *separator = name[0] == '\0' ? "" : ": ";
    return store_fail(session, said, rule != NULL ? rule->reason : 0, "%s%s%s", name, separator,
                      fault->text[0] != '\0' ? fault->text : farm_status_text(said));
}

const farm_error *farm_session_error(const farm_session *session) {
    static const farm_error none = {
        .struct_size = sizeof none, .status = FARM_EINVAL, .text = "the session is NULL"};
    return session == NULL ? &none : &session->error;
}

const char *farm_session_error_text(const farm_session *session) {
    return farm_session_error(session)->text;
}

int32_t farm_session_error_reason(const farm_session *session) {
    return farm_session_error(session)->reason;
}

int32_t store_fault_kind(const farm_session *session) {
    return session->fault_kind;
}

farm_status store_check_key(farm_session *session, const char *name, const char *key) {
    const char *complaint = text_complaint(key, FARM_KEY_MAX);
    if (complaint == NULL) return FARM_OK;
    return store_fail(session, FARM_EINVAL, 0, "%s %s", name, complaint);
}

farm_status store_error_check_range(farm_error *error, const char *name, int64_t value,
                                    int64_t least, int64_t most) {
    if (value >= least && value <= most) return FARM_OK;
    return store_error_fail(error, FARM_EINVAL, 0, "%s is %lld, and must be %lld to %lld", name,
                            (long long)value, (long long)least, (long long)most);
}

farm_status store_check_range(farm_session *session, const char *name, int64_t value, int64_t least,
                              int64_t most) {
    return store_error_check_range(&session->error, name, value, least, most);
}

farm_status store_error_check_options(farm_error *error, const char *name, void *out, size_t size,
                                      const void *source) {
    farm_status status = options_copy(out, size, source);
    if (status == FARM_EINVAL)
        return store_error_fail(error, status, 0, "%s has no sound struct_size", name);
    if (status == FARM_EUNSUPPORTED)
        return store_error_fail(error, status, 0,
                                "%s uses fields that came after version %d.%d.%d of the library",
                                name, FARM_VERSION_MAJOR, FARM_VERSION_MINOR, FARM_VERSION_PATCH);
    return status;
}

farm_status store_check_options(farm_session *session, const char *name, void *out, size_t size,
                                const void *source) {
    return store_error_check_options(&session->error, name, out, size, source);
}
