"""Rows that replies about holes show by the way, and rows that a farewell compares."""

import asyncio

from metdc_collector.wire.report import Samples
from tests.unit.collector.backfill.made import unnumbered
from tests.unit.collector.backfill.sampling import Rig
from tests.unit.collector.made import BTC, MOMENT, SECOND


async def test_rows_that_a_reply_shows_by_the_way_are_a_sample() -> None:
    rig = Rig()
    rig.path.stored = [unnumbered(2, 96)]
    rig.sampler.note(BTC, MOMENT + 99 * SECOND, [unnumbered(0, 9), unnumbered(1, 95), unnumbered(2, 96)])
    await rig.sampler.compare_young()
    assert rig.ids == []
    rig.hand.time += 4 * SECOND
    await rig.sampler.compare_young()
    assert (rig.ids, rig.sampler.samples) == (["x-1"], Samples(checked=2, missing=1, repaired=1))


async def test_rows_by_the_way_of_what_nobody_listens_to_are_none() -> None:
    rig = Rig()
    rig.since["BTCUSDT"] = None
    rig.sampler.note(BTC, MOMENT, [unnumbered(1, 95)])
    rig.since["BTCUSDT"] = MOMENT + 10 * SECOND
    await rig.sampler.compare_young()
    assert (rig.ids, rig.sampler.samples) == ([], Samples())


async def test_a_farewell_and_a_round_that_compare_at_once_take_each_row_once() -> None:
    rig = Rig()
    rig.path.stored = [unnumbered(1, 50), unnumbered(2, 60)]
    for row in (unnumbered(1, 50), unnumbered(2, 60)):
        rig.sampler.note(BTC, MOMENT + 90 * SECOND, [row])

    async def settled() -> None:
        await asyncio.sleep(0)

    rig.path.settled = settled  # type: ignore[method-assign]
    await asyncio.gather(rig.sampler.compare_young(), rig.sampler.finish(MOMENT + 101 * SECOND))
    assert rig.sampler.samples == Samples(checked=2)
