"""The life of one socket, against a real WebSocket server that does what the test says."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from metdc_collector.clock import Clock
from metdc_collector.exchanges.base import Parsed, Rate, Refusal, Rhythm
from metdc_collector.exchanges.binance import SPOT
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest
from metdc_collector.session.connection import Connection, FrameCounts, Plan
from metdc_collector.session.policy import End, Outcome
from metdc_collector.wire.instrument import Instrument
from tests.unit.collector.made import BTC, ETH, Tape

Venue = Callable[[ServerConnection], Awaitable[None]]
PATIENT = Rhythm(heartbeat=None, silence=30, acknowledge=30)


def trade(number: int, symbol: str = "BTCUSDT") -> str:
    row = {"e": "trade", "E": 1790001515464, "s": symbol, "t": number, "p": "1.5", "q": "2", "T": 1790001515463}
    return json.dumps({"stream": f"{symbol.lower()}@trade", "data": row | {"m": False, "M": True}})


async def accept(socket: ServerConnection) -> None:
    """Take every subscription of one frame."""
    request = json.loads(await socket.recv())
    await socket.send(json.dumps({"result": None, "id": request["id"]}))


class Gate:
    """Where trades go: kept, or refused for want of room."""

    def __init__(self) -> None:
        self.full = False
        self.joined: list[str] = []
        self.left = 0
        self.covered: list[str] = []
        self.dropped: list[str] = []
        self.proof = 0
        self.ids: list[str] = []
        self.times: list[int] = []
        self.known: list[int] = []
        self.news = asyncio.Event()
        self.doubted: list[tuple[list[str], int]] = []
        self.handed: list[list[str] | str] = []  # of each call the ids, or what it was

    def join(self, connection: int, instruments: Sequence[Instrument]) -> None:
        self.joined += [instrument.name for instrument in instruments]

    def cover(self, connection: int, names: Collection[str]) -> None:
        self.covered += names

    def drop(self, names: Collection[str]) -> None:
        self.dropped += names

    def leave(self, connection: int, proof: int) -> None:
        self.left += 1
        self.proof = proof

    def receive(self, connection: int, parsed: Parsed, known: int) -> None:
        self.known.append(known)
        self.handed.append([*(each.id for each in parsed.trades), *(f"no {number}" for _, number in parsed.skipped)])
        self.ids += [each.id for each in parsed.trades]
        self.times += [each.received for each in parsed.trades]
        self.news.set()

    def unread(self, names: Collection[str], since: int) -> None:
        self.doubted.append((list(names), since))
        self.handed.append("unread")


class Rig:
    def __init__(self, address: str, rhythm: Rhythm, tap: Tape | None = None) -> None:
        self.gate, self.counts, self.refused = Gate(), FrameCounts(), list[Refusal]()
        plan = Plan(
            venue=SPOT,
            channel=SPOT.channels[0],
            address=address,
            rhythm=rhythm,
            instruments={"BTCUSDT": BTC, "ETHUSDT": ETH},
            sink=self.gate,
            clock=Clock(),
            counts=self.counts,
            rest=Rest("http://127.0.0.1:1", venue=SPOT, weight=Budget(Rate(1, 1), monotonic=time.monotonic)),
            tls=None,
            refused=self.refused.append,
            tap=tap,
        )
        self.connection = Connection(plan, 1, ["BTCUSDT", "ETHUSDT"])
        self.over = asyncio.create_task(self.connection.run())

    async def received(self, count: int) -> list[str]:
        while len(self.gate.ids) < count:
            self.gate.news.clear()
            await self.gate.news.wait()
        return self.gate.ids


@contextlib.asynccontextmanager
async def connected(
    venue: Venue, rhythm: Rhythm = PATIENT, tap: Tape | None = None, **options: Any
) -> AsyncIterator[Rig]:
    """A connection to a venue; what it does not show within 20 s it never shows."""

    async def answer(socket: ServerConnection) -> None:
        with contextlib.suppress(Exception):  # the other side may be gone
            await venue(socket)

    async with asyncio.timeout(20), serve(answer, "127.0.0.1", 0, **options) as server:
        rig = Rig(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", rhythm, tap)
        try:
            yield rig
        finally:
            rig.over.cancel()
            await asyncio.wait({rig.over})


async def end_of(venue: Venue, rhythm: Rhythm = PATIENT, **options: Any) -> Outcome:
    async with connected(venue, rhythm, **options) as rig:
        outcome = await rig.over
        assert rig.gate.left == 1
        return outcome


def refusing(status: int, body: bytes = b"", server: str = "nginx") -> dict[str, Any]:
    def process(socket: ServerConnection, request: Request) -> Response:
        headers = Headers({"Server": server, "Content-Length": str(len(body)), "Connection": "close"})
        return Response(status, HTTPStatus(status).phrase, headers, body)

    return {"process_request": process, "server_header": None}


@pytest.fixture(autouse=True)
def _quiet_server() -> Iterator[None]:
    logger = logging.getLogger("websockets.server")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


# -- reading


async def test_what_is_read_may_have_waited_since_the_socket_was_last_seen_empty() -> None:
    more = asyncio.Event()

    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.send(trade(1))
        await more.wait()
        await socket.send(trade(2))
        await socket.wait_closed()

    async with connected(venue) as rig:
        await rig.received(1)
        between = rig.connection.last_sign
        more.set()
        await rig.received(2)
        assert rig.gate.known[1] == between
        assert rig.gate.known[0] < between


# -- the handshake


@pytest.mark.parametrize(
    ("options", "end"),
    [
        (refusing(429), End.REFUSED),
        (refusing(403, b"forbidden"), End.REFUSED),
        (refusing(403, server="CloudFront"), End.REGION),
        (refusing(403, b" " * 500 + b"Generated by cloudfront (CloudFront)"), End.REGION),
        (refusing(451), End.REGION),
        (refusing(503), End.FAILED),
    ],
)
async def test_a_handshake_that_is_refused_is_told_by_its_class(options: dict[str, Any], end: End) -> None:
    outcome = await end_of(accept, **options)
    assert (outcome.end, outcome.lived) == (end, 0.0)
    assert "/stream: HTTP " in outcome.reason


async def test_a_venue_that_is_not_there_has_failed_by_its_address() -> None:
    rig = Rig("ws://127.0.0.1:1", PATIENT)
    outcome = await rig.over
    assert outcome.end is End.FAILED
    assert outcome.reason.startswith("ws://127.0.0.1:1/stream: ")


# -- subscriptions


async def test_it_streams_once_each_subscription_is_acknowledged() -> None:
    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.send(trade(5))
        await socket.wait_closed()

    async with connected(venue) as rig:
        await rig.connection.answered.wait()
        assert rig.connection.streaming == {"BTCUSDT", "ETHUSDT"}
        assert rig.gate.joined == ["BTCUSDT", "ETHUSDT"]
        assert await rig.received(1) == ["5"]
        assert rig.counts.trades == 1


async def test_an_instrument_that_is_seen_needs_no_acknowledgement() -> None:
    async def venue(socket: ServerConnection) -> None:
        await socket.send(trade(5))
        await socket.send(trade(7, "ETHUSDT"))
        await socket.wait_closed()

    async with connected(venue) as rig:
        await rig.connection.answered.wait()
        assert rig.connection.streaming == {"BTCUSDT", "ETHUSDT"}


async def test_an_instrument_that_is_refused_is_answered_too() -> None:
    async def venue(socket: ServerConnection) -> None:
        request = json.loads(await socket.recv())
        await socket.send(json.dumps({"error": {"code": 2, "msg": "no such stream"}, "id": request["id"]}))
        await socket.wait_closed()

    async with connected(venue) as rig:
        await rig.connection.answered.wait()
        assert sorted(refusal.name for refusal in rig.refused) == ["BTCUSDT", "ETHUSDT"]
        assert rig.connection.streaming == set()


async def test_subscriptions_that_nobody_answers_end_the_connection() -> None:
    async def venue(socket: ServerConnection) -> None:
        await socket.wait_closed()

    outcome = await end_of(venue, Rhythm(heartbeat=None, silence=30, acknowledge=0.1))
    assert outcome == Outcome(End.FAILED, "2 subscriptions unanswered for 0.1 s", 0.0)


async def test_an_answer_that_waits_for_room_is_no_missing_answer() -> None:
    paused = asyncio.Event()

    async def venue(socket: ServerConnection) -> None:
        request = json.loads(await socket.recv())
        await socket.send(trade(1))
        await paused.wait()
        await socket.send(json.dumps({"result": None, "id": request["id"]}))
        await socket.wait_closed()

    async with connected(venue, Rhythm(heartbeat=None, silence=0.2, acknowledge=0.2)) as rig:
        rig.gate.full = True
        await rig.received(1)
        await asyncio.sleep(0)
        paused.set()
        _, pending = await asyncio.wait({rig.over}, timeout=0.6)
        assert pending, "it is we who do not read"
        rig.gate.full = False
        await rig.connection.answered.wait()


# -- frames


async def test_a_frame_in_parts_is_one_frame() -> None:
    async def venue(socket: ServerConnection) -> None:
        text = trade(5)
        await socket.send([text[:20], text[20:50], "", text[50:]])
        await socket.send(trade(6))
        await socket.wait_closed()

    async with connected(venue) as rig:
        assert await rig.received(2) == ["5", "6"]


async def test_trades_of_one_read_were_received_at_the_same_time() -> None:
    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        rows = [trade(number).encode() for number in (1, 2)]
        socket.transport.write(b"".join(b"\x81\x7e" + len(row).to_bytes(2) + row for row in rows))
        await socket.wait_closed()

    async with connected(venue) as rig:
        await rig.received(2)
        first, second = rig.gate.times
        assert first == second


async def test_without_room_nothing_is_read_until_there_is_some() -> None:
    sent = asyncio.Event()

    async def venue(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(trade(1))
        await sent.wait()
        await socket.send(trade(2))
        await socket.wait_closed()

    async with connected(venue) as rig:
        rig.gate.full = True
        await rig.received(1)
        await asyncio.sleep(0)
        sent.set()
        await asyncio.sleep(0.1)
        before = list(rig.gate.ids)
        rig.gate.full = False
        assert (before, await rig.received(2)) == (["1"], ["1", "2"])


# -- the end


@pytest.mark.parametrize(("code", "end"), [(1008, End.REFUSED), (1001, End.FAILED)])
async def test_a_close_by_the_venue_is_told_with_its_code(code: int, end: End) -> None:
    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.close(code, "so it is")

    outcome = await end_of(venue)
    assert (outcome.end, outcome.reason) == (end, f"closed by the venue: {code} so it is")
    assert outcome.lived > 0


async def test_a_connection_that_breaks_is_told_as_that() -> None:
    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        socket.transport.abort()

    assert (await end_of(venue))[:2] == (End.FAILED, "the connection broke")


async def test_silence_ends_a_connection() -> None:
    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.wait_closed()

    outcome = await end_of(venue, Rhythm(heartbeat=None, silence=0.2, acknowledge=30), ping_interval=None)
    assert outcome[:2] == (End.FAILED, "no sign of life for 0.2 s")


async def test_heartbeats_are_sent_where_the_venue_wants_them() -> None:
    said: list[str] = []

    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        said.append(str(await socket.recv()))
        await socket.close()

    await end_of(venue, Rhythm(heartbeat=0.05, silence=30, acknowledge=30))
    assert json.loads(said[0])["method"] == "GET_PROPERTY"


async def test_an_old_connection_asks_for_a_successor_and_streams_on() -> None:
    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.wait_closed()

    async with connected(venue, Rhythm(heartbeat=None, silence=1, acknowledge=30, life=0.2)) as rig:
        await rig.connection.ending.wait()
        assert not rig.over.done()


async def test_closed_from_our_side_it_ends() -> None:
    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.wait_closed()

    async with connected(venue) as rig:
        await rig.connection.answered.wait()
        await rig.connection.close()
        assert (await rig.over).end is End.FAILED
        await Connection(rig.connection.plan, 2, []).close()
