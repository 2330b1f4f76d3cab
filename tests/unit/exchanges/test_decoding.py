"""JSON without rounding, and without losing a frame to one number."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.decoding import Undecodable, decode, decode_exactly, decode_members

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text("abc", max_size=3), children, max_size=4),
)


def test_integers_beyond_two_to_the_53_stay_exact() -> None:
    assert decode(b"[1764824662350987243]") == [1764824662350987243]


def test_an_integer_beyond_64_bits_is_never_an_int() -> None:
    assert type(decode(b"[18446744073709551616]")[0]) is float


@pytest.mark.parametrize("token", ["NaN", "-Infinity", "1e99999999999999999999", "1" * 5_000])
def test_a_number_of_no_sense_is_null_and_costs_its_neighbours_nothing(token: str) -> None:
    assert decode(f"[1764824662350987243,{token}]".encode()) == [1764824662350987243, None]


def test_a_number_beyond_all_floats_is_a_decimal() -> None:
    assert decode(b"[1e400]") == [Decimal("1e400")]


def test_a_fraction_is_exact_where_that_is_asked_for() -> None:
    assert decode_exactly(b'{"t":1633998523.957215}') == {"t": Decimal("1633998523.957215")}


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"\xff\xfe", b'{"a":1}{"a":1}', b"[" * 100_000, '"é"'.encode("latin-1")]
)
def test_what_is_no_json_is_undecodable(damaged: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(damaged)


@given(st.binary(max_size=200))
def test_any_bytes_are_either_json_or_undecodable_and_nothing_else_is_raised(data: bytes) -> None:
    with suppress(Undecodable):
        decode(data)


@given(values)
def test_both_decoders_agree_on_plain_json(value: Any) -> None:
    data = orjson.dumps(value)
    assert decode(data) == decode_exactly(data) == value


def test_of_a_list_only_the_members_that_are_asked_for_are_kept_at_every_depth() -> None:
    body = b'{"a":[{"a":1,"b":2},{"b":{"a":3}}],"b":NaN,"c":"\\ud800"}'
    assert decode_members(body, {"a", "c"}) == {"a": [{"a": 1}, {}], "c": None}


def test_a_list_that_is_no_json_is_undecodable() -> None:
    for damaged in (b"<html>", b"\xff", b'{"a":'):
        with pytest.raises(Undecodable):
            decode_members(damaged, {"a"})
