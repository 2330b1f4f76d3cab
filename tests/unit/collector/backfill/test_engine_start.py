"""What a process that starts has missed, what it proves to others, and holes that others have left."""

import pytest

from metdc_collector.backfill.holes import Hole
from metdc_collector.backfill.proof import Kept, Proof
from metdc_collector.coverage import Blind
from metdc_collector.exchanges.history import Mark
from metdc_collector.rest import RestError
from tests.unit.collector.backfill.made import Newest, Rig, at, jumped, mark, only_kept, proven, unnumbered
from tests.unit.collector.made import BTC, MOMENT, SECOND, aggregate

# -- the start of a process


async def test_a_process_continues_from_what_another_has_proven() -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 20))
    rig.proofs = [proven("gone", MOMENT, MOMENT + 60 * SECOND)]
    rig.blind(None, 100)
    rig.rest.rows = [unnumbered(1, 20), unnumbered(2, 80)]
    rig.engine.notice()
    assert rig.engine.pending == {"BTCUSDT": 0}
    await rig.run(4)
    assert rig.engine.pending == {"BTCUSDT": MOMENT + 59 * SECOND}
    assert await rig.run(10) == ["filled"]
    assert (rig.told[0].identity, rig.told[0].cause) == ("BTCUSDT:x-1", "restarted")


async def test_what_became_of_the_holes_of_the_start_is_kept_and_no_others() -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 20))
    rig.proofs = [Proof("gone", MOMENT, MOMENT + 60 * SECOND, MOMENT + 60 * SECOND, frozenset({"BTCUSDT"}))]
    rig.blind(None, 100)
    rig.rest.rows = [unnumbered(1, 20), unnumbered(2, 80)]
    assert rig.engine.beginning() == {"BTCUSDT"}
    await rig.run(14)
    assert rig.engine.beginning() == set()
    assert {name: [gap.state for gap in gaps] for name, gaps in rig.engine.begun.items()} == {"BTCUSDT": ["filled"]}
    rig.blind(120, 130)
    assert rig.engine.beginning() == set()
    left = Hole(BTC, None, None, MOMENT, MOMENT + SECOND, "restarted", MOMENT)
    rig.engine.take_over(left, 0)
    assert rig.engine.beginning() == set()


async def test_a_process_beside_one_that_is_alive_finds_no_hole() -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 20))
    rig.proofs = [proven("alive", MOMENT, MOMENT + 102 * SECOND)]
    rig.blind(None, 100)
    assert await rig.run(5) == []
    assert (rig.rest.asked, rig.engine.pending) == ([], {})


async def test_a_process_where_nobody_has_listened_before_has_no_hole() -> None:
    rig = Rig(consecutive=False)
    rig.proofs = None
    rig.blind(None, 100)
    assert await rig.run(5) == []
    assert (rig.rest.asked, rig.engine.pending) == ([], {})


async def test_where_nobody_has_listened_before_a_hole_begins_when_the_venue_was_first_asked_in_vain() -> None:
    rig = Rig(consecutive=False)
    rig.proofs = None
    rig.path.blinds.append((Blind("BTCUSDT", None, MOMENT + 100 * SECOND, asked=MOMENT + 97 * SECOND), None))
    rig.rest.rows = [unnumbered(1, 90), unnumbered(2, 98), unnumbered(3, 101)]
    rig.live(unnumbered(3, 101))
    assert await rig.run(10) == ["filled"]
    assert rig.ids == ["x-2"]
    assert (rig.told[0].start, rig.told[0].cause) == (MOMENT + 97 * SECOND, "restarted")


async def test_what_is_proven_until_later_than_the_first_vain_question_is_no_hole() -> None:
    rig = Rig(consecutive=False)
    rig.proofs = [proven("gone", MOMENT, MOMENT + 102 * SECOND)]
    rig.path.blinds.append((Blind("BTCUSDT", None, MOMENT + 100 * SECOND, asked=MOMENT + 97 * SECOND), None))
    assert await rig.run(10) == []
    assert rig.rest.asked == []


