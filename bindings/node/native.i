/* The typemaps of Node: how an argument, by its type and name, goes in and comes out. What they use
 * stands in napi_glue.h, the functions that they serve in the public headers, how their bodies
 * become synchronous and asynchronous calls in swig/javascript.swg. The layer around it is lib/. */
%module native
%{
using namespace farm_napi;
%}
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned char uint8_t;
typedef unsigned long size_t;
%include "farmcore_common.i"

/* Wrappers have one result, or {states, decision}, or {rows, cursorNs}. */
%define RESULT(made)
    $result = made;
    if ($result == nullptr) SWIG_fail;
%enddef

/* --- statuses become exceptions --------------------------------------------------------------- */
%typemap(out) farm_status {
    if ($1 != FARM_OK) {
        fail(env, error);
        SWIG_fail;
    }
    $result = undefined(env);
}
%typemap(in, numinputs=0) farm_error *error "$1 = &error;"

/* --- handles ---------------------------------------------------------------------------------- */
%define HANDLE(parameter, kind, is_shared)
%typemap(in) parameter (Handle entered) {
    if (!entered.enter(env, $input, kind, is_shared)) SWIG_fail;
    $1 = ($1_ltype)entered.get();
}
%enddef
HANDLE(farm_pool *pool, BOX_POOL, false)
HANDLE(farm_session *running, BOX_SESSION, true)
HANDLE(farm_idempotency *claim, BOX_CLAIM, false)
HANDLE(farm_breakers *breakers, BOX_BREAKERS, true)
HANDLE(farm_rate_local *local, BOX_RATE_LOCAL, true)
/* As above; the wrapper also keeps whose error it is. */
%typemap(in) farm_session *session (Handle entered) {
    if (!entered.enter(env, $input, BOX_SESSION, false)) SWIG_fail;
    $1 = (farm_session *)entered.get();
    session = $1;
}
%define NEW_HANDLE(type, its_kind, its_parent)
%typemap(in, numinputs=0) type **out (NewHandle made) {
    made.kind = its_kind;
    made.parent = its_parent;
    $1 = (type **)&made.handle;
}
%typemap(argout) type **out { RESULT(made$argnum.wrap(env)) }
%enddef
NEW_HANDLE(farm_pool, BOX_POOL, nullptr)
NEW_HANDLE(farm_session, BOX_SESSION, entered1.owner())
NEW_HANDLE(farm_idempotency, BOX_CLAIM, nullptr)
NEW_HANDLE(farm_breakers, BOX_BREAKERS, nullptr)
NEW_HANDLE(farm_rate_local, BOX_RATE_LOCAL, nullptr)
%typemap(in, numinputs=0) farm_rows **out (Rows made) "$1 = &made.rows;"
%typemap(argout) farm_rows **out { RESULT(made$argnum.write(env)) }

/* close(handle): of any kind, idempotent. */
%{
typedef box *any_handle;
static void close_handle(any_handle any) { box_close(any); }
%}
typedef box *any_handle;
%typemap(in) any_handle any (Kept kept) {
    $1 = to_box(env, $input);
    if ($1 == nullptr) SWIG_fail;
    kept.keep($1);
}
%rename(close) close_handle;

/* --- scalars and texts ------------------------------------------------------------------------ */
%typemap(in) farm_status "if (!to_int32(env, $input, &$1)) SWIG_fail;"
%typemap(in) const char * (Text text) {
    if (!text.read(env, $input)) SWIG_fail;
    $1 = text.get();
}
%typemap(in) const char *nullable (Text text) {
    if (!text.read(env, $input, true)) SWIG_fail;
    $1 = text.get();
}
%typemap(argout) const char *, const char *text ""
%typemap(in, numinputs=0) char **out_text (OwnedText made) "$1 = &made.text;"
%typemap(argout) char **out_text { RESULT(from_text(env, *$1)) }
%typemap(in, numinputs=0) char *text (char made[FARM_ID_TEXT_SIZE]) "$1 = made;"
%typemap(argout) char *text { RESULT(from_text(env, $1)) }
%typemap(in) const farm_id *id (farm_id id = {}) {
    if (!to_id(env, $input, &id)) SWIG_fail;
    $1 = &id;
}
%typemap(in, numinputs=0) farm_id *out (farm_id made = {}) "$1 = &made;"
%typemap(argout) farm_id *out { RESULT(from_id(env, *$1)) }

/* --- bytes ------------------------------------------------------------------------------------ */
%typemap(in) (const void *data, size_t data_size) (Bytes bytes) {
    if (!bytes.read(env, $input)) SWIG_fail;
    $1 = (void *)bytes.get();
    $2 = bytes.size();
}
%typemap(in, numinputs=0) size_t *out_size (size_t size = 0) "$1 = &size;"
%typemap(out) const void *farm_idempotency_data "$result = from_bytes(env, $1, *arg2);"

