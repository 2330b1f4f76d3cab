"""Two connections, and REST beside the socket: each trade is told alike by both, or the difference is named."""

from dataclasses import replace

import pytest

from metdc_collector.verify import checks
from metdc_collector.verify.assumed import Assumed
from metdc_collector.verify.checks import Result, Verdict
from metdc_collector.verify.heard import Heard, row_of
from metdc_collector.wire.trade import Trade
from tests.unit.collector.verify.made import NAME, UNTIL, frame, heard, live, other, seen

PLAIN = Assumed(instruments=2)
HELD, BROKEN, NOT_SEEN = Verdict.HELD, Verdict.BROKEN, Verdict.NOT_SEEN


def without(number: int) -> Heard:
    return heard(*(each for each in live() if each.trades[0].id != str(number)), consecutive=False)


def changed(number: int, **changes: object) -> Heard:
    return heard(*(frame(other(row, **changes)) if row.id == str(number) else frame(row) for row in told()))


def told() -> list[Trade]:
    return [row for each in live() for row in each.trades]


def test_two_connections_that_tell_the_same_hold() -> None:
    assert checks.same_on_both(PLAIN, seen(heard(*live()), heard(*live()))).verdict is HELD


def test_a_trade_that_one_connection_lacks_is_named() -> None:
    result = checks.same_on_both(PLAIN, seen(heard(*live()), without(3)))
    assert result.verdict is BROKEN
    assert result.observed.endswith("not BTCUSDT 3: only on one side")


def test_a_trade_that_differs_between_connections_is_named() -> None:
    assert checks.same_on_both(PLAIN, seen(heard(*live()), changed(3, price="1"))).verdict is BROKEN


def test_trades_at_the_edges_of_what_both_heard_are_not_compared() -> None:
    shorter = without(5)
    shorter.ended, shorter.lasted = "broke", 50.0
    assert checks.same_on_both(PLAIN, seen(without(0), shorter)).verdict is HELD


def test_rows_that_were_let_go_are_not_missed() -> None:
    pruned = without(1)
    pruned.pruned.add(NAME)
    del pruned.rows[NAME]["0"]
    assert checks.same_on_both(PLAIN, seen(heard(*live()), pruned)).verdict is HELD


def test_one_connection_is_no_witness_of_itself() -> None:
    assert checks.same_on_both(PLAIN, seen(heard(*live()))).verdict is NOT_SEEN


def rest(rows: list[Trade], one: Heard | None = None) -> Result:
    found = seen(one or heard(*live()))
    found.rest[NAME] = {row.id: row_of(other(row, received=0)) for row in rows}
    found.asked_at[NAME] = UNTIL
    return checks.rest_equals(PLAIN, found)


def test_rest_that_tells_the_same_holds() -> None:
    assert rest(told()).verdict is HELD


@pytest.mark.parametrize("changes", [{"price": "1"}, {"quantity": "1"}, {"side": "sell"}])
def test_a_value_that_differs_over_rest_is_named(changes: dict[str, object]) -> None:
    assert rest([other(row, **changes) if row.id == "3" else row for row in told()]).verdict is BROKEN


def test_a_trade_that_only_rest_tells_is_named() -> None:
    assert rest(told(), without(3)).observed.endswith("not BTCUSDT 3: only on one side")


def test_a_trade_that_only_the_socket_tells_is_named() -> None:
    assert rest([row for row in told() if row.id != "3"]).observed.endswith("not BTCUSDT 3: only on the socket")


def test_uncommon_trades_may_be_left_out_over_rest() -> None:
    assert rest([row for row in told() if row.id != "3"], changed(3, kind="insurance")).verdict is HELD


def test_what_lies_before_the_rows_of_rest_is_not_missed() -> None:
    assert rest(told()[4:]).verdict is HELD


def test_rows_of_rest_that_cannot_be_read_are_told() -> None:
    result = checks.rest_equals(PLAIN, replace(seen(heard(*live())), rest_damaged=2))
    assert (result.verdict, result.observed) == (BROKEN, "2 rows of REST not readable")


def test_where_one_of_the_two_has_nothing_nothing_is_compared() -> None:
    unacknowledged = heard(*live())
    unacknowledged.acknowledged.clear()
    assert rest([]).verdict is NOT_SEEN
    assert rest(told(), heard()).verdict is NOT_SEEN
    assert rest(told(), unacknowledged).verdict is NOT_SEEN
