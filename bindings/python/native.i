/* The typemaps of Python: how an argument, by its type and name, goes in and comes out. The C that
 * they call stands in py_glue.h, the functions that they serve in the public headers. The module
 * is farmcore._native; the layer around it is farmcore/. */
%module(package="farmcore", threads="1") native
%include <stdint.i>
%{
#include "py_glue.h"
%}
%include "farmcore_common.i"

%define RESULT(made)
    $result = glue_add_result($result, made);
    if ($result == NULL) SWIG_fail;
%enddef

/* --- statuses become exceptions --------------------------------------------------------------- */
/* The error is the session's, read while that is still this call's, or the one that the call was
 * given; its parameters say which. What begins with _global_ is one variable of the whole
 * wrapper. */
%typemap(out) farm_status (const farm_session *_global_session = NULL,
                           const farm_error *_global_error = NULL) {
    if ($1 != FARM_OK) {
        glue_raise_error($1, _global_session, _global_error);
        SWIG_fail;
    }
    $result = Py_NewRef(Py_None);
}
%typemap(in, numinputs=0) farm_error *error (farm_error error,
                                             const farm_error *_global_error = NULL) {
    memset(&error, 0, sizeof error);
    error.struct_size = sizeof error;
    $1 = &error;
    _global_error = $1;
}

/* --- handles ---------------------------------------------------------------------------------- */
%define HANDLE(parameter, kind, enter, leave)
%typemap(arginit) parameter "entered$argnum = NULL;"
%typemap(in) parameter (box *entered) {
    entered = glue_enter($input, kind, enter);
    if (entered == NULL) SWIG_fail;
    $1 = ($1_ltype)entered->handle;
}
%typemap(freearg) parameter "glue_leave(entered$argnum, leave);"
%enddef
HANDLE(farm_pool *pool, BOX_POOL, box_enter, box_leave)
HANDLE(farm_session *session, BOX_SESSION, box_enter, box_leave)
HANDLE(farm_session *running, BOX_SESSION, box_enter_shared, box_leave_shared)
HANDLE(farm_idempotency *claim, BOX_CLAIM, box_enter, box_leave)
HANDLE(farm_breakers *breakers, BOX_BREAKERS, box_enter_shared, box_leave_shared)
HANDLE(farm_rate_local *local, BOX_RATE_LOCAL, box_enter_shared, box_leave_shared)
/* As above; the wrapper also keeps whose error it is. */
%typemap(in) farm_session *session (box *entered, const farm_session *_global_session = NULL) {
    entered = glue_enter($input, BOX_SESSION, box_enter);
    if (entered == NULL) SWIG_fail;
    $1 = (farm_session *)entered->handle;
    _global_session = $1;
}

%define NEW_HANDLE(type, kind, parent)
%typemap(in, numinputs=0) type **out (type *made = NULL) "$1 = &made;"
%typemap(argout) type **out { RESULT(glue_new_handle(*$1, kind, parent)) }
%enddef
NEW_HANDLE(farm_pool, BOX_POOL, NULL)
NEW_HANDLE(farm_session, BOX_SESSION, entered1)
NEW_HANDLE(farm_idempotency, BOX_CLAIM, NULL)
NEW_HANDLE(farm_breakers, BOX_BREAKERS, NULL)
NEW_HANDLE(farm_rate_local, BOX_RATE_LOCAL, NULL)
%typemap(in, numinputs=0) farm_rows **out (farm_rows *made = NULL) "$1 = &made;"
%typemap(argout) farm_rows **out { RESULT(glue_from_rows(*$1)) }
%typemap(freearg) farm_rows **out "farm_rows_free(made$argnum);"
%native(close) PyObject *glue_close(PyObject *self, PyObject *handle);
%native(set_error_maker) PyObject *glue_set_error_maker(PyObject *self, PyObject *maker);

