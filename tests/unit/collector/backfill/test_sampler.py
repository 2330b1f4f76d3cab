"""REST's newest rows beside the stream: whom it looks at, and what it does with what did not come."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from metdc_collector.clock import Timers
from metdc_collector.exchanges.base import InvalidReply, Rate, Request
from metdc_collector.exchanges.history import Page, Span
from metdc_collector.rest import RestError
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.report import Samples
from tests.unit.collector.backfill.made import Newest, at, mark, unnumbered
from tests.unit.collector.backfill.sampling import Rig
from tests.unit.collector.made import BTC, ETH, MOMENT, SECOND

# -- what it finds


async def test_rows_that_came_are_counted() -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, 50), unnumbered(2, 60)]
    rig.path.stored = [unnumbered(1, 50), unnumbered(2, 60)]
    await rig.sampler.sample(BTC)
    assert rig.sampler.samples == Samples(checked=2, missing=0, repaired=0)
    assert (rig.ids, rig.silent) == ([], [])


async def test_a_row_that_did_not_come_is_taken_from_rest() -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, 50), unnumbered(2, 60), unnumbered(3, 70)]
    rig.path.order.mark([unnumbered(3, 70)])
    rig.path.stored = [unnumbered(1, 50), unnumbered(3, 70)]
    await rig.sampler.sample(BTC)
    assert [(each.id, each.late, known) for each, known in rig.path.published] == [("x-2", True, MOMENT + 100 * SECOND)]
    assert rig.sampler.samples == Samples(checked=3, missing=1, repaired=1)
    assert rig.silent == []


@pytest.mark.parametrize("newest", [True, False])
async def test_an_instrument_whose_newer_trades_do_not_come_is_silent(newest: bool) -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, 50), unnumbered(2, 60)]
    if newest:
        rig.path.order.mark([unnumbered(1, 50)])
        rig.path.stored = [unnumbered(1, 50)]
    await rig.sampler.sample(BTC)
    assert rig.silent == ["BTCUSDT"]
    assert rig.ids == (["x-2"] if newest else ["x-1", "x-2"])


@pytest.mark.parametrize("seconds", [5, 10, 96, 99])
async def test_rows_of_before_the_subscription_and_of_just_now_prove_nothing(seconds: int) -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, seconds)]
    await rig.sampler.sample(BTC)
    assert (rig.ids, rig.sampler.samples) == ([], Samples())


async def test_where_aggregates_are_streamed_fills_prove_nothing() -> None:
    rig = Rig(consecutive=True)
    rig.aggregates = True
    rig.rest.rows = [at(50, 40), at(51, 40)]
    await rig.sampler.sample(BTC)
    assert (rig.ids, rig.rest.asked) == ([], [])


@pytest.mark.parametrize(("seconds", "silent"), [(12, []), (12.001, ["BTCUSDT"])])
async def test_clocks_that_differ_explain_a_row_of_just_behind_the_subscription(
    seconds: float, silent: list[str]
) -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, seconds)]
    await rig.sampler.sample(BTC)
    assert (rig.ids, rig.silent) == (["x-1"], silent)


async def test_where_another_connection_has_taken_over_rows_are_taken_but_nobody_is_called_silent() -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, 50)]
    rig.rest.during = lambda: rig.since.update(BTCUSDT=MOMENT + 100 * SECOND)
    await rig.sampler.sample(BTC)
    assert (rig.ids, rig.silent) == (["x-1"], [])


async def test_rows_prove_nothing_while_the_stream_can_not_be_looked_at() -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, 50)]
    rig.path.unreadable = True
    await rig.sampler.sample(BTC)
    assert (rig.ids, rig.silent, rig.sampler.samples) == ([], [], Samples())


async def test_rows_wait_until_the_stream_can_be_looked_at_again() -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, 50)]
    rig.path.unreadable = True
    await rig.sampler.sample(BTC)
    await rig.sampler.finish(MOMENT + 10**6 * SECOND)  # each is tried once: it ends
    rig.path.unreadable = False
    rig.hand.time = 104 * SECOND
    await rig.sampler.compare_young()
    assert (rig.ids, rig.sampler.samples) == (["x-1"], Samples(checked=1, missing=1, repaired=1))


async def test_rows_wait_while_what_was_received_waits_for_its_predecessor() -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, 50), unnumbered(2, 60)]
    rig.path.held["BTCUSDT"] = mark(unnumbered(2, 60))
    await rig.sampler.sample(BTC)
    assert (rig.sampler.samples, rig.ids, rig.silent) == (Samples(), [], [])
    rig.path.held.clear()
    rig.path.stored = [unnumbered(1, 50), unnumbered(2, 60)]
    rig.hand.time += 60 * SECOND
    await rig.sampler.compare_young()
    assert (rig.sampler.samples, rig.ids, rig.silent) == (Samples(checked=2), [], [])


async def test_what_nobody_listens_to_is_not_asked_for() -> None:
    rig = Rig()
    rig.since["BTCUSDT"] = None
    await rig.sampler.sample(BTC)
    assert rig.rest.asked == []


async def test_a_reply_that_is_none_is_an_error_of_rest() -> None:
    rig = Rig()

    class Broken(Newest):
        def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
            raise InvalidReply("no array")

    rig.venue.sources = [Broken(rig.rest)]
    with pytest.raises(RestError, match="no array"):
        await rig.sampler.sample(BTC)


# -- rows of before a break


async def test_what_was_left_out_before_a_break_is_taken_where_nothing_counts() -> None:
    rig = Rig()
    rig.first = {"BTCUSDT": MOMENT + 10 * SECOND}
    rig.since["BTCUSDT"] = MOMENT + 90 * SECOND
    rig.rest.rows = [unnumbered(1, 10), unnumbered(2, 50), unnumbered(3, 80)]
    rig.path.stored = [unnumbered(3, 80)]
    await rig.sampler.sample(BTC)
    assert (rig.ids, rig.silent) == (["x-2"], [])
    assert rig.sampler.samples == Samples(checked=2, missing=1, repaired=1)


async def test_where_numbers_count_a_break_is_a_hole_and_rows_of_before_are_no_business_of_a_sample() -> None:
    rig = Rig(consecutive=True)
    rig.first = {"BTCUSDT": MOMENT + 10 * SECOND}
    rig.since["BTCUSDT"] = MOMENT + 90 * SECOND
    rig.rest.rows = [at(50, 50)]
    await rig.sampler.sample(BTC)
    assert (rig.ids, rig.sampler.samples) == ([], Samples())


@pytest.mark.parametrize("listens", [True, False])
async def test_what_a_reply_shows_by_the_way_is_taken_since_this_process_first_listened(listens: bool) -> None:
    rig = Rig()
    rig.first = {"BTCUSDT": MOMENT + 10 * SECOND}
    rig.since["BTCUSDT"] = MOMENT + 90 * SECOND if listens else None
    rig.sampler.note(BTC, MOMENT + 91 * SECOND, [unnumbered(1, 10), unnumbered(2, 50)])
    await rig.sampler.compare_young()
    assert (rig.ids, rig.silent) == (["x-2"], [])


async def test_before_this_process_has_listened_a_reply_shows_nothing_of_its_own() -> None:
    rig = Rig()
    rig.since["BTCUSDT"] = None
    rig.sampler.note(BTC, MOMENT + 91 * SECOND, [unnumbered(1, 50)])
    await rig.sampler.finish(MOMENT + 10**6 * SECOND)
    assert (rig.ids, rig.sampler.samples) == ([], Samples())


# -- rows that are young


async def test_a_young_row_is_compared_once_it_has_grown() -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(1, 50), unnumbered(2, 96), unnumbered(3, 99)]
    rig.path.stored = [unnumbered(1, 50)]
    await rig.sampler.sample(BTC)
    assert rig.sampler.samples == Samples(checked=1, missing=0, repaired=0)
    rig.path.stored += [unnumbered(2, 96)]
    rig.hand.time = 104 * SECOND - 1
    await rig.sampler.compare_young()
    assert rig.ids == []
    rig.hand.time = 104 * SECOND
    await rig.sampler.compare_young()
    assert rig.ids == ["x-3"]
    assert rig.sampler.samples == Samples(checked=3, missing=1, repaired=1)


async def test_a_young_row_is_none_of_ours_once_aggregates_are_streamed() -> None:
    rig = Rig()
    rig.rest.rows = [unnumbered(3, 99)]
    await rig.sampler.sample(BTC)
    rig.aggregates = True
    rig.hand.time = 104 * SECOND
    await rig.sampler.compare_young()
    assert (rig.ids, rig.sampler.samples) == ([], Samples())


async def test_at_the_end_young_rows_are_compared_at_once_and_only_once() -> None:
    rig = Rig()
    for instrument in (BTC, ETH):
        rig.rest.rows.append(unnumbered(1, 99, instrument))
        await rig.sampler.sample(instrument)
    for _ in range(2):
        await rig.sampler.finish(MOMENT + 10**6 * SECOND)
    assert rig.ids == ["x-1", "x-1"]
    assert rig.sampler.samples == Samples(checked=2, missing=2, repaired=2)


async def test_young_rows_are_compared_as_time_goes_by() -> None:
    rig = Rig()
    rig.instruments = {"BTCUSDT": BTC}
    rig.rest.rows = [unnumbered(1, 103)]
    await rig.run(6)
    assert rig.ids == ["x-1"]


async def test_of_very_many_young_rows_only_some_are_kept_until_there_is_room_again() -> None:
    rig = Rig()
    rig.venue.sources[0].most = 10_000
    rig.rest.rows = [unnumbered(number, 99) for number in range(5_001)]
    await rig.sampler.sample(BTC)
    rig.rest.rows = [unnumbered(0, 99, ETH)]
    await rig.sampler.sample(ETH)
    await rig.sampler.finish(MOMENT + 10**6 * SECOND)
    assert rig.sampler.samples.checked == 5_000
    await rig.sampler.sample(ETH)
    await rig.sampler.finish(MOMENT + 10**6 * SECOND)
    assert rig.sampler.samples.checked == 5_001


# -- whom it looks at


def test_each_is_looked_at_in_turn_the_busiest_first() -> None:
    rig = Rig()
    rig.path.order.mark([unnumbered(1, 50), unnumbered(2, 60, ETH)])
    assert [rig.chosen() for _ in range(4)] == ["ETHUSDT", "BTCUSDT", "ETHUSDT", "BTCUSDT"]


def test_what_nobody_listens_to_is_passed_over() -> None:
    rig = Rig()
    rig.since["ETHUSDT"] = None
    rig.path.order.mark([unnumbered(2, 60, ETH)])
    assert rig.chosen() == "BTCUSDT"
    rig.since["BTCUSDT"] = None
    assert rig.chosen() is None


def test_what_is_streamed_no_longer_is_passed_over() -> None:
    rig = Rig()
    rig.path.order.mark([unnumbered(1, 50), unnumbered(2, 60, ETH)])
    assert rig.chosen() == "ETHUSDT"
    rig.instruments = {}
    assert rig.chosen() is None


def test_where_numbers_count_only_quiet_instruments_are_looked_at() -> None:
    rig = Rig(consecutive=True)
    rig.path.order.mark([at(5, 71), at(5, 69)._replace(instrument=ETH)])
    assert [rig.chosen() for _ in range(2)] == ["ETHUSDT", "ETHUSDT"]


def test_suspects_come_first_and_again_after_a_while() -> None:
    rig = Rig()
    rig.path.order.mark([unnumbered(2, 60, ETH)])
    rig.suspects = ["BTCUSDT", "GONE"]
    assert [rig.chosen() for _ in range(2)] == ["BTCUSDT", "ETHUSDT"]
    rig.hand.time += 31 * SECOND
    assert rig.chosen() == "BTCUSDT"


# -- how often


def test_samples_take_a_quarter_of_the_share_of_the_budget() -> None:
    rig = Rig()
    rig.venue.limits = SimpleNamespace(rest_weight=Rate(5, 1))
    assert rig.sampler.pause() == pytest.approx(6.4)  # 5 a second, an eighth of it, a quarter of that
    rig.venue.limits = SimpleNamespace(rest_weight=Rate(1000, 1))
    assert rig.sampler.pause() == 5.0


def test_each_is_looked_at_once_an_hour_whatever_the_budget() -> None:
    rig = Rig()
    rig.instruments = {f"C{number}": BTC for number in range(2000)}
    assert rig.sampler.pause() == pytest.approx(1.8)


@pytest.mark.parametrize("lacks", ["instruments", "sources", "requests"])
async def test_with_nothing_to_ask_it_waits(lacks: str) -> None:
    rig = Rig()

    class Mute(Newest):
        def request(self, span: Span) -> Request | None:
            return None

    if lacks == "instruments":
        rig.instruments = {}
    else:
        rig.venue.sources = [] if lacks == "sources" else [Mute(rig.rest)]
    assert rig.sampler.pause() == 5.0
    await rig.run(3)
    assert rig.rest.asked == []


async def test_while_nats_is_away_nothing_is_asked() -> None:
    rig = Rig()
    rig.path.usable = False
    await rig.run(3)
    assert rig.rest.asked == []


async def test_an_error_of_rest_is_waited_for() -> None:
    rig = Rig()
    rig.rest.errors = [RestError("busy", retry_after=7.0), RestError("no reply")]
    await rig.run(5)
    assert rig.slept[1] == 7.0
    assert 0.0 in rig.slept


async def test_whatever_a_reply_brings_on_the_next_is_looked_at(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.sampler.timers = replace(Timers(), sample=2.0)

    def fail() -> None:
        raise ValueError("odd")

    rig.rest.during = fail
    await rig.run(4)
    assert len(rig.rest.asked) > 1
    assert "unexpected ValueError" in caplog.text


async def test_an_instrument_with_a_hole_is_left_to_those_who_close_it() -> None:
    rig = Rig()
    rig.pending = {"BTCUSDT", "ETHUSDT"}
    assert rig.sampler.choose() is None
    rig.pending.clear()
    assert rig.sampler.choose() is not None


async def test_at_the_end_only_as_much_is_compared_as_there_is_time() -> None:
    rig = Rig()
    rig.sampler._young.append((0, BTC, 0, []))
    await rig.sampler.finish(0)
    assert rig.sampler._young
