"""The generated module under the layer: its constants, handles and converters."""
import datetime
import enum
import uuid

import pytest

import farmcore as fc
from farmcore import _native as native
from farmcore import errors, rate, roles

ENUMS = [(fc.Status, ""), (fc.RateScope, "RATE_SCOPE_"), (fc.RateReason, "RATE_REASON_"),
         (fc.RateAlgorithm, "RATE_ALGORITHM_"), (fc.RateCalendar, "RATE_CALENDAR_"),
         (fc.RateChange, "RATE_CHANGE_"), (fc.RateOnError, "RATE_ON_ERROR_"),
         (fc.RateRule, "RATE_RULE_"), (fc.RateSource, "RATE_SOURCE_"),
         (fc.Outcome, "IDEMPOTENCY_"), (fc.IdempotencyReason, "IDEMPOTENCY_REASON_"),
         (fc.BreakerState, "BREAKER_"), (fc.CallOutcome, "BREAKER_"),
         (fc.BreakerCause, "BREAKER_CAUSE_"),
         (fc.Role, "ROLE_"), (fc.Operation, "ROLE_"), (fc.RoleReason, "ROLE_REASON_"),
         (fc.AccountFlags, "LEDGER_ACCOUNT_"), (fc.AccountStatus, "LEDGER_ACCOUNT_"),
         (fc.TransferFlags, "LEDGER_"), (fc.TransferConditions, "LEDGER_IF_"),
         (fc.TransferStatus, "LEDGER_TRANSFER_"), (fc.TransferKind, "LEDGER_KIND_"),
         (fc.LedgerReason, "LEDGER_REASON_"), (fc.QueryFlags, "LEDGER_QUERY_"),
         (fc.ExportFormat, "LEDGER_FORMAT_"), (fc.PayeeFlags, "LEDGER_PAYEE_"),
         (fc.PayoutReason, "LEDGER_PAYOUT_"), (fc.PayoutOutcome, "LEDGER_OUTCOME_"),
         (fc.InvoiceStatus, "LEDGER_INVOICE_"),
         (fc.NominationStatus, "LEDGER_NOMINATION_"),
         (fc.RedactRules, "REDACT_"), (fc.RedactAction, "REDACT_ACTION_")]


def constants(prefix):
    return {name[len(prefix):] for name in dir(native)
            if name.startswith(prefix) and isinstance(getattr(native, name), int)}