async def test_a_process_that_did_not_listen_to_an_instrument_proves_nothing_of_it() -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 20))
    rig.proofs = [Proof("other", MOMENT, MOMENT + 102 * SECOND, MOMENT + 102 * SECOND, frozenset({"ETHUSDT"}))]
    rig.peers = True
    rig.blind(None, 100)
    await rig.run(1)
    assert rig.engine.pending == {"BTCUSDT": MOMENT + 20 * SECOND}


async def test_where_another_process_does_not_know_yet_and_nothing_is_stored_there_is_no_hole() -> None:
    rig = Rig(consecutive=False)
    rig.proofs = [
        Proof("other", MOMENT, MOMENT + 90 * SECOND, MOMENT + 90 * SECOND, frozenset({"BTCUSDT"}), {"BTCUSDT": 0})
    ]
    rig.blind(None, 100)
    assert await rig.run(30) == []
    assert (rig.rest.asked, rig.engine.pending) == ([], {})


async def test_what_a_process_tells_before_it_leaves_closes_a_hole_that_rest_could_not() -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 20))
    rig.rest.errors = [RestError("away")]
    rig.proofs = [proven("leaving", MOMENT, MOMENT + 60 * SECOND)]
    rig.blind(None, 100)
    await rig.run(1)
    assert (len(rig.rest.asked), rig.engine.pending) == (1, {"BTCUSDT": MOMENT + 59 * SECOND})
    rig.proofs = [proven("leaving", MOMENT, MOMENT + 102 * SECOND)]
    await rig.run(5)
    assert (len(rig.rest.asked), rig.engine.pending) == (1, {})


async def test_a_process_without_proofs_continues_from_the_newest_stored_trade() -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 80))
    rig.blind(None, 100)
    await rig.run(4)
    assert rig.engine.pending == {"BTCUSDT": MOMENT + 80 * SECOND}


@pytest.mark.parametrize("reason", ["away", "unprimed"])
async def test_a_process_that_can_not_know_what_is_stored_waits_until_it_does(reason: str) -> None:
    rig = Rig(consecutive=False)
    rig.proofs = None
    rig.path.usable, rig.path.primed = reason != "away", reason != "unprimed"
    rig.blind(None, 100)
    await rig.run(60)
    assert rig.engine.pending == {"BTCUSDT": 0}
    rig.path.usable = rig.path.primed = True
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 80))
    rig.rest.rows = [unnumbered(1, 80), unnumbered(2, 90)]
    await rig.run(5)
    assert rig.ids == ["x-2"]


async def test_a_process_that_continues_and_sees_the_next_number_has_no_hole() -> None:
    rig = Rig()
    rig.path.before["BTCUSDT"] = mark(at(5, 20))
    rig.live(at(5, 20))
    rig.blind(None, 100)
    rig.live(at(6, 101))
    assert await rig.run(15) == []
    assert rig.engine.pending == {}


async def test_fills_behind_stored_aggregates_do_not_show_that_nothing_is_missing() -> None:
    rig = Rig()
    rig.path.before["BTCUSDT"] = mark(aggregate(5, 50, 51, at=80 * SECOND))
    rig.live(at(60, 101))
    rig.blind(None, 100)
    rig.sources.append(Newest(rig.rest, aggregates=True))
    rig.rest.rows = [aggregate(5, 50, 51, at=80 * SECOND), aggregate(6, 52, 59, at=90 * SECOND)]
    published = only_kept(rig)
    await rig.run(12)
    assert published == ["agg:6"]


async def test_an_instrument_that_is_new_is_asked_for_from_before_its_first_trade() -> None:
    rig = Rig(consecutive=False)
    rig.blind(60, 100)
    rig.rest.rows = [unnumbered(2, 80)]
    assert await rig.run(12) == ["filled"]
    assert (rig.told[0].identity, rig.told[0].cause, rig.told[0].before) == ("BTCUSDT:", "listed", None)


# -- what a dead process has left on disk


