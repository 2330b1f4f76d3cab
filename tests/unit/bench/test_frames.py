"""Frames of the bench's source are what a venue sends, and tell when they were made to 100 ns."""

import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.frames import AGGREGATE, TRADE, Frames, exact, names, taken

NOW = 1_790_001_515_463_123_400


def unframed(data: bytes) -> Iterator[dict[str, Any]]:
    """The payloads of WebSocket frames."""
    while data:
        first, second, length = struct.unpack("!BBH", data[:4])
        assert (first, second) == (0x81, 126), "a whole text frame, not masked"
        yield json.loads(data[4 : 4 + length])
        data = data[4 + length :]


@pytest.mark.parametrize(("event", "key"), [(TRADE, "t"), (AGGREGATE, "a")])
def test_a_frame_holds_a_trade_in_the_form_that_was_subscribed_to(event: str, key: str) -> None:
    frames, out = Frames(names(1), seed=7), list[str]()
    frames.symbols["BTCUSDT"].subscribe(out, event)
    assert frames.put(3, NOW) == 3
    found = list(unframed(taken(out)))
    assert [one["stream"] for one in found] == [f"btcusdt@{event}"] * 3
    rows = [one["data"] for one in found]
    assert [row["e"] for row in rows] == [event] * 3
    assert [row[key] - rows[0][key] for row in rows] == [0, 1, 2]
    assert {row["T"] for row in rows} == {row["E"] for row in rows} == {NOW // 1_000_000}
    assert {row["m"] for row in rows} == {True, False}
    assert {exact(row["T"] * 1_000_000, row["q"]) for row in rows} == {NOW}


@pytest.mark.parametrize("quantity", ["0.1", "0.10000000"])
def test_a_quantity_whose_zeros_were_cut_tells_the_same_time(quantity: str) -> None:
    assert exact(1_000_000, quantity) == 1_000_000


def test_half_of_the_trades_and_a_share_are_of_the_first_symbol() -> None:
    frames, busy, others = Frames(names(10), seed=7), list[str](), list[str]()
    for name, symbol in frames.symbols.items():
        symbol.subscribe(busy if name == "BTCUSDT" else others, TRADE)
    frames.put(10_000, NOW)
    assert 0.53 < len(busy) / (len(busy) + len(others)) < 0.57


def test_what_nobody_subscribed_to_is_not_made() -> None:
    frames = Frames(names(3), seed=7)
    assert frames.each(NOW) == 0
    out = list[str]()
    frames.symbols["C0002XUSDT"].subscribe(out, TRADE)
    assert frames.each(NOW) == 1
    assert frames.put(1_000, NOW) == len(out) - 1


def test_taken_frames_are_gone() -> None:
    frames, out = Frames(names(1), seed=7), list[str]()
    frames.symbols["BTCUSDT"].subscribe(out, TRADE)
    frames.put(1, NOW)
    assert taken(out)
    assert taken(out) == b""


def test_more_trades_than_the_order_of_symbols_is_long_are_made_at_once() -> None:
    frames, out = Frames(names(1), seed=7), list[str]()
    frames.symbols["BTCUSDT"].subscribe(out, TRADE)
    assert frames.put(200_000, NOW) == 200_000 == len(out)
