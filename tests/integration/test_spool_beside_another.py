"""What waited on disk enters a stream into which another process of the market writes at the same time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nats
import nats.js.errors
import pytest

from metdc_collector.clock import Clock, Timers
from metdc_collector.exchanges.history import Mark
from metdc_collector.overflow import Overflow
from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.link import NatsSettings
from metdc_collector.publisher.publisher import Publisher
from metdc_collector.spool.spool import Spool
from metdc_collector.wire.streams import trades_stream
from metdc_collector.wire.trade import Trade, decode, encode
from tests.harness import NatsServer, nats_server
from tests.unit.collector.made import ETH, trade

STREAM = "TRADES_BINANCE"


class Told:
    def lost(self, instrument: str, first: Mark, last: Mark, count: int, run: int) -> None:
        raise AssertionError("nothing is lost here")


class Rig:
    """A publisher with an overflow whose spool holds trades, and another process that writes past both."""

    def __init__(self, url: str, place: Path, clock: Clock) -> None:
        timers = Timers()
        spec = trades_stream("binance", ["spot"], None)
        self.publisher = Publisher(NatsSettings(urls=(url,)), stream=spec, name="t", clock=clock, timers=timers)
        self.spool = Spool(place, process="a-1", most=1024**3, losses=Told())
        self.overflow = Overflow(
            self.spool,
            self.publisher,
            subjects="trades.binance.spot.>",
            clock=clock,
            peers=lambda: True,
            found=lambda each: [each],
            hold=0,
        )
        self.publisher.overflow = self.overflow
        self.url = url

    async def another(self, *trades: Trade) -> None:
        """Another process stores these."""
        client = await nats.connect(self.url)
        for each in trades:
            headers = {"Nats-Msg-Id": each.message_id}
            await client.jetstream().publish(each.instrument.subject, encode(each), headers=headers)
        await client.close()

    async def delivered(self) -> list[tuple[str, bool]]:
        """Deliver the spool; return what the stream holds, in its order: id, and whether it is late."""
        running = asyncio.create_task(self.overflow.run())
        async with asyncio.timeout(30):
            while self.spool.trades:  # noqa: ASYNC110 - as the program itself does
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        looks = self.publisher.looks
        assert looks is not None
        rows = [row async for batch in looks.rows("trades.binance.spot.>", time=0, sequence=1) for row in batch]
        return [(each.id, each.late) for each in (decode(row.data) for row in rows)]

    def before_each_write(self, monkeypatch: pytest.MonkeyPatch, doing: Callable[[Trade], Awaitable[None]]) -> None:
        """Do something between a look and the write that relies on it."""
        real = self.publisher.store_behind

        async def store_behind(each: Trade, last: int) -> int | None:
            await doing(each)
            return await real(each, last)

        monkeypatch.setattr(self.publisher, "store_behind", store_behind)


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


@asynccontextmanager
async def rigged(server: NatsServer, place: Path, *spooled: Trade) -> AsyncIterator[Rig]:
    clock = Clock()
    rig = Rig(server.url, place, clock)
    client = await nats.connect(server.url)
    with suppress(nats.js.errors.NotFoundError):
        await client.jetstream().delete_stream(STREAM)
    await client.close()
    running = asyncio.create_task(rig.publisher.run())
    try:
        async with asyncio.timeout(30):
            while not rig.publisher.usable:  # noqa: ASYNC110 - as the program itself does
                await asyncio.sleep(0.01)
        await rig.spool.open()
        rig.spool.put([now(each, clock) for each in spooled], clock.now())
        yield rig
    finally:
        await rig.spool.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await rig.publisher.link.close()


def now(each: Trade, clock: Clock) -> Trade:
    return each._replace(received=clock.now())


async def test_alone_in_its_turn_nothing_is_late(server: NatsServer, tmp_path: Path) -> None:
    spooled = [trade(1), trade(2, of=ETH), trade(3), trade(4, of=ETH), trade(5)]
    async with rigged(server, tmp_path, *spooled) as rig:
        assert sorted(await rig.delivered()) == [(str(number), False) for number in range(1, 6)]
        assert rig.publisher.counts.stored == 5


async def test_what_another_stored_before_the_look_is_known(server: NatsServer, tmp_path: Path) -> None:
    async with rigged(server, tmp_path, trade(1), trade(2), trade(5, of=ETH)) as rig:
        await rig.another(trade(2), trade(9, of=ETH))
        assert await rig.delivered() == [("2", False), ("9", False), ("1", True), ("5", True)]
        assert rig.publisher.counts.duplicates == 1


async def test_a_newer_trade_that_another_stores_between_look_and_write_makes_what_follows_late(
    server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(server, tmp_path, trade(1), trade(2), trade(3), trade(4, of=ETH)) as rig:

        async def meanwhile(each: Trade) -> None:
            if each.id == "2":
                await rig.another(trade(8), trade(9)._replace(late=True))

        rig.before_each_write(monkeypatch, meanwhile)
        found = await rig.delivered()
    btc = [(name, late) for name, late in found if name != "4"]
    assert btc == [("1", False), ("8", False), ("9", True), ("2", True), ("3", True)]
    assert ("4", False) in found


async def test_an_older_trade_that_another_stores_between_makes_nothing_late(
    server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(server, tmp_path, trade(3), trade(4)) as rig:

        async def meanwhile(each: Trade) -> None:
            if each.id == "3":
                await rig.another(trade(1), trade(2))

        rig.before_each_write(monkeypatch, meanwhile)
        assert await rig.delivered() == [("1", False), ("2", False), ("3", False), ("4", False)]


async def test_what_another_stores_meanwhile_is_left_out_however_long_that_takes(
    server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(server, tmp_path, trade(1), trade(2), trade(3)) as rig:

        async def meanwhile(each: Trade) -> None:
            assert each.id == "1", "the others are not written at all: the server might know them no longer"
            await rig.another(trade(1), trade(2), trade(3))

        rig.before_each_write(monkeypatch, meanwhile)
        assert await rig.delivered() == [("1", False), ("2", False), ("3", False)]
        assert rig.publisher.counts.stored == 0


@pytest.mark.parametrize("stored", [True, False])
async def test_a_write_of_which_no_answer_comes_is_looked_for(
    server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, stored: bool
) -> None:
    async with rigged(server, tmp_path, trade(1), trade(2)) as rig:
        failed: list[str] = []

        async def meanwhile(each: Trade) -> None:
            if not failed:
                failed.append(each.id)
                if stored:
                    await rig.another(trade(1))
                raise LookFailed("no answer")

        rig.before_each_write(monkeypatch, meanwhile)
        assert await rig.delivered() == [("1", False), ("2", False)]
        assert failed == ["1"]
        assert rig.publisher.window.last == 0, "nothing went by the window"