/* A piece of bytes: how large it may be goes in, what it is comes out. */
%typemap(in) (void *data, size_t data_size, size_t *out_size)
    (std::vector<char> piece, int64_t room = 0, size_t written = 0) {
    if (!to_int64_in(env, $input, 1, PIECE_MAX, &room)) SWIG_fail;
    piece.resize((size_t)room);
    $1 = piece.data();
    $2 = piece.size();
    $3 = &written;
}
%typemap(argout) (void *data, size_t data_size, size_t *out_size) {
    RESULT(from_bytes(env, $1, *$3))
}

/* A text of ours: how large it may be goes in, what it is and how large it would be come out. */
%typemap(in) (char *text, size_t size, size_t *out_size)
    (std::vector<char> piece, int64_t room = 0, size_t needed = 0) {
    if (!to_int64_in(env, $input, 1, PIECE_MAX, &room)) SWIG_fail;
    piece.resize((size_t)room);
    $1 = piece.data();
    $2 = piece.size();
    $3 = &needed;
}
%typemap(argout) (char *text, size_t size, size_t *out_size) {
    napi_create_object(env, &$result);
    napi_set_named_property(env, $result, "bytes", from_bytes(env, $1, *$3 < $2 ? *$3 : $2));
    napi_set_named_property(env, $result, "size", from_int64(env, (int64_t)*$3));
}