/* --- scalars and texts ------------------------------------------------------------------------ */
%typemap(in) int32_t, farm_status "if (!glue_int32($input, &$1)) SWIG_fail;"
%typemap(in) int64_t "if (!glue_int64($input, &$1)) SWIG_fail;"
%typemap(out) int32_t "$result = PyLong_FromLong($1);"
%typemap(out) int64_t "$result = PyLong_FromLongLong($1);"
%typemap(out) const char * "$result = glue_from_text($1);"
%typemap(in) const char * "if (!glue_text($input, (const char **)&$1)) SWIG_fail;"
%typemap(in) const char *nullable "if (!glue_text_or_none($input, (const char **)&$1)) SWIG_fail;"
%typemap(freearg) const char *, const char *nullable ""
%typemap(in, numinputs=0) char **out_text (char *made = NULL) "$1 = &made;"
%typemap(argout) char **out_text { RESULT(glue_from_text(*$1)) }
%typemap(freearg) char **out_text "farm_free(made$argnum);"
%typemap(in, numinputs=0) char *text (char made[FARM_ID_TEXT_SIZE]) "$1 = made;"
%typemap(argout) char *text { RESULT(glue_from_text($1)) }
%typemap(argout) const char *text ""
%typemap(in) const farm_id *id (farm_id id) "if (!glue_id($input, &id)) SWIG_fail; $1 = &id;"
%typemap(in, numinputs=0) farm_id *out (farm_id made) "memset(&made, 0, sizeof made); $1 = &made;"
%typemap(argout) farm_id *out { RESULT(glue_from_id($1)) }

/* --- bytes ------------------------------------------------------------------------------------ */
%typemap(arginit) (const void *data, size_t data_size) "view$argnum.obj = NULL;"
%typemap(in) (const void *data, size_t data_size) (Py_buffer view) {
    if (PyObject_GetBuffer($input, &view, PyBUF_SIMPLE) != 0) SWIG_fail;
    $1 = view.buf;
    $2 = (size_t)view.len;
}
%typemap(freearg) (const void *data, size_t data_size)
    "if (view$argnum.obj != NULL) PyBuffer_Release(&view$argnum);"
%typemap(in, numinputs=0) size_t *out_size (size_t size = 0) "$1 = &size;"
%typemap(out) const void *farm_idempotency_data "$result = glue_from_bytes($1, *arg2);"

/* A piece of bytes: how large it may be goes in, what it is comes out. */
%typemap(arginit) (void *data, size_t data_size, size_t *out_size) "piece$argnum = NULL;"
%typemap(in) (void *data, size_t data_size, size_t *out_size)
    (void *piece, int64_t room, size_t size) {
    if (!glue_in_range($input, 1, GLUE_PIECE_MAX, &room)) SWIG_fail;
    piece = glue_new_results((size_t)room, 1, 0);
    if (piece == NULL) SWIG_fail;
    size = 0;
    $1 = piece;
    $2 = (size_t)room;
    $3 = &size;
}
%typemap(argout) (void *data, size_t data_size, size_t *out_size) {
    RESULT(glue_from_bytes($1, *$3))
}
%typemap(freearg) (void *data, size_t data_size, size_t *out_size) "PyMem_Free(piece$argnum);"

/* A text of ours: how large it may be goes in, what it is and how large it would be come out. */
%typemap(arginit) (char *text, size_t size, size_t *out_size) "piece$argnum = NULL;"
%typemap(in) (char *text, size_t size, size_t *out_size)
    (void *piece, int64_t room, size_t needed) {
    if (!glue_in_range($input, 1, GLUE_PIECE_MAX, &room)) SWIG_fail;
    piece = glue_new_results((size_t)room, 1, 0);
    if (piece == NULL) SWIG_fail;
    needed = 0;
    $1 = piece;
    $2 = (size_t)room;
    $3 = &needed;
}
%typemap(argout) (char *text, size_t size, size_t *out_size) {
    RESULT(glue_from_bytes($1, *$3 < $2 ? *$3 : $2))
    RESULT(PyLong_FromSize_t(*$3))
}
%typemap(freearg) (char *text, size_t size, size_t *out_size) "PyMem_Free(piece$argnum);"