async def test_what_is_on_disk_is_not_asked_for_where_numbers_do_not_count() -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 20))
    rig.proofs = [proven("dead", MOMENT, MOMENT + 30 * SECOND)]
    rig.kept = [Kept(proven("dead", MOMENT + 40 * SECOND, MOMENT + 80 * SECOND), {"BTCUSDT": mark(at(7, 75))})]
    rig.blind(None, 100)
    rig.rest.rows = [unnumbered(number, when) for number, when in ((1, 20), (2, 35), (3, 60), (4, 90), (5, 110))]
    await rig.run(30)
    spans = [(gap.identity, gap.start, gap.end, gap.state) for gap in rig.told]
    assert sorted(spans) == [
        ("BTCUSDT:7", MOMENT + 79 * SECOND, MOMENT + 100 * SECOND, "filled"),
        ("BTCUSDT:x-1", MOMENT + 29 * SECOND, MOMENT + 40 * SECOND, "filled"),
    ]
    assert sorted(rig.ids) == ["x-2", "x-4"]
    assert {gap.cause for gap in rig.told} == {"restarted"}


async def test_what_was_on_disk_until_after_the_start_leaves_no_hole() -> None:
    rig = Rig(consecutive=False)
    rig.path.before["BTCUSDT"] = mark(unnumbered(1, 20))
    rig.kept = [Kept(proven("dead", MOMENT + 20 * SECOND, MOMENT + 101 * SECOND), {})]
    rig.blind(None, 100)
    assert await rig.run(30) == []
    assert (rig.rest.asked, rig.engine.pending) == ([], {})


async def test_behind_what_is_on_disk_alone_numbers_that_are_missing_are_asked_for() -> None:
    rig = Rig()
    rig.kept = [Kept(proven("dead", MOMENT, MOMENT + 80 * SECOND), {"BTCUSDT": mark(at(10, 79))})]
    rig.blind(None, 100)
    rig.live(at(15, 103))
    rig.rest.rows = [at(10, 79), at(11, 79.5), at(12, 90), at(13, 95), at(14, 99), at(15, 103)]
    assert await rig.run(30) == ["filled"]
    assert rig.ids == ["11", "12", "13", "14"]
    assert rig.told[0].start == MOMENT + 79 * SECOND


def spooled(rig: Rig, first: int, last: int) -> None:
    """Numbers from the one to the other, a second each, are on disk behind the stored 5; the next one is live."""
    rig.live(at(5, 5))
    rig.kept = [Kept(proven("dead", MOMENT, MOMENT + last * SECOND), {"BTCUSDT": mark(at(last, last))})]
    rig.live(at(last + 1, last + 1))
    rig.rest.rows = [at(number, number) for number in range(1, 13)]
    rig.delivers = True


async def test_numbers_that_are_still_delivered_from_disk_are_waited_for() -> None:
    rig = Rig()
    spooled(rig, 6, 10)
    await rig.run(30)
    assert (rig.rest.asked, rig.told) == ([], [])
    rig.path.stored += [at(number, number) for number in range(6, 11)]
    rig.delivers = False
    assert await rig.run(5) == []
    assert (rig.rest.asked, rig.engine.pending) == ([], {})


async def test_of_numbers_that_disk_did_not_have_only_those_are_a_hole() -> None:
    rig = Rig()
    spooled(rig, 8, 10)
    rig.path.stored += [at(number, number) for number in range(8, 11)]
    rig.delivers = False
    assert await rig.run(5) == ["filled"]
    assert rig.ids == ["6", "7"]
    (gap,) = rig.told
    assert (gap.identity, gap.start, gap.end) == ("BTCUSDT:5", MOMENT + 5 * SECOND, MOMENT + 8 * SECOND)


async def test_a_delivery_that_takes_long_does_not_keep_rest_from_being_asked() -> None:
    rig = Rig()
    spooled(rig, 8, 10)
    await rig.run(70)
    assert rig.ids == ["6", "7", "8", "9"]


async def test_of_what_disk_has_by_the_thousand_rest_is_not_asked_before_it_is_delivered() -> None:
    rig = Rig()
    rig.live(at(5, 5))
    rig.kept = [Kept(proven("dead", MOMENT, MOMENT + 90 * SECOND), {"BTCUSDT": mark(at(1_007, 90))})]
    rig.live(at(1_008, 91))
    rig.delivers = True
    await rig.run(300)
    assert rig.rest.asked == []
    rig.path.stored += [at(number, 50) for number in range(7, 1_008)]
    rig.rest.rows = [at(number, number) for number in range(1, 13)]
    rig.delivers = False
    assert await rig.run(5) == ["filled"]
    assert rig.ids == ["6"]


