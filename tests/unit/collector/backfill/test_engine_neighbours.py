"""Several holes of one instrument: a reply that shows them from edge to edge closes all of them."""

from dataclasses import dataclass, replace

import pytest

from metdc_collector.exchanges.history import Page
from metdc_collector.wire.instrument import Instrument
from tests.unit.collector.backfill.made import Newest, Numbered, Rig, at, only_kept, unnumbered
from tests.unit.collector.made import BTC, ETH, MOMENT, SECOND, aggregate, trade


def with_three_holes() -> Rig:
    """Return a rig where 6, 8 and 10 did not come, and REST shows them."""
    rig = Rig()
    rig.live(at(5, 95), at(7, 97), at(9, 99), at(11, 100))
    rig.rest.rows = [at(number, 90 + number) for number in range(4, 12)]
    return rig


async def test_one_reply_closes_all_holes_that_it_shows_from_edge_to_edge() -> None:
    rig = with_three_holes()
    assert await rig.run(3) == ["filled"] * 3
    assert sorted(rig.ids, key=int) == ["6", "8", "10"]
    assert rig.rest.asked == ["newest BTCUSDT"]


async def test_a_hole_that_a_reply_shows_in_part_is_asked_for_by_itself() -> None:
    rig = with_three_holes()
    rig.sources[0].most = 4  # from 8 on
    rig.rest.during = lambda: setattr(rig.sources[0], "most", 100)
    assert await rig.run(3) == ["filled"] * 3
    assert sorted(rig.ids, key=int) == ["6", "8", "10"]
    assert len(set(rig.ids)) == len(rig.ids)


async def test_holes_of_another_instrument_are_asked_for_by_themselves() -> None:
    rig = with_three_holes()
    rig.live(trade(1, 95 * SECOND, ETH), trade(3, 99 * SECOND, ETH))
    rig.rest.rows += [trade(number, 95 * SECOND, ETH) for number in (1, 2, 3)]
    assert await rig.run(3) == ["filled"] * 4
    assert sorted(rig.rest.asked) == ["newest BTCUSDT", "newest ETHUSDT"]


@dataclass
class Damaged(Newest):
    """The newest rows, and one that can't be read."""

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        return replace(super().read(body, instrument, received), damaged=1)


async def test_a_damaged_reply_closes_no_hole_but_the_one_it_was_asked_for() -> None:
    rig = with_three_holes()
    rig.sources[:] = [Damaged(rig.rest)]
    assert await rig.run(3) == ["filled"] * 3
    assert len(rig.rest.asked) == 3


@dataclass
class Near(Numbered):
    """Four rows from a number on; 6 can't be read."""

    def read(self, body: bytes, instrument: Instrument, received: int) -> Page:
        fills = [row for row in super().read(body, instrument, received).trades if row.aggregate is None][:4]
        healthy = [row for row in fills if row.id != "6"]
        return Page(healthy, damaged=len(fills) - len(healthy))


async def test_aggregates_close_no_other_hole_of_which_fills_may_be_had() -> None:
    rig = with_three_holes()
    rig.rest.rows += [aggregate(number, number, number, at=90 * SECOND) for number in range(4, 12)]
    rig.sources[:] = [Near(rig.rest), Newest(rig.rest, aggregates=True)]
    published = only_kept(rig)
    await rig.run(3)
    assert sorted(published) == ["10", "8", "agg:6"]


async def test_holes_of_numbers_that_were_never_public_are_closed_by_the_same_reply_at_once() -> None:
    rig = Rig()
    rig.live(*(at(number, 95) for number in range(1, 60, 2)))
    rig.rest.rows = [at(number, 95) for number in range(1, 60, 2)]
    assert await rig.run(1.5) == []
    assert (rig.rest.asked, rig.engine.pending) == (["newest BTCUSDT"], {})


def with_two_times() -> Rig:
    """Return a rig where nobody listened for a second before 65.5 and before 75.5 s, and trades came beside them."""
    rig = Rig(consecutive=False)
    for row, end in ((unnumbered(1, 60), 65.5), (unnumbered(3, 70), 75.5)):
        rig.live(row)
        rig.blind(end - 1, end)
    return rig


async def test_times_in_which_nobody_listened_are_closed_by_one_reply_too() -> None:
    rig = with_two_times()
    rig.live(unnumbered(5, 90))
    rig.rest.rows = [unnumbered(number, at) for number, at in ((1, 60), (2, 65), (3, 70), (4, 75), (5, 90))]
    assert await rig.run(5) == ["filled", "filled"]
    assert (sorted(rig.ids), rig.rest.asked) == (["x-2", "x-4"], ["newest BTCUSDT"])


async def test_what_the_stream_holds_of_a_neighbour_is_not_published_again() -> None:
    rig = with_two_times()
    rig.live(unnumbered(2, 65), unnumbered(4, 75), unnumbered(5, 90))
    rig.rest.rows = [unnumbered(number, at) for number, at in ((1, 60), (2, 65), (3, 70), (4, 75), (5, 90))]
    assert await rig.run(5) == []
    assert (rig.ids, rig.rest.asked, rig.engine.pending) == ([], ["newest BTCUSDT"], {})


