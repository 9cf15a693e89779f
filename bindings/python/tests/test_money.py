"""Amounts of money through the binding, against Python's own exact numbers."""
import decimal
import fractions
import random

import pytest

import farmcore as fc
from farmcore import money


def test_texts_become_amounts_and_back():
    assert money.parse("12.5", 2) == 1250
    assert money.parse("-9223372036854775807", 0) == -(2**63 - 1)
    assert money.text(-5, 2) == "-0.05"
    assert money.text(-(2**63), 18) == "-9.223372036854775808"


@pytest.mark.parametrize("text", ["", "1.005", "1e3", "1,5", "+1", "\u0661", "9" * 40])
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(fc.InvalidError, match="the amount"):
        money.parse(text, 2)


def test_the_same_as_the_decimal_module():
    chance = random.Random(4217)
    with decimal.localcontext(decimal.Context(prec=60)):
        for _ in range(5000):
            scale = chance.randrange(19)
            amount = chance.randrange(-(2**63) + 1, 2**63) >> chance.randrange(63)
            text = money.text(amount, scale)
            assert decimal.Decimal(text).scaleb(scale) == amount
            assert money.parse(text, scale) == amount


def test_the_same_as_fractions():
    chance = random.Random(7)
    for _ in range(2000):
        count = chance.randrange(1, 9)
        weights = [chance.randrange(2**chance.randrange(1, 55)) for _ in range(count)]
        if not any(weights):
            continue
        amount = chance.randrange(-(2**63) + 1, 2**63)
        exact = [int(fractions.Fraction(abs(amount) * weight, sum(weights))) for weight in weights]
        exact[next(i for i, weight in enumerate(weights) if weight)] += abs(amount) - sum(exact)
        assert money.split(amount, weights) == [part if amount > 0 else -part for part in exact]


def test_currencies_have_their_places():
    assert [money.scale_of(code) for code in ("EUR", "JPY", "BHD", "CLF", "XAU", "eur")] == [
        2, 0, 3, 4, None, None]


def test_what_cannot_be_split_is_refused():
    with pytest.raises(fc.InvalidError, match="every weight is 0"):
        money.split(1, [0, 0])
    with pytest.raises(fc.InvalidError, match="count is 0"):
        money.split(1, [])
    with pytest.raises(OverflowError):
        money.split(2**63, [1])
