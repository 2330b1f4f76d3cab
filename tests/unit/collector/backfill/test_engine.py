"""From a hole that is noticed to its record: what is waited for, asked, published and told."""

from metdc_collector.coverage import Blind
from tests.unit.collector.backfill.made import Newest, Numbered, Rig, at, jumped, mark, only_kept, proven, unnumbered
from tests.unit.collector.made import MOMENT, SECOND, aggregate

# -- counted holes


async def test_numbers_that_did_not_come_are_published_from_rest_and_told() -> None:
    rig = Rig()
    jumped(rig)
    assert await rig.run(3) == ["filled"]
    assert rig.ids == ["6", "7", "8"]
    gap = rig.told[0]
    assert (gap.identity, gap.cause, gap.missing, gap.filled) == ("BTCUSDT:5", "omitted", 3, 3)
    assert rig.engine.pending == {}


async def test_numbers_that_another_pod_has_stored_meanwhile_are_no_hole() -> None:
    rig = Rig()
    jumped(rig)
    rig.path.stored += [at(6, 99), at(7, 99), at(8, 99)]
    assert await rig.run(3) == []
    assert rig.rest.asked == []


async def test_numbers_that_were_never_public_are_told_to_nobody() -> None:
    rig = Rig()
    jumped(rig)
    rig.rest.rows = [at(5, 99), at(9, 100)]
    assert await rig.run(3) == []
    assert rig.ledger.unfillable == 0


async def test_rest_that_lags_is_asked_again() -> None:
    rig = Rig()
    jumped(rig)
    rig.rest.lag = 5
    assert await rig.run(10) == ["filled"]
    assert rig.ids == ["6", "7", "8"]
    assert len(rig.rest.asked) > 1


async def test_rest_that_never_shows_the_end_is_given_up() -> None:
    rig = Rig()
    jumped(rig)
    rig.rest.lag = 1000
    assert await rig.run(70) == ["open", "unfillable"]
    assert (rig.told[-1].missing, rig.told[-1].first_missing, rig.told[-1].last_missing) == (3, "6", "8")


async def test_a_source_that_does_not_reach_back_leaves_a_part() -> None:
    rig = Rig()
    jumped(rig)
    rig.sources[0].most = 3
    assert await rig.run(3) == ["partial"]
    assert (rig.told[0].first_missing, rig.told[0].last_missing, rig.told[0].filled) == ("6", "6", 2)


async def test_what_the_newest_rows_lack_is_asked_of_a_source_that_reaches_further() -> None:
    rig = Rig()
    jumped(rig)
    rig.sources[0].most = 3
    rig.sources.append(Numbered(rig.rest, most=2))
    assert await rig.run(3) == ["filled"]
    assert sorted(rig.ids) == ["6", "7", "8"]
    assert rig.rest.asked == ["newest BTCUSDT", "from 4", "from 6", "from 8", "from 10"]


async def test_an_old_hole_is_not_asked_of_newest_rows_where_others_reach_further() -> None:
    rig = Rig()
    rig.hand.time = 1000 * SECOND
    jumped(rig)
    rig.sources.append(Numbered(rig.rest))
    await rig.run(3)
    assert rig.rest.asked == ["from 4"]


async def test_a_source_that_wants_a_key_is_asked_with_one_only() -> None:
    for keyed in (False, True):
        rig = Rig()
        jumped(rig)
        rig.sources[:] = [Numbered(rig.rest, keyed=True)]
        rig.engine.keyed = keyed
        await rig.run(3)
        assert bool(rig.rest.asked) is keyed


async def test_the_newest_that_the_stream_holds_goes_with_what_is_found() -> None:
    rig = Rig()
    jumped(rig)
    assert await rig.run(3) == ["filled"]
    assert rig.path.behind == at(9, 100).time


