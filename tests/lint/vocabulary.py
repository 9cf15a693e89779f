"""What the parameters of public functions are called, by type: the bindings go by type and name."""
import re

from _source import Rule, exported

KEY = r"const char \*"
COUNT = r"size_t"
NUMBER = r"int32_t"
TIME = r"int64_t"
# Out-parameters come last and are named out or out_…; what is written to beside them is an array of
# results or rows, or the error of a call that has no session.
NAMES = {
    "out": r"(const )?farm_\w+ \*{1,2}",
    "out_text": r"char \*\*",
    "out_size": r"size_t \*",
    "out_count": r"size_t \*",
    "out_cursor_ns": r"int64_t \*",
    "out_line_count": r"int64_t \*", "out_used": r"size_t \*",
    "out_minor": r"int64_t \*",
    "results": r"(const )?farm_\w+ \*",
    "rows": r"(const )?farm_\w+ \*",
    "error": r"farm_error \*",
    "items": r"const farm_\w+ \*",
    "count": COUNT, "capacity": COUNT, "size": COUNT, "data_size": COUNT, "row": COUNT,
    "column": COUNT, "budget_count": TIME,
    "data": r"(const )?void \*", "native": r"void \*",
    "key": KEY, "uri": KEY, "owner": KEY, "operation": rf"{KEY}|{NUMBER}", "entity": KEY,
    "subject": KEY, "after_subject": KEY, "text": r"(const )?char \*",
    "id": r"const farm_id \*",
    "session": r"(const )?(struct )?farm_session \*", "pool": r"(const )?farm_pool \*",
    "claim": r"(const )?farm_idempotency \*", "backend": r"const farm_backend \*",
    "connection": r"struct (sqlite3|pg_conn) \*",
    "allocator": r"const farm_allocator \*", "options": r"const (struct )?farm_\w+_options \*",
    "query": r"const farm_\w+_query \*",
    "decision": r"const farm_\w+_decision \*",
    "is_shadow": NUMBER, "is_repair": NUMBER, "scale": NUMBER, "format": NUMBER,
    "status": "farm_status", "role": NUMBER, "after_role": NUMBER, "step": NUMBER, "code": NUMBER,
    "queue": r"(const )?farm_queue \*", "ticket": "farm_ticket",
    "timeout_us": TIME, "now_us": TIME, "expires_us": TIME, "timestamp_ns": TIME,
    "until_us": TIME, "at_us": TIME,
    "amount_minor": TIME, "from_minor": TIME, "to_minor": TIME, "book": TIME, "through_us": TIME,
    "line_count": rf"{TIME}|{COUNT}", "lines": r"const farm_ledger_invoice_line \*",
    "series": KEY, "after_line": TIME,
    "local": r"farm_rate_local \*",
    "breakers": r"farm_breakers \*", "permit": r"const farm_breaker_permit \*", "state": NUMBER,
    "outcome": NUMBER, "duration_us": TIME, "after_sequence": TIME,
    "after_number": TIME, "after_ns": TIME, "known": r"const farm_ledger_seal \*",
    "period": r"const farm_ledger_period \*", "after_code": NUMBER,
    "rules": r"const farm_ledger_payout_rules \*", "run": r"const farm_ledger_payout_run \*",
    "run_id": r"const farm_id \*",
}
RETURNS = r"void|farm_status|u?int(32|64)_t|size_t|void \*|const (char|void|farm_\w+) \*"
# What one must come with: the next parameter's name.
FOLLOWED = {"items": "count", "lines": "line_count",
            "data": r"\w*size", "rows": "capacity", "capacity": "out_count"}
# Functions with a status that are called before there is a session, or without one.
SESSIONLESS = {"farm_allocator_set", "farm_backend_register", "farm_id_from_text",
               "farm_rate_local_headers", "farm_rate_local_legacy_headers",
               "farm_rate_local_problem", "farm_money_from_text", "farm_money_to_text",
               "farm_money_split", "farm_redact_text", "farm_redact_json"}
# Memory in the manner of the C library, and rows as an object rather than an array.
LONE = {("farm_free", "data")} | {(f"farm_rows_{verb}", "rows") for verb in
                                  ("count", "column_count", "value", "free")}


def complaints(function):
    names = [parameter.name for parameter in function.parameters]
    outs = [bool(re.match(r"(out|error)(_|$)", name)) for name in names]
    if not re.fullmatch(RETURNS, function.type):
        yield f"returns {function.type}"
    if outs != sorted(outs):
        yield "an out-parameter stands before another"
    if (function.type == "farm_status" and function.name not in SESSIONLESS
            and not function.name.endswith("_new")
            and names[:1] not in (["session"], ["pool"], ["queue"], ["breakers"],
                                      ["local"])):
        yield "does not take the session first"
    for place, (kind, name) in enumerate(function.parameters):
        if not re.fullmatch(NAMES.get(name, "(?!)"), kind):
            yield f"{kind}{name} is not of the vocabulary"
        after = names[place + 1] if place + 1 < len(names) else ""
        if (name in FOLLOWED and (function.name, name) not in LONE
                and not re.fullmatch(FOLLOWED[name], after)):
            yield f"{name} is not followed by {FOLLOWED[name]}"


rule = Rule(__doc__)
for path in rule.files(".h", under=("include",)):
    for function in exported(path.read_text()):
        if function.parameters is not None:
            for complaint in complaints(function):
                rule.find(path, function.line, f"{function.name}: {complaint}")
rule.end()
