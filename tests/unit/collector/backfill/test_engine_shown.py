"""How soon a time without a listener is proven: by a trade heard behind it, a snapshot over it, or another pod."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from metdc_collector.continuity import Shown
from metdc_collector.exchanges.base import Channel, Request
from tests.unit.collector.backfill.made import Newest, Numbered, Rig, at, mark, proven, unnumbered
from tests.unit.collector.made import BTC, MOMENT, SECOND


def reset(rig: Rig) -> None:
    """Nobody listened from 91 to 100 s; a trade before it came, one inside it did not."""
    rig.live(unnumbered(1, 90))
    rig.blind(91, 100)
    rig.rest.rows = [unnumbered(1, 90), unnumbered(2, 95)]


# -- a trade that was heard behind it


@pytest.mark.parametrize("joining", [True, False])
async def test_a_reply_that_shows_a_trade_heard_behind_a_hole_shows_its_end(*, joining: bool) -> None:
    rig = Rig(consecutive=False)
    reset(rig)
    later = unnumbered(3, 100.2)
    rig.rest.rows.append(later)
    if joining:
        rig.path.held["BTCUSDT"] = mark(later)
    else:
        rig.live(later)
    assert await rig.run(1) == ["filled"]
    assert rig.ids == ["x-2"]
    assert len(rig.rest.asked) == 1


async def test_a_reply_with_newer_rows_than_those_heard_shows_its_end() -> None:
    rig = Rig(consecutive=False)
    reset(rig)
    rig.live(unnumbered(3, 100.2))
    rig.rest.rows.append(unnumbered(4, 100.3))
    assert await rig.run(1) == ["filled"]


async def test_while_a_reply_lacks_what_was_heard_behind_a_hole_rest_is_asked_after_1_2_4_seconds() -> None:
    rig = Rig(consecutive=False)
    reset(rig)
    rig.live(unnumbered(3, 100.2))
    assert await rig.run(6) == []
    assert len(rig.rest.asked) == 3
    rig.rest.rows.append(unnumbered(3, 100.2))
    assert await rig.run(3) == ["filled"]


async def test_a_rest_that_has_the_same_rows_later_is_left_alone_for_longer_while_it_lags() -> None:
    rig = Rig(consecutive=False)
    rig.sources.append(Newest(rig.rest, depth=86_400.0))
    reset(rig)
    rig.live(unnumbered(3, 100.2))
    assert await rig.run(14) == []
    assert len(rig.rest.asked) == 2, "and only of the newest rows, which lag as the others do"


async def test_without_a_later_trade_rest_is_asked_twice() -> None:
    rig = Rig(consecutive=False)
    reset(rig)
    await rig.run(9.9)
    assert len(rig.rest.asked) == 1
    assert await rig.run(1) == ["filled"]
    assert len(rig.rest.asked) == 2


async def test_a_trade_before_a_hole_shows_nothing_of_it_though_the_venues_clock_is_ahead() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 100.5))
    rig.blind(99.5, 100)
    rig.rest.rows = [unnumbered(1, 100.5)]
    await rig.run(5)
    assert rig.engine.pending == {"BTCUSDT": MOMENT + 99_500_000_000}
    rig.rest.rows.append(unnumbered(2, 100.8))
    await rig.run(6)
    assert rig.ids == ["x-2"]


# -- rows behind it


async def test_rows_behind_a_hole_are_left_to_the_stream_until_they_must_have_come() -> None:
    rig = Rig(consecutive=False)
    reset(rig)
    rig.rest.rows.append(unnumbered(3, 100.1))
    await rig.run(3)
    assert rig.ids == ["x-2"]
    assert await rig.run(9) == ["filled"]
    assert rig.ids == ["x-2", "x-3"]
    assert rig.told[-1].filled == 1


# -- a snapshot over it


@pytest.mark.parametrize(
    ("oldest", "came", "proven"),
    [
        (unnumbered(1, 90), 100, True),  # the trade before it
        (unnumbered(0, 89.9), 100, True),  # an older one
        (unnumbered(0, 90), 100, False),  # of the same time
        (unnumbered(2, 95), 100, False),
        (unnumbered(1, 90), 99.9, False),  # told before the hole was over
    ],
)
async def test_a_snapshot_from_before_a_hole_that_came_behind_it_proves_it(
    oldest: Any, came: float, *, proven: bool
) -> None:
    rig = Rig(consecutive=False)
    reset(rig)
    rig.path.snapshots["BTCUSDT"] = Shown(mark(oldest), MOMENT + round(came * SECOND))
    await rig.run(1)
    assert (rig.rest.asked == [], rig.engine.pending == {}) == (proven, proven)
    assert rig.told == []


@pytest.mark.parametrize(("oldest", "proven"), [(56.9, True), (57, False)])
async def test_where_no_trade_lies_before_a_hole_a_snapshot_has_to_begin_a_margin_earlier(
    oldest: float, *, proven: bool
) -> None:
    rig = Rig(consecutive=False)
    rig.blind(60, 100)
    rig.path.snapshots["BTCUSDT"] = Shown(mark(unnumbered(0, oldest)), MOMENT + 100 * SECOND)
    await rig.run(1)
    assert (rig.rest.asked == []) is proven


# -- another pod


async def test_a_process_that_starts_waits_for_the_proof_of_one_that_was_alive_a_moment_ago() -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 80))
    rig.proofs = [proven("alive", MOMENT, MOMENT + 99 * SECOND)]
    rig.blind(None, 100)
    await rig.run(0.8)
    assert rig.rest.asked == []
    rig.proofs = [proven("alive", MOMENT, MOMENT + 101 * SECOND)]
    assert await rig.run(12) == []
    assert (rig.rest.asked, rig.engine.pending) == ([], {})


@pytest.mark.parametrize("silent", [97.0, 90.0])
async def test_one_that_has_been_silent_for_four_seconds_is_waited_for_no_longer(silent: float) -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 80))
    rig.proofs = [proven("dead", MOMENT, MOMENT + round(silent * SECOND))]
    rig.blind(None, 100)
    await rig.run(1.5)
    assert len(rig.rest.asked) == 1


@pytest.mark.parametrize("start", [None, 97])
async def test_one_that_lives_and_has_not_stored_yet_what_it_received_is_waited_for(start: float | None) -> None:
    rig = Rig(consecutive=False)
    rig.peers = start is not None
    for seconds in range(9):
        rig.proofs = [proven("lags", MOMENT, MOMENT + 90 * SECOND, told=MOMENT + (100 + seconds) * SECOND)]
        if not seconds:
            rig.blind(start, 100)
        await rig.run(1)
    assert rig.rest.asked == []
    rig.proofs = [proven("lags", MOMENT, MOMENT + 101 * SECOND, told=MOMENT + 109 * SECOND)]
    assert await rig.run(1) == []
    assert (rig.rest.asked, rig.engine.pending) == ([], {})


@pytest.mark.parametrize("start", [None, 97])
async def test_one_that_goes_on_telling_that_it_could_not_store_is_waited_for_ten_seconds(start: float | None) -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 80))
    rig.peers = start is not None
    rig.proofs = [proven("lags", MOMENT, MOMENT + 90 * SECOND, told=MOMENT + 300 * SECOND)]
    rig.blind(start, 100)
    await rig.run(9)
    assert rig.rest.asked == []
    await rig.run(2)
    assert len(rig.rest.asked) == 1


@pytest.mark.parametrize(("start", "asked"), [(None, 3.0), (97, 0.0)])
async def test_one_that_did_not_listen_either_is_waited_for_at_a_start_alone(start: float | None, asked: float) -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 80))
    rig.peers = True
    other = proven("other", MOMENT, MOMENT + 90 * SECOND, told=MOMENT + 300 * SECOND)
    rig.proofs = [replace(other, exceptions={"BTCUSDT": MOMENT + 95 * SECOND})]
    rig.blind(start, 100)
    await rig.run(asked)
    assert rig.rest.asked == []
    await rig.run(1)
    assert len(rig.rest.asked) == 1


async def test_what_others_have_not_proven_is_asked_for_once_they_tell_no_more() -> None:
    rig = Rig(consecutive=False)
    reset(rig)
    rig.peers = True
    rig.proofs = [proven("other", MOMENT, MOMENT + 97 * SECOND)]
    await rig.run(0.8)
    assert rig.rest.asked == []
    await rig.run(1)
    assert len(rig.rest.asked) == 1


# -- turns


async def test_all_that_is_due_is_asked_for_within_one_tick() -> None:
    rig = Rig(consecutive=False)
    coins = [replace(BTC, name=f"C{number}USDT", base=f"C{number}") for number in range(12)]
    rig.instruments = {coin.name: coin for coin in coins}
    for coin in coins:
        rig.blind(91, 100, coin.name)
    await rig.run(0.4)
    assert rig.rest.asked == []
    await rig.run(0.2)
    assert len(rig.rest.asked) == 12


async def test_no_more_than_four_holes_are_asked_for_at_once() -> None:
    rig = Rig(consecutive=False)
    coins = [replace(BTC, name=f"C{number}USDT", base=f"C{number}") for number in range(6)]
    rig.instruments = {coin.name: coin for coin in coins}
    for coin in coins:
        rig.blind(91, 100, coin.name)
    never, get = asyncio.Event(), rig.rest.get

    async def slow(request: Request) -> bytes:
        reply = await get(request)
        await never.wait()
        return reply

    rig.rest.get = slow  # type: ignore[method-assign]
    await rig.run(1)
    assert len(rig.rest.asked) == 4


async def test_a_source_that_has_no_way_to_ask_for_a_hole_is_passed_over() -> None:
    rig = Rig(consecutive=False)
    reset(rig)
    rig.sources.insert(0, Numbered(rig.rest))
    await rig.run(1)
    assert rig.rest.asked == ["newest BTCUSDT"]


async def test_what_rest_was_asked_about_counts_until_it_is_settled() -> None:
    rig = Rig(consecutive=False)
    reset(rig)
    await rig.run(0.4)
    assert rig.engine.looked_for == 0
    await rig.run(1)
    assert rig.engine.looked_for == 1
    await rig.run(12)
    assert rig.engine.looked_for == 0


async def test_the_next_number_behind_a_snapshot_of_a_counting_feed_leaves_nothing_to_ask() -> None:
    rig = Rig()
    rig.live(at(5, 90))
    rig.blind(91, 100)
    rig.path.snapshots["BTCUSDT"] = Shown(mark(at(4, 89)), MOMENT + 100 * SECOND)
    assert await rig.run(12) == []
    assert rig.rest.asked == []


async def test_where_no_snapshot_comes_rest_is_asked_at_once() -> None:
    rig = Rig(consecutive=False)
    rig.venue.channels = (Channel("trade", consecutive=False),)
    reset(rig)
    await rig.run(0.2)
    assert len(rig.rest.asked) == 1