async def test_while_nats_is_away_a_neighbour_is_closed_all_the_same() -> None:
    rig = with_two_times()
    rig.live(unnumbered(5, 90))
    rig.path.usable = False
    rig.rest.rows = [unnumbered(number, at) for number, at in ((1, 60), (2, 65), (3, 70), (4, 75), (5, 90))]
    await rig.run(2)
    assert (sorted(rig.ids), rig.rest.asked) == (["x-2", "x-4"], ["newest BTCUSDT"])


async def test_a_neighbour_that_is_not_shown_to_its_end_is_asked_for_by_itself() -> None:
    rig = with_two_times()
    rig.live(unnumbered(4, 76))
    rig.rest.rows = [unnumbered(number, at) for number, at in ((1, 60), (2, 65), (3, 70), (4, 76))]
    await rig.run(5)
    assert (rig.ids, len(rig.rest.asked)) == (["x-2"], 2)


def with_a_refused_request(seconds: float) -> Rig:
    """Return such a rig, where REST has failed for the first time, which is due again after so many seconds."""
    rig = with_two_times()
    rig.live(unnumbered(5, 90))
    rig.engine.notice()
    first, _ = rig.engine._jobs["BTCUSDT"]
    first.tries, first.due = 1, MOMENT + round((100 + seconds) * SECOND)
    return rig


async def test_a_neighbour_of_which_rest_has_failed_is_closed_by_the_next_reply_whenever_it_is_due() -> None:
    rig = with_a_refused_request(1000)
    rig.rest.rows = [unnumbered(number, at) for number, at in ((1, 60), (2, 65), (3, 70), (4, 75), (5, 90))]
    assert await rig.run(5) == ["filled"]
    assert (sorted(rig.ids), rig.rest.asked) == (["x-2", "x-4"], ["newest BTCUSDT"])


async def test_what_a_reply_shows_of_a_neighbours_end_is_taken_since_a_later_one_may_show_less() -> None:
    rig = with_a_refused_request(5)
    rig.rest.rows = [unnumbered(number, at) for number, at in ((2, 65), (3, 70), (4, 75), (5, 90))]
    assert await rig.run(4) == ["filled"]
    assert (sorted(rig.ids), len(rig.rest.asked)) == (["x-2", "x-4"], 1)
    rig.sources[0].most = 3
    assert await rig.run(4) == ["filled", "partial"]
    assert (sorted(rig.ids), len(rig.rest.asked)) == (["x-2", "x-4"], 2)
    assert rig.told[-1].filled == 1


async def test_so_is_what_a_reply_shows_of_a_neighbours_beginning() -> None:
    rig = with_two_times()
    rig.engine.notice()
    _, last = rig.engine._jobs["BTCUSDT"]
    last.tries, last.due = 1, MOMENT + 200 * SECOND
    rig.rest.rows = [unnumbered(number, at) for number, at in ((1, 60), (2, 65), (3, 70), (4, 75))]
    assert await rig.run(1) == ["filled"]
    assert (sorted(rig.ids), rig.rest.asked) == (["x-2", "x-4"], ["newest BTCUSDT"])


async def test_what_a_reply_shows_beside_a_hole_is_a_sample() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 50), unnumbered(3, 60), unnumbered(6, 90))
    rig.blind(64.5, 65.5)
    rig.rest.rows = [unnumbered(number, at) for number, at in enumerate((50, 55, 60, 65, 80, 90), start=1)]
    await rig.run(1)
    ((instrument, asked, rows),) = rig.samples
    assert (rig.ids, instrument, [row.id for row in rows]) == (["x-4"], BTC, ["x-2", "x-5"])
    assert MOMENT + 100 * SECOND <= asked <= MOMENT + 101 * SECOND


async def test_what_lies_in_another_hole_is_taken_with_that() -> None:
    rig = Rig(consecutive=False)
    rig.live(unnumbered(1, 60))
    rig.blind(64.5, 65.5)
    rig.live(unnumbered(3, 97))
    rig.blind(98.9, 99.9)
    rig.rest.rows = [unnumbered(number, at) for number, at in ((1, 60), (2, 65), (3, 97), (4, 98.9), (5, 99.9))]
    await rig.run(0.8)
    assert rig.samples[0][2] == []


async def test_a_reply_without_rows_is_an_empty_sample() -> None:
    rig = Rig(consecutive=False)
    rig.blind(64.5, 65.5)
    await rig.run(1)
    assert [rows for _, _, rows in rig.samples] == [[]]


@pytest.mark.parametrize("lacks", ["numbers", "look"])
async def test_a_reply_is_no_sample_where_numbers_count_or_the_stream_was_not_looked_at(lacks: str) -> None:
    rig = with_three_holes() if lacks == "numbers" else with_two_times()
    rig.path.unreadable = lacks == "look"
    rig.rest.rows.append(unnumbered(9, 80))
    await rig.run(1)
    assert (len(rig.rest.asked) > 0, rig.samples) == (True, [])