async def test_aggregates_close_what_fills_leave() -> None:
    rig = Rig()
    jumped(rig)
    rig.sources[0].most = 2
    rig.sources.append(Newest(rig.rest, aggregates=True))
    rig.rest.rows += [aggregate(1, 4, 5, at=99 * SECOND), aggregate(2, 6, 7, at=99 * SECOND)]
    rig.rest.rows += [aggregate(3, 8, 8, at=99 * SECOND), aggregate(4, 9, 9, at=100 * SECOND)]
    published = only_kept(rig)
    assert await rig.run(3) == ["filled"]
    assert published == ["8", "agg:2"]


async def test_where_aggregates_are_streamed_fills_are_not_asked_for() -> None:
    rig = Rig()
    rig.aggregates = True
    rig.live(aggregate(5, 50, 51, at=99 * SECOND), aggregate(7, 54, 55, at=100 * SECOND))
    rig.sources.append(Newest(rig.rest, aggregates=True))
    rig.rest.rows = [aggregate(number, 40 + 2 * number, 41 + 2 * number, at=99 * SECOND) for number in (5, 6, 7)]
    rig.rest.rows += [at(number, 99) for number in range(50, 56)]
    assert await rig.run(3) == ["filled"]
    assert rig.ids == ["agg:6"]


# -- times


async def test_a_time_without_a_listener_is_asked_for_half_a_second_later_where_nothing_counts() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 90))
    rig.blind(91, 100)
    rig.rest.rows = [unnumbered(1, 90), unnumbered(2, 95)]
    await rig.run(0.4)
    assert rig.rest.asked == []
    await rig.run(0.3)
    assert rig.ids == ["x-2"]
    assert rig.engine.pending == {"BTCUSDT": MOMENT + 90 * SECOND}


async def test_a_hole_begins_a_second_before_the_last_sign_of_life_but_not_before_what_had_come() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 90.8))
    rig.blind(91, 100)
    rig.blind(60, 100, "ETHUSDT")
    rig.engine.notice()
    assert rig.engine.pending == {"BTCUSDT": MOMENT + round(90.8 * SECOND), "ETHUSDT": MOMENT + 59 * SECOND}


async def test_a_time_is_proven_once_rest_surely_shows_its_end() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 90))
    rig.blind(91, 100)
    rig.rest.rows = [unnumbered(1, 90), unnumbered(2, 95)]
    assert await rig.run(12) == ["filled"]
    assert rig.ids == ["x-2"]
    assert rig.told[0].filled == 1


async def test_a_quiet_time_leaves_no_record() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 90))
    rig.blind(91, 100)
    rig.rest.rows = [unnumbered(1, 90)]
    assert await rig.run(12) == []
    assert rig.engine.pending == {}


async def test_a_newer_live_trade_must_show_before_rest_is_believed() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 90))
    rig.blind(91, 100)
    rig.live(unnumbered(3, 111))
    rig.rest.rows = [unnumbered(1, 90), unnumbered(2, 95), unnumbered(3, 111)]
    rig.rest.lag = 20
    rig.hand.time = 112 * SECOND
    await rig.run(5)
    assert rig.engine.pending != {}
    assert await rig.run(30) == ["open", "filled"]
    assert rig.ids == ["x-2"]


async def test_where_numbers_count_the_next_trade_tells_whether_there_was_a_hole() -> None:
    rig = Rig()
    rig.live(at(5, 90))
    rig.blind(91, 100)
    await rig.run(1)
    rig.live(at(6, 101))
    assert await rig.run(15) == []
    assert rig.rest.asked == []


async def test_a_hole_that_numbers_show_has_no_cause_of_a_time_behind_it_or_of_other_numbers() -> None:
    rig = Rig()
    rig.live(at(5, 90), at(8, 91), at(12, 92))
    rig.blind(95, 100)
    rig.rest.rows = [at(number, 90) for number in range(5, 13)]
    assert await rig.run(3) == ["filled", "filled"]
    assert [gap.cause for gap in rig.told] == ["omitted", "omitted"]


