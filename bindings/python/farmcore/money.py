"""Amounts of money: see include/farmcore/money.h and docs/money.md. Whole numbers of the smallest
unit, never a float."""
from __future__ import annotations

from collections.abc import Iterable

from . import _native as _n


def parse(text: str, scale: int) -> int:
    """The amount that a decimal text says; InvalidError when it is none or is finer."""
    amount: int = _n.money_from_text(text, scale)
    return amount


def text(amount_minor: int, scale: int) -> str:
    """The amount with all decimal places of its scale."""
    return str(_n.money_to_text(amount_minor, scale))


def scale_of(currency: str) -> int | None:
    """The decimal places of a currency of ISO 4217; None of one that has none, or is not in use."""
    scale: int = _n.money_scale(currency)
    return None if scale < 0 else scale


def split(amount_minor: int, weights: Iterable[int]) -> list[int]:
    """Shares by weights, each rounded toward zero; what that leaves goes to the first share."""
    return list(_n.money_split(amount_minor, weights))