/* --- records and arrays ----------------------------------------------------------------------- */
%typemap(in) const farm_pool_options *options (Options options) {
    if (!options.read(env, $input)) SWIG_fail;
    $1 = &options.pool;
}
%typemap(in) const farm_breakers_options *options (BreakersOptions options) {
    if (!options.read(env, $input)) SWIG_fail;
    $1 = &options.set;
}
%define RECORD(name, parameter)
%typemap(in) const farm_##name *parameter (Record<farm_##name> given) {
    if (!read_##name(env, $input, &given.record, given.texts)) SWIG_fail;
    $1 = &given.record;
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
%typemap(in, numinputs=0) farm_##name *out (farm_##name made = sized<farm_##name>()) "$1 = &made;"
%typemap(argout) farm_##name *out { RESULT(write_##name(env, *$1)) }
%enddef
RECORD_RESULT(maintenance)
RECORD_RESULT(rate_decision)
RECORD_RESULT(breaker_permit)
RECORD_RESULT(breaker_state)
RECORD_RESULT(ledger_seal)
/* A decision stands beside its states. */
%typemap(argout) farm_rate_decision *out {
    napi_set_named_property(env, $result, "decision", write_rate_decision(env, *$1));
}

%define ARRAY(type, read_item)
%typemap(in) (const type *items, size_t count) (Array<type> array) {
    if (!array.read(env, $input, read_item)) SWIG_fail;
    $1 = array.items.data();
    $2 = array.items.size();
}
%enddef
ARRAY(farm_rate_limit, read_rate_limit)
ARRAY(farm_rate_override, read_rate_override)
ARRAY(farm_topic, read_topic)
ARRAY(farm_rate_request, read_rate_request)
ARRAY(farm_ledger_book, read_ledger_book)
ARRAY(farm_ledger_owner, read_ledger_owner)
ARRAY(farm_ledger_program, read_ledger_program)
ARRAY(farm_ledger_group, read_ledger_group)
ARRAY(farm_ledger_member, read_ledger_member)
%typemap(in) (const farm_ledger_invoice_line *lines, size_t line_count)
    (Array<farm_ledger_invoice_line> array) {
    if (!array.read(env, $input, read_ledger_invoice_line)) SWIG_fail;
    $1 = array.items.data();
    $2 = array.items.size();
}
%typemap(in) (const farm_value *items, size_t count) (Values values) {
    if (!values.read(env, $input)) SWIG_fail;
    $1 = values.array.items.data();
    $2 = values.array.items.size();
}

%define ARRAY_WITH_RESULTS(type, read_item, result, fresh)
%typemap(in) (const type *items, size_t count, result *results)
    (Array<type> array, std::vector<result> made) {
    if (!array.read(env, $input, read_item)) SWIG_fail;
    made.resize(array.items.size(), fresh);
    $1 = array.items.data();
    $2 = array.items.size();
    $3 = made.data();
}
%enddef
ARRAY_WITH_RESULTS(farm_rate_request, read_rate_request, farm_rate_state, sized<farm_rate_state>())
ARRAY_WITH_RESULTS(farm_role_question, read_role_question, farm_status, FARM_OK)
ARRAY_WITH_RESULTS(farm_topic, read_topic, farm_topic_version, 0)
ARRAY_WITH_RESULTS(farm_money_weight, read_money_weight, farm_money_part, 0)
%typemap(argout) (const farm_money_weight *items, size_t count, farm_money_part *results) {
    RESULT(write_array(env, $3, $2, write_int64))
}
%typemap(argout) (const farm_topic *items, size_t count, farm_topic_version *results) {
    RESULT(write_array(env, $3, $2, write_int64))
}
%typemap(argout) (const farm_rate_request *items, size_t count, farm_rate_state *results) {
    napi_create_object(env, &$result);
    napi_set_named_property(env, $result, "states", write_array(env, $3, $2, write_rate_state));
}
%typemap(argout) (const farm_role_question *items, size_t count, farm_status *results) {
    RESULT(write_array(env, $3, $2, write_status))
}
%define ARRAY_WITH_RECORDS(type, read_item, result)
ARRAY_WITH_RESULTS(type, read_item, farm_##result, sized<farm_##result>())
%typemap(argout) (const type *items, size_t count, farm_##result *results) {
    RESULT(write_array(env, $3, $2, write_##result))
}
%enddef
ARRAY_WITH_RECORDS(farm_ledger_account, read_ledger_account, ledger_account_result)
ARRAY_WITH_RECORDS(farm_ledger_transfer, read_ledger_transfer, ledger_transfer_result)
ARRAY_WITH_RECORDS(farm_ledger_payee, read_ledger_payee, ledger_payout)
ARRAY_WITH_RECORDS(farm_ledger_payout_outcome, read_ledger_payout_outcome,
                   ledger_transfer_result)
ARRAY_WITH_RECORDS(farm_ledger_period, read_ledger_period, ledger_total)
ARRAY_WITH_RECORDS(farm_ledger_invoice, read_ledger_invoice, ledger_invoice_result)
ARRAY_WITH_RECORDS(farm_id, read_id, ledger_invoice_row)
ARRAY_WITH_RECORDS(farm_id, read_id, ledger_account)
ARRAY_WITH_RECORDS(farm_id, read_id, ledger_event)
ARRAY_WITH_RECORDS(farm_id, read_id, ledger_ownership)
ARRAY_WITH_RECORDS(farm_id, read_id, ledger_payout)
ARRAY_WITH_RECORDS(farm_id, read_id, ledger_program_row)
ARRAY_WITH_RECORDS(farm_id, read_id, ledger_nominated)
ARRAY_WITH_RECORDS(farm_ledger_nomination, read_ledger_nomination, ledger_nomination_result)
ARRAY_WITH_RECORDS(farm_ledger_withdrawal, read_ledger_withdrawal, ledger_nomination_result)
ARRAY_WITH_RECORDS(farm_id, read_id, ledger_group_total)

%typemap(in, numinputs=0) size_t *out_count (size_t made = 0), size_t *unsaid (size_t made = 0)
    "$1 = &made;"
%typemap(argout) size_t *out_count { RESULT(from_int64(env, (int64_t)*$1)) }
%typemap(argout) size_t *unsaid ""

%typemap(in) (const farm_rate_request *items, size_t count, const farm_rate_state *results)
    (Answer answer) {
    if (!answer.read(env, $input)) SWIG_fail;
    $1 = answer.requests.items.data();
    $2 = answer.requests.items.size();
    $3 = answer.states.items.data();
}
%typemap(argout) (const farm_rate_request *items, size_t count, const farm_rate_state *results) ""

%define ROWS(name, most)
%typemap(in) (farm_##name *rows, size_t capacity, size_t *out_count)
    (std::vector<farm_##name> page, int64_t capacity = 0, size_t count = 0) {
    if (!to_int64_in(env, $input, 0, most, &capacity)) SWIG_fail;
    page.resize((size_t)capacity, sized<farm_##name>());
    $1 = page.data();
    $2 = page.size();
    $3 = &count;
}
%typemap(argout) (farm_##name *rows, size_t capacity, size_t *out_count) {
    RESULT(write_array(env, $1, *$3, write_##name))
}
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
%typemap(in, numinputs=0) int64_t *out_minor (int64_t made = 0) "$1 = &made;"
%typemap(argout) int64_t *out_minor { RESULT(from_int64(env, *$1)) }
/* {lineCount, used} */
%typemap(in, numinputs=0) int64_t *out_line_count (int64_t made = 0) "$1 = &made;"
%typemap(argout) int64_t *out_line_count {
    napi_create_object(env, &$result);
    napi_set_named_property(env, $result, "lineCount", from_int64(env, *$1));
}
%typemap(in, numinputs=0) size_t *out_used (size_t made = 0) "$1 = &made;"
%typemap(argout) size_t *out_used {
    napi_set_named_property(env, $result, "used", from_int64(env, (int64_t)*$1));
}
%typemap(in, numinputs=0) int64_t *out_cursor_ns (int64_t made = 0) "$1 = &made;"
%typemap(argout) int64_t *out_cursor_ns {
    napi_value rows = $result;
    napi_create_object(env, &$result);
    napi_set_named_property(env, $result, "rows", rows);
    napi_set_named_property(env, $result, "cursorNs", from_int64(env, *$1));
}

void close_handle(any_handle any);
%include "functions.i"
