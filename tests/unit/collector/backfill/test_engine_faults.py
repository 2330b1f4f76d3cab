"""Holes while REST or NATS fail."""

import json

import pytest

from metdc_collector.exchanges.base import InvalidReply
from metdc_collector.exchanges.history import Page
from metdc_collector.rest import RestError
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
    rig.engine.dropped(BTC, mark(at(9, 90.9)), mark(at(11, 91.1)))
    await rig.run(5)
    rig.engine.dropped(BTC, mark(at(6, 90.6)), mark(at(8, 90.8)))
    rig.engine.dropped(BTC, mark(at(9, 90.9)), mark(at(10, 91.0)))
    await rig.run(5)
    assert rig.rest.asked == []
    rig.path.usable = True
    await rig.run(5)
    assert rig.ids == [str(number) for number in range(6, 12)]
    assert [(gap.cause, gap.missing) for gap in rig.told] == [("dropped", 6)]
