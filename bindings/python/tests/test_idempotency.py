"""Idempotency keys through the binding."""
import pytest

import farmcore as fc
from conftest import NOW_US
from farmcore import Outcome


@pytest.fixture
def keys(store):
    store.freeze_clock(NOW_US)
    return store.acting("u42").idempotency


def begin(keys, key="k", data=b"request", **options):
    return keys.begin("u42", key, "POST /orders", data, **options)


def test_the_first_caller_executes_and_the_next_is_given_the_answer(keys):
    first = begin(keys)
    first.finish(201, b"answer\0\xff")

    again = begin(keys)

    assert (first.outcome, first.step, first.code, first.data) == (Outcome.EXECUTE, 0, 0, None)
    assert (again.outcome, again.code, again.data) == (Outcome.REPLAY, 201, b"answer\0\xff")


def test_an_empty_answer_is_replayed(keys):
    begin(keys).finish(204)

    again = begin(keys)

    assert again.outcome is Outcome.REPLAY and again.code == 204 and not again.data


def test_a_key_in_progress_says_how_long(keys):
    begin(keys, lock=5)

    other = begin(keys)

    assert other.outcome is Outcome.IN_PROGRESS
    assert other.retry_after_us == 5_000_000 and other.retry_after == 5.0


def test_another_request_with_the_key_is_a_mismatch(keys):
    begin(keys)

    assert begin(keys, data=b"other").outcome is Outcome.MISMATCH


def test_whoever_claims_after_a_crash_goes_on_from_the_last_step(keys, store):
    first = begin(keys, lock=1)
    first.advance(2, b"paid")
    store.freeze_clock(NOW_US + 2_000_000)

    second = begin(keys)

    assert first.step == 2
    assert (second.outcome, second.step, second.data) == (Outcome.EXECUTE, 2, b"paid")
    with pytest.raises(fc.ConflictError) as caught:
        first.finish(200, b"late")
    assert caught.value.reason == fc.IdempotencyReason.LOST


def test_a_released_key_may_be_executed_at_once(keys):
    begin(keys).release()

    assert begin(keys).outcome is Outcome.EXECUTE


def test_a_step_does_not_go_back(keys):
    claim = begin(keys)
    claim.advance(2)

    with pytest.raises(fc.InvalidError) as caught:
        claim.advance(1)

    assert caught.value.reason == fc.IdempotencyReason.STEP_BACK


def test_what_is_no_claim_cannot_be_finished(keys):
    begin(keys)
    other = begin(keys)

    with pytest.raises(fc.InvalidError) as caught:
        other.finish(200)

    assert caught.value.reason == fc.IdempotencyReason.NOT_CLAIMED


def test_the_same_claim_does_not_finish_with_two_answers(keys):
    claim = begin(keys)
    claim.finish(200, b"one")

    with pytest.raises(fc.ExistsError):
        claim.finish(200, b"two")


def test_another_owner_is_denied(keys, store):
    with pytest.raises(fc.DeniedError):
        store.acting("u7").idempotency.begin("u42", "k", "op")
    with pytest.raises(PermissionError):
        store.idempotency.begin("u42", "k", "op")


@pytest.mark.parametrize("data", [bytearray(b"xy"), memoryview(b"axyb")[1:3], b"xy"])
def test_data_is_anything_with_bytes(keys, data):
    claim = begin(keys, data=data)
    claim.finish(1, data)

    assert begin(keys, data=b"xy").data == b"xy"


@pytest.mark.parametrize("data", ["text", None, 5, memoryview(b"abcd")[::2]])
def test_data_without_contiguous_bytes_is_turned_down(keys, data):
    with pytest.raises((TypeError, BufferError)):
        begin(keys, data=data)


def test_data_over_a_mebibyte_is_turned_down(keys):
    with pytest.raises(fc.InvalidError) as caught:
        begin(keys, data=bytes(2**20 + 1))

    assert caught.value.reason == fc.IdempotencyReason.TOO_LARGE
