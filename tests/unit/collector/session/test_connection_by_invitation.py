"""Venues that name an address for each connection, speak first, or want an answer to their answers."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from metdc_collector.clock import Clock
from metdc_collector.exchanges.base import (
    NONE_KNOWN,
    Channel,
    Command,
    Ending,
    InvalidReply,
    Kind,
    Listing,
    MarketFacts,
    Parsed,
    Rate,
    Refusal,
    Request,
    Rhythm,
)
from metdc_collector.exchanges.binance import SPOT
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest, RestError
from metdc_collector.session.connection import Connection, FrameCounts, Plan
from metdc_collector.session.policy import End, Outcome
from metdc_collector.wire.instrument import Instrument
from tests.unit.collector.made import BTC, ETH

SECONDS = 1_000_000_000
MEANINGS: Mapping[bytes, Parsed] = {
    b"hello": Parsed(Kind.CONTROL, greeting=True),
    b"again": Parsed(Kind.CONTROL, commands=(Command("BTCUSDT once more", 2, ("BTCUSDT",)),)),
    b"yes": Parsed(Kind.CONTROL, acknowledged=("BTCUSDT",)),
    b"token": Parsed(Kind.CONTROL, ending=Ending.REFUSED, reason="the token is not accepted"),
    b"timeout": Parsed(Kind.CONTROL, ending=Ending.FAULT, reason="the venue timed out"),
}


class Words:
    """A conversation of single words."""

    def path(self) -> str:
        return "/words"

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        return [Command(f"{' '.join(names)} at {now // SECONDS > 0}", 1, tuple(names))]

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        return []

    def heartbeat(self, now: int) -> str:
        return f"beat {now // SECONDS > 0}"

    def receive(self, frame: bytes, received: int) -> Parsed:
        return MEANINGS[frame]


INVITE = Request("/invite", weight=10, method="POST")


@dataclass(frozen=True, slots=True)
class Invitation:
    request: Request = INVITE

    def address(self, body: bytes, connection: int) -> str:
        if body == b"no":
            raise InvalidReply("the venue invites nobody")
        return f"{body.decode()}?token=a%2Fb&connectId={connection}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsVenue(MarketFacts):
    def listing_request(self) -> Request:
        return Request("/list")

    def listing(self, *pages: bytes, known: Mapping[str, Instrument] = NONE_KNOWN) -> Listing:
        return Listing({})

    def converse(self, instruments: Mapping[str, Instrument], channel: Channel) -> Words:
        return Words()

    def guess(self, name: str) -> Instrument | None:
        return None


VENUE = WordsVenue(
    exchange="words",
    market="spot",
    endpoints=SPOT.endpoints,
    limits=replace(SPOT.limits, frames=Rate(1000, 1)),
    rhythm=Rhythm(heartbeat=None, silence=30, acknowledge=30),
    channels=(Channel("words", consecutive=False),),
)


class Quiet:
    """A sink that nothing reaches."""

    full = False

    def join(self, connection: int, instruments: Sequence[Instrument]) -> None: ...

    def cover(self, connection: int, names: Collection[str]) -> None: ...

    def drop(self, names: Collection[str]) -> None: ...

    def leave(self, connection: int, proof: int) -> None: ...

    def receive(self, connection: int, parsed: Parsed, known: int) -> None: ...

    def unread(self, names: Collection[str], since: int) -> None: ...


@dataclass
class Replies(Rest):
    """A REST client that knows one answer."""

    answer: bytes | RestError
    asked: list[Request] = field(default_factory=list)

    async def get(self, request: Request) -> bytes:
        self.asked.append(request)
        if isinstance(self.answer, RestError):
            raise self.answer
        return self.answer


def connection(venue: WordsVenue, *, address: str, rest: Rest | None = None) -> Connection:
    plan = Plan(
        venue=venue,
        channel=venue.channels[0],
        address=address,
        rhythm=venue.rhythm,
        instruments={"BTCUSDT": BTC, "ETHUSDT": ETH},
        sink=Quiet(),
        clock=Clock(),
        counts=FrameCounts(),
        rest=rest or Rest("http://127.0.0.1:1", venue=venue, weight=Budget(Rate(1, 1), monotonic=time.monotonic)),
        tls=None,
        refused=list[Refusal]().append,
    )
    return Connection(plan, 7, ["BTCUSDT"])


@contextlib.asynccontextmanager
async def server(talk: Callable[[ServerConnection], Any]) -> AsyncIterator[str]:
    async def answer(socket: ServerConnection) -> None:
        with contextlib.suppress(Exception):  # the other side may be gone
            await talk(socket)

    async with asyncio.timeout(20), serve(answer, "127.0.0.1", 0) as running:
        yield f"ws://127.0.0.1:{_port(running)}"


def _port(running: Server) -> int:
    return int(next(iter(running.sockets)).getsockname()[1])


@contextlib.asynccontextmanager
async def running(one: Connection) -> AsyncIterator["asyncio.Task[Outcome]"]:
    task = asyncio.create_task(one.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture(autouse=True)
def _quiet_server() -> Iterator[None]:
    logger = logging.getLogger("websockets.server")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


async def test_a_subscription_is_made_at_the_time_at_which_it_is_sent() -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def talk(socket: ServerConnection) -> None:
        async for frame in socket:
            heard.put_nowait(frame)

    async with server(talk) as address, running(connection(VENUE, address=address)):
        assert await heard.get() == "BTCUSDT at True"


async def test_where_the_venue_speaks_first_nothing_is_sent_before_its_greeting() -> None:
    heard: list[Any] = []
    told = asyncio.Event()

    async def talk(socket: ServerConnection) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                heard.append(await socket.recv())
        await socket.send("hello")
        heard.append(await socket.recv())
        told.set()
        await socket.wait_closed()

    shy = replace(VENUE, rhythm=replace(VENUE.rhythm, greeting=True))
    async with server(talk) as address, running(connection(shy, address=address)):
        await told.wait()
        assert heard == ["BTCUSDT at True"]


async def test_what_an_answer_makes_necessary_is_sent() -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def talk(socket: ServerConnection) -> None:
        async for frame in socket:
            await socket.send("yes" if "once more" in str(frame) else "again")
            heard.put_nowait(frame)

    one = connection(VENUE, address="")
    async with server(talk) as address:
        one = connection(VENUE, address=address)
        async with running(one):
            assert [await heard.get(), await heard.get()] == ["BTCUSDT at True", "BTCUSDT once more"]
            await one.answered.wait()


@pytest.mark.parametrize(
    ("word", "outcome"),
    [("token", (End.REFUSED, "the token is not accepted")), ("timeout", (End.FAILED, "the venue timed out"))],
)
async def test_what_a_venue_says_at_the_end_is_its_class(word: str, outcome: tuple[End, str]) -> None:
    async def talk(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(word)
        await socket.wait_closed()

    async with server(talk) as address, running(connection(VENUE, address=address)) as over:
        found = await over
        assert (found.end, found.reason) == outcome


async def test_a_heartbeat_knows_the_time() -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def talk(socket: ServerConnection) -> None:
        async for frame in socket:
            heard.put_nowait(frame)

    beating = replace(VENUE, rhythm=replace(VENUE.rhythm, heartbeat=0.01))
    async with server(talk) as address, running(connection(beating, address=address)):
        while await heard.get() != "beat True":
            pass


async def test_headers_of_the_venue_go_with_the_handshake() -> None:
    seen: asyncio.Queue[str | None] = asyncio.Queue()

    async def talk(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.put_nowait(socket.request.headers.get("X-Gate-Size-Decimal"))
        await socket.wait_closed()

    exact = replace(VENUE, headers={"X-Gate-Size-Decimal": "1"})
    async with server(talk) as address, running(connection(exact, address=address)):
        assert await seen.get() == "1"


# -- addresses that are asked for

INVITING = replace(VENUE, handshake=Invitation())


async def _path(base: Callable[[str], str], answer: Callable[[str], str]) -> tuple[str, Replies]:
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def talk(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen.put_nowait(socket.request.path)
        await socket.wait_closed()

    async with server(talk) as address:
        rest = Replies(answer(address).encode())
        async with running(connection(INVITING, address=base(address), rest=rest)):
            return await seen.get(), rest


async def test_the_venue_names_the_address_of_each_connection() -> None:
    path, rest = await _path(lambda _: "", lambda address: f"{address}/endpoint")
    assert path == "/endpoint?token=a%2Fb&connectId=7"
    assert rest.asked == [INVITE]


async def test_a_configured_base_takes_the_place_of_the_host_that_the_venue_names() -> None:
    path, _ = await _path(lambda address: address, lambda _: "wss://ws-api.example.com/endpoint")
    assert path == "/endpoint?token=a%2Fb&connectId=7"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"no", Outcome(End.FAILED, "the venue invites nobody")),
        (RestError("too many", status=429), Outcome(End.REFUSED, "too many")),
        (RestError("wait", status=429, retry_after=9), Outcome(End.REFUSED, "wait", wait=9)),
        (RestError("maintenance", status=503, retry_after=9), Outcome(End.FAILED, "maintenance")),
        (RestError("not here", status=451, region=True), Outcome(End.REGION, "not here")),
        (RestError("no reply"), Outcome(End.FAILED, "no reply")),
    ],
)
async def test_without_an_address_the_reason_is_told_by_its_class(answer: bytes | RestError, outcome: Outcome) -> None:
    async with running(connection(INVITING, address="", rest=Replies(answer))) as over:
        assert await over == outcome


async def test_a_token_is_not_told_to_the_log() -> None:
    async with running(connection(INVITING, address="", rest=Replies(b"ws://127.0.0.1:1/endpoint"))) as over:
        reason = (await over).reason
    assert reason.startswith("ws://127.0.0.1:1/endpoint: ")
    assert "token" not in reason
