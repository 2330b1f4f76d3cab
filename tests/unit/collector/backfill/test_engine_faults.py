"""Holes while REST or NATS fail."""

import json

import pytest

from metdc_collector.exchanges.base import InvalidReply
from metdc_collector.exchanges.history import Page
from metdc_collector.rest import RestError
from metdc_collector.wire.gap import Gap
from metdc_collector.wire.instrument import Instrument
from tests.unit.collector.backfill.made import Newest, Rig, at, jumped, mark
from tests.unit.collector.made import BTC, MOMENT, SECOND, trade


async def test_a_hole_whose_rest_fails_is_told_of_and_asked_for_again() -> None:
    rig = Rig()
    jumped(rig)
    rig.rest.errors = [RestError("no reply"), RestError("busy", retry_after=7.0)]
    assert await rig.run(2) == ["open"]
    assert rig.engine.pending == {"BTCUSDT": trade(5, 99 * SECOND).time}
    assert await rig.run(3) == ["open"]
    assert len(rig.rest.asked) == 2
    assert await rig.run(8) == ["open", "filled"]


async def test_a_reply_that_is_none_is_an_error_of_rest() -> None:
    rig = Rig()
    jumped(rig)

    def read(body: bytes, instrument: Instrument, received: int) -> Page:
        rig.sources[:] = [Newest(rig.rest)]
        raise InvalidReply("no array")

    rig.sources[0].read = read  # type: ignore[method-assign]
    assert await rig.run(8) == ["open", "filled"]


async def test_whatever_a_reply_brings_on_the_hole_is_asked_for_again(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(rest_retry_most=5)
    jumped(rig)
    rig.rest.during = lambda: json.loads("no")
    assert await rig.run(10) == ["filled"]
    assert "unexpected" in caplog.text


async def test_a_hole_of_an_instrument_that_the_venue_knows_no_longer_is_given_up() -> None:
    rig = Rig()
    jumped(rig)
    rig.instruments = {}
    rig.rest.errors = [RestError("unknown symbol") for _ in range(1000)]
    assert await rig.run(200) == ["open", "unfillable"]
    assert rig.engine.pending == {}


async def test_while_nats_is_away_rows_are_fetched_once_and_told_once_they_are_stored() -> None:
    rig = Rig()
    jumped(rig)
    rig.path.usable = False
    await rig.run(600)
    assert len(rig.rest.asked) == 1
    assert rig.ids == ["6", "7", "8"]
    assert {known for _, known in rig.path.published} == {at(5, 99).time}
    assert rig.ledger.filled == 0
    rig.path.usable = True
    await rig.run(5)
    assert (rig.told[-1].state, rig.told[-1].filled) == ("filled", 3)
    assert rig.ids == ["6", "7", "8"]


async def test_rows_are_as_old_as_the_last_look_at_the_stream() -> None:
    rig = Rig()
    jumped(rig)
    await rig.run(3)
    assert {known for _, known in rig.path.published} == {MOMENT + 101 * SECOND}


async def test_rows_are_in_doubt_where_the_stream_could_not_be_looked_at() -> None:
    rig = Rig()
    jumped(rig)
    rig.path.unreadable = True
    await rig.run(3)
    assert {known for _, known in rig.path.published} == {at(5, 99).time}


async def test_nothing_is_asked_for_while_there_is_no_room() -> None:
    rig = Rig()
    jumped(rig)
    rig.path.full = True
    await rig.run(5)
    assert rig.rest.asked == []
    rig.path.full = False
    assert await rig.run(3) == ["filled"]


async def test_what_a_spool_gives_up_piece_by_piece_is_one_hole_that_waits_for_nats() -> None:
    rig = Rig()
    rig.live(at(5, 90), at(20, 100))
    rig.path.order.jumps.clear()
    rig.rest.rows = [at(number, 90 + number / 10) for number in range(5, 21)]
    rig.path.usable = False
    rig.engine.dropped(BTC, mark(at(9, 90.9)), mark(at(11, 91.1)), 1)
    await rig.run(5)
    rig.engine.dropped(BTC, mark(at(6, 90.6)), mark(at(8, 90.8)), 1)
    rig.engine.dropped(BTC, mark(at(9, 90.9)), mark(at(10, 91.0)), 1)
    await rig.run(5)
    assert rig.rest.asked == []
    rig.path.usable = True
    await rig.run(5)
    assert rig.ids == [str(number) for number in range(6, 12)]
    assert [(gap.cause, gap.missing) for gap in rig.told] == [("dropped", 6)]


async def test_what_a_spool_gives_up_before_and_behind_what_it_delivers_are_two_holes() -> None:
    rig = given_up()
    rig.engine.dropped(BTC, mark(at(6, 90.6)), mark(at(8, 90.8)), 1)
    rig.engine.dropped(BTC, mark(at(11, 91.1)), mark(at(12, 91.2)), 2)
    await rig.run(5)
    assert sorted(rig.ids, key=int) == ["6", "7", "8", "11", "12"]
    assert sorted(edges(gap) for gap in rig.told) == [("10", "13"), ("5", "9")]


async def test_pieces_that_begin_or_end_in_the_same_moment_are_told_apart_by_number() -> None:
    rig = given_up()
    rig.engine.dropped(BTC, mark(at(8, 91)), mark(at(8, 91)), 1)
    rig.engine.dropped(BTC, mark(at(7, 91)), mark(at(7, 91)), 1)
    rig.engine.dropped(BTC, mark(at(9, 91)), mark(at(9, 91)), 1)
    await rig.run(5)
    assert [edges(gap) for gap in rig.told] == [("6", "10")]


async def test_what_a_spool_gave_up_is_judged_once_the_rest_of_it_is_delivered() -> None:
    rig = given_up()
    rig.sources[0].most = 2  # REST is no longer as deep as the hole
    rig.spooled = True
    rig.engine.dropped(BTC, mark(at(6, 90.6)), mark(at(12, 91.2)), 1)
    await rig.run(30)
    assert [gap.state for gap in rig.told] == ["open"]
    rig.path.stored += [at(number, 90 + number / 10) for number in range(6, 10)]
    rig.spooled = False
    await rig.run(60)
    assert [(gap.state, gap.missing, gap.first_missing) for gap in rig.told[1:]] == [("partial", 3, "10")]


def given_up() -> Rig:
    """A market whose spool gives trades up, and whose REST has all of them."""
    rig = Rig()
    rig.live(at(5, 90), at(20, 100))
    rig.path.order.jumps.clear()
    rig.rest.rows = [at(number, 90 + number / 10) for number in range(5, 21)]
    return rig


def edges(gap: Gap) -> tuple[str, str]:
    assert gap.before is not None
    assert gap.after is not None
    return gap.before.id, gap.after.id