@pytest.mark.parametrize("kind, prefix", ENUMS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_enums_are_those_of_the_headers(kind, prefix):
    assert issubclass(kind, (enum.IntEnum, enum.IntFlag))
    for member in kind:
        assert getattr(native, prefix + member.name) == member


def test_no_constant_of_an_enum_is_missing():
    for kind, prefix in ENUMS:
        if prefix.startswith("RATE_"):
            assert constants(prefix) == set(kind.__members__)
    assert constants("IDEMPOTENCY_REASON_") == set(fc.IdempotencyReason.__members__)
    assert constants("ROLE_REASON_") == set(fc.RoleReason.__members__)
    assert constants("BREAKER_CAUSE_") == set(fc.BreakerCause.__members__)
    limits = {"BATCH_MAX", "ASSET_MAX", "SCALE_MAX", "CODE_MAX", "SCAN_MAX", "REFUND_MAX",
              "EXPORT_SIZE_MIN", "HASH_SIZE", "GROUP_DEPTH_MAX", "LINE_MAX", "SERIES_MAX",
              "LINE_TEXT_MAX"}
    assert constants("LEDGER_") - limits == {
        prefix[len("LEDGER_"):] + name for kind, prefix in ENUMS if prefix.startswith("LEDGER_")
        for name in kind.__members__}
    limits = {"BUCKET_MAX", "PROBE_MAX", "LIST_MAX"}
    assert {name for name in constants("BREAKER_") if not name.startswith("CAUSE_")} - limits \
        == set(fc.BreakerState.__members__) | set(fc.CallOutcome.__members__)
    statuses = {name for name in constants("") if name[0] == "E" and name != "ERROR_TEXT_SIZE"}
    assert statuses | {"OK"} == set(fc.Status.__members__)
    own = {"BATCH_MAX"} | {f"REASON_{name}" for name in fc.RoleReason.__members__}
    assert constants("ROLE_") - own == set(fc.Role.__members__) | set(fc.Operation.__members__)


def test_every_status_has_its_class_and_its_names():
    for status in list(fc.Status)[1:]:
        error = errors.make(status, 7, "text")
        assert type(error) is not fc.FarmError and isinstance(error, fc.FarmError)
        assert (error.status, error.reason, str(error)) == (status, 7, "text")
        assert error.code == "FARM_" + status.name
        assert native.status_text(status)
    retryable = {status for status in fc.Status if native.status_is_retryable(status)}
    assert retryable == {fc.Status.EAGAIN, fc.Status.ETIMEOUT, fc.Status.EUNAVAILABLE,
                         fc.Status.EUNCERTAIN}
    assert type(errors.make(999, 0, "")) is fc.FarmError


def test_the_ledger_says_what_its_statuses_mean():
    for status in fc.AccountStatus:
        assert native.ledger_account_status_name(status) == status.name
        assert status.text == native.ledger_account_status_text(status) != ""
    for status in fc.TransferStatus:
        assert native.ledger_transfer_status_name(status) == status.name
        assert status.text == native.ledger_transfer_status_text(status) != ""
    for status in fc.NominationStatus:
        assert native.ledger_nomination_status_name(status) == status.name
        assert status.text == native.ledger_nomination_status_text(status) != ""
    assert native.ledger_transfer_status_name(18) == "UNKNOWN"
    for status in fc.InvoiceStatus:
        assert native.ledger_invoice_status_name(status) == status.name
        assert status.text == native.ledger_invoice_status_text(status) != ""


def test_the_version_is_that_of_the_headers():
    assert native.version() == native.VERSION_MAJOR * 1_000_000 + native.VERSION_MINOR * 1000 \
        + native.VERSION_PATCH


def test_ids_go_both_ways():
    text = str(uuid.uuid4())

    assert native.id_from_text(text.upper()) == text == native.id_to_text(text)
    for bad in ("", text[:-1], text + "0", text.replace("-", "x")):
        with pytest.raises(fc.InvalidError):
            native.id_from_text(bad)
        with pytest.raises(fc.InvalidError):
            native.id_to_text(bad)


@pytest.fixture
def pool():
    made = native.pool_new()
    native.pool_open(made, "sqlite::memory:", ((2, 0), (0, 0, None, None)))
    yield made
    native.close(made)


def test_a_pool_opens_once_and_closes_for_all(pool):
    with pytest.raises(fc.InvalidError, match="open already"):
        native.pool_open(pool, "sqlite::memory:", ((0, 0), (0, 0, None, None)))
    native.pool_close(pool)
    with pytest.raises(fc.InvalidError, match="not open"):
        native.pool_acquire(pool, 0)


def test_handles_are_of_their_kind(pool):
    session = native.pool_acquire(pool, -1)
    breakers = native.breakers_new(((1, 1), fc.BreakerOptions().pack()))
    local = native.rate_local_new((0,))

    for act in (lambda: native.pool_acquire(session, 0), lambda: native.migrate(pool),
                lambda: native.migrate(None), lambda: native.idempotency_step(session),
                lambda: native.breaker_look(local, "a"),
                lambda: native.rate_local_reset(breakers, []), lambda: native.close("x"),
                lambda: native.close(datetime.datetime_CAPI), lambda: native.migrate(object())):
        with pytest.raises(TypeError):
            act()


def test_a_session_keeps_its_pool(pool):
    session = native.pool_acquire(pool, 0)
    native.close(pool)

    native.session_set_timeout_us(session, -1)
    native.migrate(session)
    native.begin(session)
    native.rollback(session)
    native.begin(session)
    native.commit(session)
    native.close(session)
    native.close(session)
    with pytest.raises(fc.InvalidError, match="the session is closed"):
        native.migrate(session)


def test_a_session_outlives_the_object_of_its_pool():
    for _ in range(20):
        pool = native.pool_new()
        native.pool_open(pool, "sqlite::memory:", ((1, 0), (0, 0, None, None)))
        session = native.pool_acquire(pool, 0)
        del pool
        native.migrate(session)
        del session


def test_numbers_are_exact_or_turned_down(pool):
    session = native.pool_acquire(pool, 0)
    for number, error in ((2**63, OverflowError), (-(2**63) - 1, OverflowError), (1.0, TypeError),
                          ("1", TypeError), (None, TypeError)):
        with pytest.raises(error):
            native.session_set_clock_us(session, number)
    for number, error in ((2**31, OverflowError), (-(2**31) - 1, OverflowError), (1.0, TypeError)):
        with pytest.raises(error):
            native.role_name(number)
    for capacity in (native.ROLE_BATCH_MAX + 1, 2**31, -1):
        with pytest.raises(OverflowError):
            native.role_list(session, "shop", None, 0, capacity)


def test_records_have_their_width(pool):
    session = native.pool_acquire(pool, 0)
    native.migrate(session)

    for bad in ([("user",)], [["user", "u42", 1]], [("user", "u42", 1, 1)], ["abc"]):
        with pytest.raises(TypeError):
            native.rate_take(session, bad)
    with pytest.raises(TypeError):
        native.pool_open(native.pool_new(), "sqlite::memory:", ())


def test_headers_need_a_state_for_each_request(pool):
    session = native.pool_acquire(pool, 0)
    requests = ((0, "user", "u42", 1),)
    decision = (True, 0, False, 0, None, False, False)

    with pytest.raises(ValueError, match="as many states"):
        native.rate_headers(session, (requests, ()), decision)
    with pytest.raises(TypeError):
        native.rate_headers(session, requests, decision)
    with pytest.raises(fc.InvalidError):
        states = ((True, False, False, 1, 1, 0, 0, 0, 0, 0),)
        native.rate_problem(session, (requests, states), decision)


def test_an_iterable_that_fails_in_the_middle_is_its_own_error(pool):
    session = native.pool_acquire(pool, 0)

    def requests():
        yield (0, "user", "u42", 1)
        raise KeyError("the application's own")

    with pytest.raises(KeyError):
        native.rate_take(session, requests())


def test_the_layer_names_what_it_packs():
    assert rate.pack(["all", ("user", "u42"), ("ip", "::1", 9)], 2) \
        == ((0, "all", None, 2), (0, "user", "u42", 2), (0, "ip", "::1", 9))
    assert rate.pack(["all"], 2, force=True) == ((native.RATE_FORCE, "all", None, 2),)
    assert roles.PAGE <= native.ROLE_BATCH_MAX
