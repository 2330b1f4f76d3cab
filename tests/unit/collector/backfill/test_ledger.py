"""The records of holes: which are told, in which state, and what is counted."""

import asyncio
import contextlib
from dataclasses import replace

from metdc_collector.backfill.ledger import Ledger
from metdc_collector.wire.gap import Edge, Gap, State, decode
from tests.unit.collector.made import MOMENT


def gap(state: State, at: int = 0, before: str = "5", **more: int | str | None) -> Gap:
    made = Gap(
        exchange="binance",
        market="spot",
        base="BTC",
        quote="USDT",
        instrument="BTCUSDT",
        before=Edge(before, MOMENT),
        after=None,
        start=MOMENT + 10,
        end=MOMENT + 20,
        cause="disconnected",
        state=state,
        at=MOMENT + at,
    )
    return replace(made, **more)  # type: ignore[arg-type]


class Desk:
    """Takes records while it is open."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.is_open = is_open
        self.told: list[Gap] = []
        self.identities: list[str] = []
        self.slow: asyncio.Event | None = None
        self.given = asyncio.Event()
        self.ledger = Ledger(self._tell)

    async def _tell(self, subject: str, data: bytes, identity: str) -> bool:
        if self.slow is not None:
            await self.slow.wait()
        if self.is_open:
            assert subject == "gaps.binance.spot.BTC.USDT"
            self.told.append(decode(data))
            self.identities.append(identity)
            self.given.set()
        return self.is_open

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many are open, filled and unfillable."""
        return len(self.ledger.open), self.ledger.filled, self.ledger.unfillable

    @property
    def states(self) -> list[str]:
        return [record.state for record in self.told]


async def test_a_hole_is_told_of_when_it_is_looked_for_and_when_it_is_settled() -> None:
    desk = Desk()
    desk.ledger.opened(gap("open"))
    assert await desk.ledger.flush()
    assert desk.counts == (1, 0, 0)
    desk.ledger.settled(gap("filled", at=1))
    assert await desk.ledger.flush()
    assert desk.states == ["open", "filled"]
    assert desk.identities == [f"gap:BTCUSDT:5:open:{MOMENT}", f"gap:BTCUSDT:5:filled:{MOMENT + 1}"]
    assert desk.counts == (0, 1, 0)


async def test_a_hole_that_proves_to_be_none_before_anybody_was_told_is_never_told() -> None:
    desk = Desk()
    desk.ledger.settled(gap("empty"))
    assert await desk.ledger.flush()
    assert desk.told == []


async def test_a_hole_that_was_told_of_and_proves_to_be_none_is_closed() -> None:
    desk = Desk()
    desk.ledger.opened(gap("open"))
    desk.ledger.settled(gap("empty"))
    await desk.ledger.flush()
    assert desk.counts == (0, 0, 0)
    assert desk.states == ["empty"]


async def test_records_wait_while_nobody_takes_them_and_a_later_state_replaces_an_earlier_one() -> None:
    desk = Desk(is_open=False)
    desk.ledger.opened(gap("open"))
    desk.ledger.opened(gap("open", before="9"))
    assert not await desk.ledger.flush()
    desk.ledger.settled(gap("partial", at=1))
    desk.is_open = True
    assert await desk.ledger.flush()
    assert [(record.identity, record.state) for record in desk.told] == [
        ("BTCUSDT:5", "partial"),
        ("BTCUSDT:9", "open"),
    ]


async def test_two_that_publish_at_once_lose_no_record() -> None:
    desk = Desk()
    desk.slow = asyncio.Event()
    desk.ledger.opened(gap("open"))
    desk.ledger.opened(gap("open", before="9"))
    both = [asyncio.create_task(desk.ledger.flush()) for _ in range(2)]
    await asyncio.sleep(0)
    desk.slow.set()
    assert await asyncio.gather(*both) == [True, True]
    assert {record.identity for record in desk.told} == {"BTCUSDT:5", "BTCUSDT:9"}


async def test_a_state_that_comes_while_its_predecessor_is_published_is_published_too() -> None:
    desk = Desk()
    desk.slow = asyncio.Event()
    desk.ledger.opened(gap("open"))
    flush = asyncio.create_task(desk.ledger.flush())
    await asyncio.sleep(0)
    desk.ledger.settled(gap("filled", at=1))
    desk.slow.set()
    assert await flush
    assert desk.states == ["open", "filled"]


async def test_what_was_filled_in_part_counts_as_unfillable_and_is_logged() -> None:
    desk = Desk()
    desk.ledger.settled(gap("partial", before="5"))
    desk.ledger.settled(gap("unfillable", before="6"))
    await desk.ledger.flush()
    assert desk.counts == (0, 0, 2)
    assert desk.states == ["partial", "unfillable"]


async def test_two_holes_behind_one_trade_that_nobody_could_fill_are_one() -> None:
    desk = Desk()
    desk.ledger.settled(gap("unfillable", missing=3, first_missing="6", last_missing="8"))
    second = gap("unfillable", at=9, start=MOMENT + 30, end=MOMENT + 40, missing=2)
    desk.ledger.settled(replace(second, first_missing="10", last_missing="11"))
    await desk.ledger.flush()
    last = desk.told[-1]
    assert (last.start, last.end, last.missing) == (MOMENT + 10, MOMENT + 40, 5)
    assert (last.first_missing, last.last_missing, last.state) == ("6", "11", "unfillable")
    assert desk.ledger.unfillable == 1


async def test_of_two_holes_behind_one_trade_the_record_spans_only_the_one_that_was_not_filled() -> None:
    desk = Desk()
    desk.ledger.settled(gap("unfillable", filled=0))
    desk.ledger.settled(gap("filled", at=9, start=MOMENT + 30, end=MOMENT + 40, filled=4))
    await desk.ledger.flush()
    last = desk.told[-1]
    assert (last.state, last.start, last.end, last.filled) == ("partial", MOMENT + 10, MOMENT + 20, 4)
    assert desk.counts == (0, 0, 1)


async def test_a_hole_that_is_none_changes_nothing_of_the_one_behind_the_same_trade() -> None:
    desk = Desk()
    before = gap("partial", missing=3, filled=1)
    desk.ledger.settled(before)
    desk.ledger.opened(gap("open", at=8))
    desk.ledger.settled(gap("empty", at=9))
    await desk.ledger.flush()
    assert desk.told[-1] == replace(before, at=MOMENT + 9)


async def test_counts_are_exact_or_null() -> None:
    desk = Desk()
    desk.ledger.settled(gap("unfillable", missing=3))
    desk.ledger.settled(gap("unfillable", at=1))
    await desk.ledger.flush()
    assert desk.told[-1].missing is None


async def test_records_are_published_as_they_come() -> None:
    desk = Desk()
    running = asyncio.create_task(desk.ledger.run())
    desk.ledger.opened(gap("open"))
    async with asyncio.timeout(5):
        await desk.given.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_of_very_many_that_were_not_filled_the_first_are_forgotten() -> None:
    desk = Desk()
    for number in range(10_001):
        desk.ledger.settled(gap("unfillable", before=str(number)))
    desk.ledger.settled(gap("filled", at=1, before="0"))
    desk.ledger.settled(gap("filled", at=1, before="1"))
    assert desk.counts == (0, 1, 10_001)


async def test_a_farewell_that_takes_too_long_leaves_the_rest_untold() -> None:
    desk = Desk()
    desk.ledger.opened(gap("open"))
    assert not await desk.ledger.flush(lambda: False)
    assert desk.told == []