/* --- records and arrays ----------------------------------------------------------------------- */
%typemap(in) const farm_pool_options *options (glue_options options) {
    if (!glue_read_options($input, &options)) SWIG_fail;
    $1 = &options.pool;
}
%typemap(in) const farm_breakers_options *options (glue_breakers_pair options) {
    if (!glue_read_breakers_pair($input, &options)) SWIG_fail;
    $1 = &options.set;
}
%define RECORD(name, parameter)
%typemap(in) const farm_##name *parameter (farm_##name given) {
    if (!glue_read_##name($input, &given)) SWIG_fail;
    $1 = &given;
}
%enddef
RECORD(idempotency_options, options)
RECORD(rate_local_options, options)
RECORD(breaker_options, options)
RECORD(breaker_permit, permit)
RECORD(rate_decision, decision)
RECORD(redact_options, options)
RECORD(ledger_query, query)
RECORD(ledger_nomination_query, query)
RECORD(ledger_seal, known)
RECORD(ledger_period, period)
RECORD(ledger_payout_rules, rules)
RECORD(ledger_payout_run, run)

%define RECORD_RESULT(name)
%typemap(in, numinputs=0) farm_##name *out (farm_##name made) {
    memset(&made, 0, sizeof made);
    made.struct_size = sizeof made;
    $1 = &made;
}
%typemap(argout) farm_##name *out { RESULT(glue_write_##name($1)) }
%enddef
RECORD_RESULT(maintenance)
RECORD_RESULT(rate_decision)
RECORD_RESULT(breaker_permit)
RECORD_RESULT(breaker_state)
RECORD_RESULT(ledger_seal)

%define ARRAY(type, read)
%typemap(arginit) (const type *items, size_t count) "memset(&array$argnum, 0, sizeof array$argnum);"
%typemap(in) (const type *items, size_t count) (glue_array array) {
    if (!glue_read_array($input, sizeof(type), read, &array)) SWIG_fail;
    $1 = ($1_ltype)array.items;
    $2 = array.count;
}
%typemap(freearg) (const type *items, size_t count) "glue_free_array(&array$argnum);"
%enddef
ARRAY(farm_value, glue_read_value)
ARRAY(farm_topic, glue_read_topic)
ARRAY(farm_rate_limit, glue_read_rate_limit)
ARRAY(farm_rate_override, glue_read_rate_override)
ARRAY(farm_rate_request, glue_read_rate_request)
ARRAY(farm_ledger_book, glue_read_ledger_book)
ARRAY(farm_ledger_owner, glue_read_ledger_owner)
ARRAY(farm_ledger_program, glue_read_ledger_program)
ARRAY(farm_ledger_group, glue_read_ledger_group)
ARRAY(farm_ledger_member, glue_read_ledger_member)
%typemap(arginit) (const farm_ledger_invoice_line *lines, size_t line_count)
    "memset(&array$argnum, 0, sizeof array$argnum);"
%typemap(in) (const farm_ledger_invoice_line *lines, size_t line_count) (glue_array array) {
    if (!glue_read_array($input, sizeof(farm_ledger_invoice_line), glue_read_ledger_invoice_line,
                         &array))
        SWIG_fail;
    $1 = ($1_ltype)array.items;
    $2 = array.count;
}
%typemap(freearg) (const farm_ledger_invoice_line *lines, size_t line_count)
    "glue_free_array(&array$argnum);"

%define ARRAY_WITH_RESULTS(type, read, result, struct_size, write)
%typemap(arginit) (const type *items, size_t count, result *results)
    "memset(&array$argnum, 0, sizeof array$argnum); results$argnum = NULL;"
%typemap(in) (const type *items, size_t count, result *results) (glue_array array, void *results) {
    if (!glue_read_array($input, sizeof(type), read, &array)) SWIG_fail;
    results = glue_new_results(array.count, sizeof(result), struct_size);
    if (results == NULL) SWIG_fail;
    $1 = ($1_ltype)array.items;
    $2 = array.count;
    $3 = ($3_ltype)results;
}
%typemap(argout) (const type *items, size_t count, result *results) {
    RESULT(glue_write_array($3, sizeof(result), $2, write))
}
%typemap(freearg) (const type *items, size_t count, result *results)
    "glue_free_array(&array$argnum); PyMem_Free(results$argnum);"
