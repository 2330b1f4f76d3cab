"""What memory has no room for goes to disk, and from there into the stream: once, in order, beside live trades."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from metdc_collector import overflow as module
from metdc_collector.clock import Clock
from metdc_collector.continuity import Newest
from metdc_collector.exchanges.history import Mark
from metdc_collector.overflow import Overflow
from metdc_collector.publisher.acks import Answer
from metdc_collector.publisher.direct import LookFailed
from metdc_collector.publisher.publisher import Counts, Publisher
from metdc_collector.publisher.streams import StreamState
from metdc_collector.publisher.window import Window
from metdc_collector.spool.spool import Spool
from metdc_collector.wire.trade import Trade, encode
from tests.unit.collector.made import ETH, MOMENT, SECOND, HandClock, trade

TICK = 0.001


class Stream:
    """What is stored, in its order; a look fails so many times first."""

    def __init__(self) -> None:
        self.rows_stored: list[Trade] = []
        self.failures = 0
        self.asked: list[tuple[int, int]] = []

    async def rows(self, subjects: str, *, time: int, sequence: int = 0) -> AsyncIterator[list[Answer]]:
        assert subjects == "trades.binance.spot.>"
        self.asked.append((time, sequence))
        if self.failures:
            self.failures -= 1
            raise LookFailed("no answer")
        for number, row in enumerate(self.rows_stored, start=1):
            if number >= sequence:
                yield [Answer("", row.instrument.subject, str(number), row.message_id, encode(row))]

    async def last(self, subjects: Sequence[str]) -> dict[str, tuple[int, Newest | None]]:
        numbered = enumerate(self.rows_stored, start=1)
        return {
            row.instrument.subject: (number, Newest(row.id, row.time, row.late, row.seq))
            for number, row in numbered
            if row.instrument.subject in subjects
        }


class Sink:
    """A publisher whose stream acknowledges what is delivered when it is told to."""

    def __init__(self) -> None:
        self.window = Window("_INBOX.x")
        self.looks = Stream()
        self.state = StreamState({"duplicate_window": 120 * SECOND}, (), 0)
        self.usable = True
        self.usable_since = 0
        self.counts = Counts()
        self.delivered: list[Trade] = []
        self.known: list[int] = []
        self.reached = asyncio.Event()

    def deliver(self, trades: Sequence[Trade], known: int) -> None:
        self.delivered += trades
        self.reached.set()
        self.known += [known] * len(trades)
        self.window.add(trades, known)

    async def store_behind(self, each: Trade, last: int) -> int | None:
        assert last == (await self.looks.last([each.instrument.subject])).get(each.instrument.subject, (0,))[0]
        self.looks.rows_stored.append(each)
        return len(self.looks.rows_stored)

    def acknowledge(self) -> None:
        for entry in self.window.take(1, 0):
            self.window.acknowledge([entry.number])
            self.looks.rows_stored.append(entry.trade)

    async def drain(self, seconds: float) -> bool:
        return False


class Told:
    def __init__(self) -> None:
        self.count = 0

    def lost(self, instrument: str, first: Mark, last: Mark, count: int, run: int) -> None:
        self.count += count


class Rig:
    def __init__(self, folder: Path, *, peers: bool = False, process: str = "a-1") -> None:
        self.sink, self.hand, self.told = Sink(), HandClock(), Told()
        self.spool = Spool(folder, process=process, most=1024**3, losses=self.told)
        self.overflow = Overflow(
            self.spool,
            cast(Publisher, self.sink),
            subjects="trades.binance.spot.>",
            clock=Clock(wall=lambda: MOMENT, monotonic=self.hand),
            peers=lambda: peers,
            found=self.found,
            hold=10,
        )

    def found(self, each: Trade) -> list[Trade]:
        """Of what another process has left on disk, the third is late."""
        return [each._replace(late=each.late or each.id == "3")]

    def publish(self, *trades: Trade) -> None:
        """As the publisher does."""
        overflow = self.overflow
        if not (overflow.busy or self.sink.window.full) or not overflow.take(trades, MOMENT):
            self.sink.deliver(trades, MOMENT)

    async def until(self, look: Callable[[], Any]) -> None:
        """Let the overflow work until that holds, all that is delivered being acknowledged."""
        running = asyncio.create_task(self.overflow.run())
        try:
            async with asyncio.timeout(10):
                while not look():
                    self.sink.acknowledge()
                    await asyncio.sleep(TICK)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.sink.delivered]

    @property
    def late(self) -> list[str]:
        return [each.id for each in self.sink.delivered if each.late]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TICK", TICK)
    monkeypatch.setattr(module, "_RETRY", TICK)


async def rigged(folder: Path, *spooled: Trade, peers: bool = False) -> Rig:
    """A collector that starts on a spool."""
    rig = Rig(folder, peers=peers)
    await rig.spool.open()
    rig.spool.put(spooled, MOMENT)
    await rig.spool.settle()
    return rig


async def test_with_memory_full_trades_go_to_disk_and_follow_when_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metdc_collector.publisher.window.MOST_BYTES", 2000)
    rig = await rigged(tmp_path)
    rig.sink.usable = False
    for number in range(1, 40):
        rig.publish(trade(number))
    in_memory = len(rig.sink.delivered)
    assert 0 < in_memory < 10
    assert rig.spool.trades == 39 - in_memory
    rig.sink.usable = True
    await rig.until(lambda: not rig.spool.trades and not rig.overflow.busy)
    assert rig.ids == [str(number) for number in range(1, 40)]
    assert rig.late == []
    rig.publish(trade(40))
    assert rig.ids[-1] == "40"
    await rig.spool.close()


@pytest.mark.parametrize(
    ("since", "most", "stale"), [(MOMENT + 1, 1024**3, True), (MOMENT, 1024**3, False), (MOMENT + 1, 20_000, False)]
)
async def test_after_a_long_outage_memory_goes_through_the_spool_so_that_live_trades_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, since: int, most: int, stale: bool
) -> None:
    monkeypatch.setattr("metdc_collector.publisher.window.MOST_BYTES", 20_000)
    rig = await rigged(tmp_path)
    rig.sink.usable = False
    for number in range(1, 100):
        rig.publish(trade(number))
    rig.spool._most = most
    kept = len(rig.sink.window)
    rig.sink.delivered.clear()
    rig.overflow.relieve(since)
    assert len(rig.sink.window) == (0 if stale else kept)
    rig.sink.usable = True
    if stale:
        await rig.until(lambda: not rig.spool.trades)
        assert rig.ids == [str(number) for number in range(1, 100)], "the oldest segments first"
    await rig.spool.close()


async def test_beside_another_process_new_trades_wait_until_that_has_delivered_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metdc_collector.publisher.window.MOST_BYTES", 64_000)
    rig = await rigged(tmp_path, peers=True)
    rig.sink.usable = False
    for number in range(1, 300):
        rig.publish(trade(number))
    rig.sink.usable, rig.sink.usable_since = True, MOMENT
    for seconds, passes in ((9, False), (10, True)):
        rig.hand.time = seconds * SECOND
        while len(rig.sink.window):
            rig.sink.acknowledge()
        assert rig.overflow._passing() is passes
    await rig.spool.close()


async def test_nothing_is_spooled_while_there_is_room(tmp_path: Path) -> None:
    rig = await rigged(tmp_path)
    rig.publish(trade(1))
    assert (rig.ids, rig.spool.trades, rig.overflow.behind) == (["1"], 0, False)
    await rig.spool.close()


async def test_without_a_folder_to_write_to_trades_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metdc_collector.publisher.window.MOST_BYTES", 1000)
    rig = Rig(tmp_path)  # not opened
    for number in range(10):
        rig.publish(trade(number))
    assert len(rig.sink.delivered) == 10
    assert rig.overflow.behind
    rig.sink.usable = False
    assert await rig.overflow.drain(1) is False


async def test_what_the_stream_holds_is_left_out(tmp_path: Path) -> None:
    rig = await rigged(tmp_path, *[trade(number) for number in range(1, 7)])
    rig.sink.looks.rows_stored = [trade(2), trade(3), trade(50, of=ETH)]
    await rig.until(lambda: not rig.spool.trades)
    assert rig.ids == ["1", "4", "5", "6"]
    assert rig.late == ["1"], "the third is stored already"
    assert rig.sink.counts.duplicates == 2
    assert rig.sink.looks.asked[0] == (MOMENT - 10 * SECOND, 0)
    await rig.spool.close()


async def test_a_stored_trade_that_is_late_overtakes_nothing(tmp_path: Path) -> None:
    rig = await rigged(tmp_path, trade(5), trade(9))
    rig.sink.looks.rows_stored = [trade(7)._replace(late=True)]
    await rig.until(lambda: not rig.spool.trades)
    assert (rig.ids, rig.late) == (["5", "9"], [])
    await rig.spool.close()


async def test_what_live_trades_have_overtaken_is_marked(tmp_path: Path) -> None:
    rig = await rigged(tmp_path, trade(1), trade(2, of=ETH), trade(3))
    rig.sink.deliver([trade(8)], MOMENT)
    await rig.until(lambda: not rig.spool.trades)
    assert (rig.ids, rig.late) == (["8", "1", "2", "3"], ["1", "3"])
    await rig.spool.close()


async def test_what_is_published_meanwhile_is_not_published_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", 1)
    rig = await rigged(tmp_path, trade(1), trade(2), trade(3))
    original = rig.spool.records

    async def records(segment: Any) -> Any:
        rig.publish(trade(3))  # a snapshot's row
        return await original(segment)

    monkeypatch.setattr(rig.spool, "records", records)
    await rig.until(lambda: not rig.spool.trades)
    assert (rig.ids, rig.late) == (["3", "1", "2"], ["1", "2"])
    await rig.spool.close()


async def test_two_folders_with_the_same_trades_give_each_once(tmp_path: Path) -> None:
    dead = [Spool(tmp_path, process=process, most=1024**3, losses=Told()) for process in ("x-1", "y-2")]
    for each in dead:
        await each.open()
        each.put([trade(number) for number in range(1, 20)], MOMENT)
    for each in dead:
        await each.close()
    rig = await rigged(tmp_path)
    assert rig.spool.trades == 38
    await rig.until(lambda: not rig.spool.trades)
    assert rig.ids == [str(number) for number in range(1, 20)]
    assert rig.late == ["3"]
    await rig.spool.close()


async def test_what_a_predecessor_leaves_at_its_end_is_delivered_too(tmp_path: Path) -> None:
    predecessor = Spool(tmp_path, process="x-1", most=1024**3, losses=Told())
    await predecessor.open()
    predecessor.put([trade(1)], MOMENT)
    rig = await rigged(tmp_path)
    assert rig.spool.trades == 0
    await predecessor.close()

    def turned() -> bool:
        rig.hand.time += 10 * SECOND
        return bool(rig.sink.delivered) and not rig.spool.trades

    await rig.until(turned)
    assert rig.ids == ["1"]
    assert rig.spool.left[0].newest["BTCUSDT"].id == "1"
    await rig.spool.close()


async def test_beside_another_process_the_stream_is_read_on_before_each_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", 1)
    rig = await rigged(tmp_path, trade(1), trade(2), trade(3), peers=True)
    rig.sink.looks.rows_stored = [trade(3, of=ETH)]
    await rig.until(lambda: not rig.spool.trades)
    assert [sequence for _, sequence in rig.sink.looks.asked][:2] == [0, 2]
    assert len(rig.sink.looks.asked) > 3
    await rig.spool.close()


async def test_a_look_that_fails_is_tried_again(tmp_path: Path) -> None:
    rig = await rigged(tmp_path, trade(1))
    rig.sink.looks.failures = 3
    await rig.until(lambda: not rig.spool.trades)
    assert (rig.ids, len(rig.sink.looks.asked)) == (["1"], 4)
    await rig.spool.close()


async def test_what_the_stream_may_have_held_and_discarded_is_told_as_lost(tmp_path: Path) -> None:
    rig = await rigged(tmp_path, trade(1), trade(2))
    rig.sink.state = StreamState({"duplicate_window": 120 * SECOND, "max_age": 60 * SECOND}, (), 0)
    rig.hand.time = 61 * SECOND
    await rig.until(lambda: not rig.spool.trades)
    assert (rig.ids, rig.told.count) == ([], 2)
    await rig.spool.close()


async def test_a_segment_is_kept_until_all_of_it_is_acknowledged(tmp_path: Path) -> None:
    rig = await rigged(tmp_path, trade(1), trade(2))
    running = asyncio.create_task(rig.overflow.run())
    async with asyncio.timeout(10):
        await rig.sink.reached.wait()
    await asyncio.sleep(0.05)
    assert rig.spool.trades == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await rig.spool.close()
    again = Rig(tmp_path, process="b-2")
    await again.spool.open()
    assert again.spool.trades == 2
    await again.spool.close()