async def test_a_hole_that_the_next_trade_shows_has_the_cause_of_the_time() -> None:
    rig = Rig()
    rig.live(at(5, 90))
    rig.path.blinds.append((Blind("BTCUSDT", None, MOMENT), None))
    rig.engine.notice()
    rig.blind(91, 100)
    await rig.run(1)
    rig.live(at(8, 101))
    rig.rest.rows = [at(5, 90), at(6, 95), at(7, 96), at(8, 101)]
    assert await rig.run(5) == ["filled"]
    assert rig.told[0].cause == "disconnected"
    assert rig.ids == ["6", "7"]


async def test_a_quiet_instrument_is_asked_for_after_a_while_also_where_numbers_count() -> None:
    rig = Rig()
    rig.live(at(5, 90))
    rig.blind(91, 100)
    rig.rest.rows = [at(5, 90), at(6, 95)]
    assert await rig.run(9) == []
    assert rig.rest.asked == []
    assert await rig.run(5) == ["filled"]
    assert rig.ids == ["6"]


async def test_what_rest_shows_late_is_found_though_the_rest_of_the_hole_was_published() -> None:
    """The newest trade is one that was found over REST: it does not show that the hole is none."""
    rig = Rig(rest_lag=20)
    rig.live(at(5, 90))
    rig.blind(91, 100)
    rig.rest.rows = [at(5, 90), at(6, 95), at(7, 96)]
    rig.rest.lag = 14.5
    assert await rig.run(30) == ["filled"]
    assert rig.ids == ["6", "7"]
    assert rig.told[0].filled == 2


async def test_several_resets_without_a_trade_between_are_one_hole() -> None:
    rig = Rig()
    rig.live(at(5, 90))
    for start in (91, 94, 97):
        rig.blind(start, start + 2)
    rig.rest.rows = [at(5, 90)]
    rig.sources[0].most = 0
    rig.rest.lag = 1000
    await rig.run(90)
    assert [(gap.identity, gap.start, gap.end) for gap in rig.told if gap.state != "open"] == [
        ("BTCUSDT:5", MOMENT + 90 * SECOND, MOMENT + 99 * SECOND)
    ]


async def test_a_reset_while_the_hole_before_is_asked_for_is_not_forgotten() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 90))
    rig.blind(91, 92)
    rig.rest.rows = [unnumbered(1, 90), unnumbered(2, 91.5), unnumbered(3, 99.5)]

    def reset() -> None:
        rig.blind(99, 100)
        rig.engine.notice()

    rig.rest.during = reset
    await rig.run(20)
    assert rig.engine.pending == {}
    assert sorted(rig.ids) == ["x-2", "x-3"]


async def test_an_instrument_that_is_streamed_no_longer_has_no_new_hole() -> None:
    rig = Rig(consecutive=False)
    rig.instruments = {}
    rig.blind(91, 100)
    rig.engine.notice()
    assert rig.engine.pending == {}


async def test_a_time_that_ends_where_it_begins_is_no_hole() -> None:
    rig = Rig(consecutive=False)
    rig.blind(100, 100)
    rig.engine.notice()
    assert rig.engine.pending == {}


async def test_what_another_living_pod_has_proven_is_no_hole() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 90))
    rig.peers = True
    rig.proofs = [proven("other", MOMENT, MOMENT + 200 * SECOND)]
    rig.blind(91, 100)
    assert await rig.run(2) == []
    assert rig.rest.asked == []


async def test_what_could_not_be_read_is_asked_for_and_told_as_such() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 95), unnumbered(3, 100))
    start, end = MOMENT + 98 * SECOND, MOMENT + 99 * SECOND
    rig.path.blinds.append((Blind("BTCUSDT", start, end, unread=True), mark(unnumbered(1, 95))))
    rig.rest.rows = [unnumbered(1, 95), unnumbered(2, 98.5), unnumbered(3, 100)]
    assert await rig.run(10) == ["filled"]
    assert (rig.ids, rig.told[0].cause) == (["x-2"], "malformed")
