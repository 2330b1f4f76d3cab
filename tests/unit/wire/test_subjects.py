"""Subjects and the reversible escape of their tokens."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.wire import subjects
from metdc_collector.wire.errors import InvalidToken
from metdc_collector.wire.subjects import Subject, escape, unescape

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
token = re.compile(r"([A-Za-z0-9_-]|%[0-9A-F]{2})+", re.ASCII)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BTC", "BTC"),
        ("1INCH", "1INCH"),
        ("A_B-c", "A_B-c"),
        ("A.B", "A%2EB"),
        ("*", "%2A"),
        (">", "%3E"),
        ("A B", "A%20B"),
        ("100%", "100%25"),
        ("币", "%E5%B8%81"),
    ],
)
def test_a_name_becomes_a_token(name: str, expected: str) -> None:
    assert escape(name) == expected


@given(names)
def test_every_name_comes_back_from_its_token(name: str) -> None:
    assert unescape(escape(name)) == name


@given(names)
def test_a_token_holds_nothing_that_nats_would_read_as_more_than_a_token(name: str) -> None:
    assert token.fullmatch(escape(name))


@given(names, names)
def test_two_names_never_share_a_token(left: str, right: str) -> None:
    assert (escape(left) == escape(right)) == (left == right)


@given(st.from_regex(token, fullmatch=True))
def test_a_token_is_the_escape_of_its_name_or_refused(text: str) -> None:
    try:
        name = unescape(text)
    except InvalidToken:
        return
    assert escape(name) == text


@pytest.mark.parametrize("name", ["", "\ud800", "BTC\udfff"])
def test_a_name_that_utf8_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(InvalidToken, match="not a subject token"):
        escape(name)


@pytest.mark.parametrize(
    "text",
    ["", "A.B", "A B", "%", "%2", "%2e", "%41", "%FF", "%E5%B8", "币", "BTC\n"],
    ids=[
        "empty",
        "dot",
        "space",
        "percent",
        "cut",
        "lower case",
        "needless",
        "no utf-8",
        "half a letter",
        "raw",
        "line",
    ],
)
def test_what_escape_does_not_make_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        unescape(text)


def test_a_subject_names_exchange_market_base_and_quote() -> None:
    assert subjects.subject("trades", "binance", "spot", "BTC", "USDT") == "trades.binance.spot.BTC.USDT"


@given(names, names)
def test_a_subject_comes_back_in_parts(base: str, quote: str) -> None:
    text = subjects.subject("gaps", "phemex", "futures", base, quote)
    assert subjects.parse(text) == Subject("gaps", "phemex", "futures", base, quote)
    assert text.count(".") == 4


@pytest.mark.parametrize(
    "text",
    ["", "trades", "trades.binance.spot.BTC", "trades.binance.spot.BTC.USDT.X", "trades.binance.spot..USDT"]
    + ["trades.Binance.spot.BTC.USDT", "*.binance.spot.BTC.USDT", "trades.binance..BTC.USDT"],
)
def test_what_is_no_subject_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        subjects.parse(text)


@pytest.mark.parametrize("exchange", ["", "a.b", "*", "Binance", "bin ance", "b\n"])
def test_an_exchange_that_is_no_plain_word_makes_no_subject(exchange: str) -> None:
    with pytest.raises(InvalidToken):
        subjects.subject("trades", exchange, "spot", "BTC", "USDT")