%enddef
ARRAY_WITH_RESULTS(farm_topic, glue_read_topic, farm_topic_version, 0, glue_write_int64)
ARRAY_WITH_RESULTS(farm_money_weight, glue_read_money_weight, farm_money_part, 0, glue_write_int64)
ARRAY_WITH_RESULTS(farm_role_question, glue_read_role_question, farm_status, 0, glue_write_status)
%define ARRAY_WITH_RECORDS(type, read, result)
ARRAY_WITH_RESULTS(type, read, farm_##result, sizeof(farm_##result), glue_write_##result)
%enddef
ARRAY_WITH_RECORDS(farm_rate_request, glue_read_rate_request, rate_state)
ARRAY_WITH_RECORDS(farm_ledger_account, glue_read_ledger_account, ledger_account_result)
ARRAY_WITH_RECORDS(farm_ledger_transfer, glue_read_ledger_transfer, ledger_transfer_result)
ARRAY_WITH_RECORDS(farm_ledger_payee, glue_read_ledger_payee, ledger_payout)
ARRAY_WITH_RECORDS(farm_ledger_payout_outcome, glue_read_ledger_payout_outcome,
                   ledger_transfer_result)
ARRAY_WITH_RECORDS(farm_ledger_period, glue_read_ledger_period, ledger_total)
ARRAY_WITH_RECORDS(farm_ledger_invoice, glue_read_ledger_invoice, ledger_invoice_result)
ARRAY_WITH_RECORDS(farm_id, glue_read_id, ledger_invoice_row)
ARRAY_WITH_RECORDS(farm_id, glue_read_id, ledger_account)
ARRAY_WITH_RECORDS(farm_id, glue_read_id, ledger_event)
ARRAY_WITH_RECORDS(farm_id, glue_read_id, ledger_ownership)
ARRAY_WITH_RECORDS(farm_id, glue_read_id, ledger_payout)
ARRAY_WITH_RECORDS(farm_id, glue_read_id, ledger_program_row)
ARRAY_WITH_RECORDS(farm_id, glue_read_id, ledger_nominated)
ARRAY_WITH_RECORDS(farm_ledger_nomination, glue_read_ledger_nomination, ledger_nomination_result)
ARRAY_WITH_RECORDS(farm_ledger_withdrawal, glue_read_ledger_withdrawal, ledger_nomination_result)
ARRAY_WITH_RECORDS(farm_id, glue_read_id, ledger_group_total)

%typemap(in, numinputs=0) size_t *out_count (size_t made = 0), size_t *unsaid (size_t made = 0)
    "$1 = &made;"
%typemap(argout) size_t *out_count { RESULT(PyLong_FromSize_t(*$1)) }
%typemap(argout) size_t *unsaid ""

%typemap(arginit) (const farm_rate_request *items, size_t count, const farm_rate_state *results)
    "memset(&answer$argnum, 0, sizeof answer$argnum);"
%typemap(in) (const farm_rate_request *items, size_t count, const farm_rate_state *results)
    (glue_answer answer) {
    if (!glue_read_answer($input, &answer)) SWIG_fail;
    $1 = ($1_ltype)answer.requests.items;
    $2 = answer.requests.count;
    $3 = ($3_ltype)answer.states.items;
}
%typemap(argout) (const farm_rate_request *items, size_t count, const farm_rate_state *results) ""
%typemap(freearg) (const farm_rate_request *items, size_t count, const farm_rate_state *results)
    "glue_free_array(&answer$argnum.requests); glue_free_array(&answer$argnum.states);"

%define ROWS(name, most)
%typemap(arginit) (farm_##name *rows, size_t capacity, size_t *out_count) "rows$argnum = NULL;"
%typemap(in) (farm_##name *rows, size_t capacity, size_t *out_count)
    (void *rows, int64_t capacity, size_t count) {
    if (!glue_in_range($input, 0, most, &capacity)) SWIG_fail;
    rows = glue_new_results((size_t)capacity, sizeof(farm_##name), sizeof(farm_##name));
    if (rows == NULL) SWIG_fail;
    count = 0;
    $1 = ($1_ltype)rows;
    $2 = (size_t)capacity;
    $3 = &count;
}
%typemap(argout) (farm_##name *rows, size_t capacity, size_t *out_count) {
    RESULT(glue_write_array($1, sizeof(farm_##name), *$3, glue_write_##name))
}
%typemap(freearg) (farm_##name *rows, size_t capacity, size_t *out_count)
    "PyMem_Free(rows$argnum);"
%enddef
ROWS(role_grant_row, FARM_ROLE_BATCH_MAX)
ROWS(breaker_state, FARM_BREAKER_LIST_MAX)
ROWS(breaker_event, FARM_BREAKER_LIST_MAX)
ROWS(ledger_event, FARM_LEDGER_BATCH_MAX)
ROWS(ledger_difference, FARM_LEDGER_BATCH_MAX)
ROWS(ledger_total_difference, FARM_LEDGER_BATCH_MAX)
ROWS(ledger_seal, FARM_LEDGER_BATCH_MAX)
ROWS(ledger_nomination_row, FARM_LEDGER_BATCH_MAX)
ROWS(ledger_total, FARM_LEDGER_BATCH_MAX)
ROWS(ledger_account, FARM_LEDGER_BATCH_MAX)
ROWS(ledger_invoice_row, FARM_LEDGER_BATCH_MAX)
ROWS(ledger_invoice_line_row, FARM_LEDGER_BATCH_MAX)
%typemap(in, numinputs=0) int64_t *out_cursor_ns (int64_t made = 0) "$1 = &made;"
%typemap(argout) int64_t *out_cursor_ns { RESULT(PyLong_FromLongLong(*$1)) }
%typemap(in, numinputs=0) int64_t *out_line_count (int64_t made = 0) "$1 = &made;"
%typemap(argout) int64_t *out_line_count { RESULT(PyLong_FromLongLong(*$1)) }
%typemap(in, numinputs=0) size_t *out_used (size_t made = 0) "$1 = &made;"
%typemap(argout) size_t *out_used { RESULT(PyLong_FromSize_t(*$1)) }

%typemap(in, numinputs=0) int64_t *out_minor (int64_t made = 0) "$1 = &made;"
%typemap(argout) int64_t *out_minor { RESULT(PyLong_FromLongLong(*$1)) }

/* --- what never waits keeps the GIL ----------------------------------------------------------- */
%nothread farm_version;
%nothread farm_status_name;
%nothread farm_status_text;
%nothread farm_status_is_retryable;
%nothread farm_id_to_text;
%nothread farm_id_from_text;
%nothread farm_id_new;
%nothread farm_session_set_actor;
%nothread farm_session_set_service;
%nothread farm_session_set_timeout_us;
%nothread farm_session_set_clock_us;
%nothread farm_session_now_us;
%nothread interrupt_session;
%nothread farm_rate_headers;
%nothread farm_rate_legacy_headers;
%nothread farm_rate_problem;
%nothread farm_rate_local_set_clock_us;
%nothread farm_rate_local_take;
%nothread farm_rate_local_peek;
%nothread farm_rate_local_refund;
%nothread farm_rate_local_release;
%nothread farm_rate_local_renew;
%nothread farm_rate_local_reset;
%nothread farm_rate_local_headers;
%nothread farm_rate_local_legacy_headers;
%nothread farm_rate_local_problem;
%nothread farm_idempotency_outcome;
%nothread farm_idempotency_step;
%nothread farm_idempotency_code;
%nothread farm_idempotency_retry_after_us;
%nothread farm_idempotency_data;
%nothread farm_role_allows;
%nothread farm_role_name;
%nothread farm_role_operation_name;
%nothread farm_money_from_text;
%nothread farm_money_to_text;
%nothread farm_money_scale;
%nothread farm_money_split;
%nothread farm_ledger_account_status_name;
%nothread farm_ledger_account_status_text;
%nothread farm_ledger_transfer_status_name;
%nothread farm_ledger_transfer_status_text;
%nothread farm_ledger_nomination_status_name;
%nothread farm_ledger_nomination_status_text;
%nothread farm_ledger_invoice_status_name;
%nothread farm_ledger_invoice_status_text;
%nothread farm_breakers_set_clock_us;
%nothread farm_breaker_define;
%nothread farm_breaker_allow;
%nothread farm_breaker_report;
%nothread farm_breaker_set;
%nothread farm_breaker_look;
%nothread farm_breaker_list;
%nothread farm_breaker_events;
%nothread farm_breaker_state_name;
%nothread farm_breaker_outcome;

%include "functions.i"
