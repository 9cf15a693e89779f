"""Texts and JSON without personal data, through the binding, and against an expression."""
import random
import re

import pytest

import farmcore as fc
from farmcore import redact


def test_what_is_found_is_replaced():
    assert redact.text("bob@example.com, 4111 1111 1111 1111 \u00fc") == "[email], [card] \u00fc"
    assert redact.text("bob@x.org", action=fc.RedactAction.MASK) == "*********"
    assert redact.text("bob@x.org 1.2.3.4", rules=fc.RedactRules.IPV4) == "bob@x.org [ipv4]"
    assert redact.text("a@b.co " * 1000) == "[email] " * 1000
    assert redact.text("bob@x.org", action=fc.RedactAction.HASH, key=bytes(range(32))).startswith(
        "[email:")
    with pytest.raises(fc.InvalidError, match="key is missing"):
        redact.text("x", action=fc.RedactAction.HASH)


def test_json_keeps_its_form():
    assert redact.json('{"password": [1, 2], "a": "bob\\u0040x.org", "n": 1.50}') == (
        '{"password": "[password]", "a": "[email]", "n": 1.50}')
    assert redact.json('{"a":"bob@x.org"}', safe_fields="a") == '{"a":"bob@x.org"}'
    with pytest.raises(fc.InvalidError, match="not JSON"):
        redact.json("{")


def test_addresses_are_those_that_an_expression_finds():
    mail = re.compile(r"(?<![a-z0-9.])[a-z0-9.]+@[a-z0-9]+(?:\.[a-z0-9]+)*\.[a-z][a-z0-9]+")
    drawn = random.Random(20261127)
    for _ in range(3000):
        text = "".join(drawn.choice("ab1.@ ,") for _ in range(24))
        assert redact.text(text, rules=fc.RedactRules.EMAIL) == mail.sub("[email]", text), text