async def test_numbers_behind_those_on_disk_are_asked_for_at_once() -> None:
    rig = Rig()
    rig.live(at(5, 5))
    rig.kept = [Kept(proven("dead", MOMENT, MOMENT + 10 * SECOND), {"BTCUSDT": mark(at(10, 10))})]
    rig.live(at(12, 12))
    rig.rest.rows = [at(number, number) for number in range(1, 13)]
    rig.delivers = True
    await rig.run(3)
    assert rig.ids == ["11"]


# -- proofs, and holes of others


def test_nothing_is_proven_before_anybody_listens() -> None:
    assert Rig().engine.proof("me", MOMENT) is None


async def test_a_process_proves_what_it_has_listened_to_without_a_hole() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 90))
    rig.blind(91, 100)
    rig.path.dark = {"ETHUSDT": MOMENT + 95 * SECOND, "XRPUSDT": None}
    rig.path.held["ETHUSDT"] = mark(at(5, 97))
    proof = rig.engine.proof("me", MOMENT + 99 * SECOND)
    assert proof is not None
    assert (proof.pod, proof.since, proof.at) == ("me", MOMENT + 100 * SECOND, MOMENT + 99 * SECOND)
    assert proof.names == {"BTCUSDT", "ETHUSDT"}
    assert proof.exceptions == {
        "BTCUSDT": MOMENT + 90 * SECOND,
        "ETHUSDT": MOMENT + 95 * SECOND,
    }
    assert proof.held == {"ETHUSDT": MOMENT + 97 * SECOND}


async def test_a_hole_that_another_pod_has_left_open_is_gone_on_with() -> None:
    rig = Rig()
    jumped(rig)
    rig.path.order.jumps.clear()
    hole = Hole(BTC, mark(at(5, 99)), mark(at(9, 100)), at(5, 99).time, at(9, 100).time, "disconnected", MOMENT)
    rig.path.stored.append(at(6, 99.25))
    rig.engine.take_over(hole, filled=1)
    assert await rig.run(2) == ["filled"]
    assert (rig.told[0].filled, rig.ids) == (3, ["7", "8"])


async def test_a_hole_that_was_told_of_and_proves_to_be_none_is_closed() -> None:
    rig = Rig()
    rig.live(at(5, 90))
    rig.blind(91, 100)
    rig.rest.errors = [RestError("no reply")]
    assert await rig.run(10.5) == ["open"]
    rig.live(at(6, 110))
    assert await rig.run(5) == ["open", "empty"]
    assert rig.ledger.open == {}


async def test_of_many_holes_the_busiest_instrument_is_first_and_failed_ones_are_last() -> None:
    rig = Rig(consecutive=False)
    names = [f"C{number}USDT" for number in range(6)]
    coins = {name: BTC.__class__(BTC.exchange, BTC.market, name, name[:-4], "USDT") for name in names}
    rig.instruments = dict(coins)
    for number, coin in enumerate(coins.values()):
        rig.live(unnumbered(1, 80 + number, coin))
        rig.blind(91, 100, coin.name)
    await rig.run(0.6)
    assert rig.rest.asked[:4] == [f"newest C{number}USDT" for number in (5, 4, 3, 2)]
    assert len(rig.engine.pending) == 6


async def test_2300_holes_at_once_cost_little() -> None:
    rig = Rig(consecutive=False)
    rig.rest.errors = [RestError("no reply") for _ in range(10_000)]
    coins = [BTC.__class__(BTC.exchange, BTC.market, f"C{number}", f"C{number}", "USDT") for number in range(2300)]
    rig.instruments = {coin.name: coin for coin in coins}
    compared = 0

    class Counting(Mark):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return super().__eq__(other)

        __hash__ = Mark.__hash__

    for coin in coins:
        rig.path.blinds.append((Blind(coin.name, MOMENT, MOMENT + SECOND), Counting("x", MOMENT)))
    rig.engine.notice()
    assert (len(rig.engine.pending), compared) == (2300, 0)
