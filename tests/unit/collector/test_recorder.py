"""The lines of a recording: exact times, the venue's own addresses, every byte."""

import asyncio
import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from metdc_collector.exchanges.base import Endpoints, Kind, Parsed, Venue
from metdc_collector.exchanges.binance import SPOT
from metdc_collector.exchanges.kucoin import FUTURES
from metdc_collector.recorder import Recording
from tests.unit.collector.made import MOMENT, trade

GATEWAY = Endpoints("http://gateway/binance", "ws://gateway/binance")
SIMULATOR = Endpoints("http://127.0.0.1:9406", "ws://127.0.0.1:9406")


@dataclass
class Written:
    """A recording in memory, at a moment that stands still."""

    venue: Venue = SPOT
    endpoints: Endpoints = SPOT.endpoints
    most: int | None = None
    now: int = MOMENT
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    out: io.BytesIO = field(default_factory=io.BytesIO)
    recording: Recording = field(init=False)

    def __post_init__(self) -> None:
        self.recording = Recording(self.out, lambda: self.now, self.venue, self.endpoints, self.stop, self.most)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]


class Full(io.BytesIO):
    """A disk without room."""

    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_received_frame_is_one_line_with_its_text() -> None:
    written = Written()
    written.recording.received('{"a":"한"}'.encode(), binary=False)
    assert written.out.getvalue() == b'{"t":1790000000.000000000,"kind":"recv","data":"{\\"a\\":\\"\\ud55c\\"}"}\n'


@pytest.mark.parametrize("now", [MOMENT + 1, MOMENT + 999_999_999, MOMENT + 50_000_000])
def test_the_time_is_exact_to_the_nanosecond(now: int) -> None:
    written = Written(now=now)
    written.recording.received(b"{}", binary=False)
    seconds, _, fraction = written.out.getvalue().partition(b",")[0].removeprefix(b'{"t":').partition(b".")
    assert int(seconds) * 1_000_000_000 + int(fraction) == now
    assert len(fraction) == 9


def test_only_a_frame_with_the_binary_opcode_is_marked() -> None:
    written = Written()
    written.recording.received(b"[]", binary=True)
    written.recording.received(b"[]", binary=False)
    assert [line.get("binary") for line in written.lines] == [True, None]


def test_bytes_that_are_no_text_come_back_as_they_were() -> None:
    written, frame = Written(), bytes(range(256))
    written.recording.received(frame, binary=True)
    assert written.lines[0]["data"].encode(errors="surrogateescape") == frame


def test_replies_connections_and_our_frames_carry_their_address() -> None:
    written = Written()
    written.recording.replied("https://api.binance.com/api/v3/exchangeInfo", b"{}")
    written.recording.connecting("wss://stream.binance.com:9443/stream")
    written.recording.sending("wss://stream.binance.com:9443/stream", "PING")
    assert [{**line, "t": 0} for line in written.lines] == [
        {"t": 0, "kind": "http", "url": "https://api.binance.com/api/v3/exchangeInfo", "data": "{}"},
        {"t": 0, "kind": "connect", "url": "wss://stream.binance.com:9443/stream"},
        {"t": 0, "kind": "send", "url": "wss://stream.binance.com:9443/stream", "data": "PING"},
    ]


def test_the_venues_own_address_stands_in_place_of_a_gateways() -> None:
    written = Written(endpoints=GATEWAY)
    written.recording.replied("http://gateway/binance/api/v3/exchangeInfo", b"{}")
    written.recording.connecting("ws://gateway/binance/stream")
    assert [line["url"] for line in written.lines] == [
        "https://api.binance.com/api/v3/exchangeInfo",
        "wss://stream.binance.com:9443/stream",
    ]


def test_an_address_that_a_token_reply_names_is_kept() -> None:
    written = Written(FUTURES, FUTURES.endpoints)
    written.recording.connecting("wss://ws-api-futures.kucoin.com/?token=x&connectId=1")
    assert written.lines[0]["url"] == "wss://ws-api-futures.kucoin.com/?token=x&connectId=1"


def test_where_a_venue_names_no_socket_beforehand_its_rest_host_stands_in_place_of_a_simulators() -> None:
    written = Written(FUTURES, SIMULATOR)
    written.recording.connecting("ws://127.0.0.1:9406/endpoint?token=x&connectId=1")
    assert written.lines[0]["url"] == "wss://api-futures.kucoin.com/endpoint?token=x&connectId=1"


def test_after_as_many_frames_as_were_ordered_it_stops_and_writes_no_more() -> None:
    written = Written(most=2)
    for number in range(1, 4):
        written.recording.received(b"{}", binary=False)
        written.recording.receive(1, Parsed(Kind.TRADE, [trade(number)]), MOMENT)
    written.recording.sending("wss://stream.binance.com:9443/stream", "{}")
    assert written.stop.is_set()
    assert (written.recording.frames, written.recording.trades, len(written.lines)) == (2, 2, 2)


def test_what_comes_after_the_order_to_stop_is_neither_written_nor_counted() -> None:
    written = Written()
    written.stop.set()
    written.recording.received(b"{}", binary=False)
    written.recording.receive(1, Parsed(Kind.TRADE, [trade(1)]), MOMENT)
    assert (written.recording.frames, written.recording.trades, written.lines) == (0, 0, [])


def test_a_line_that_cannot_be_written_stops_it_and_is_told_later() -> None:
    written = Written(out=Full())
    written.recording.received(b"{}", binary=False)
    assert written.stop.is_set()
    assert written.recording.problem is not None
    assert written.recording.frames == 0
