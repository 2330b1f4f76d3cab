"""What is kept of a connection's frames."""

from metdc_collector.exchanges.base import Kind, Parsed, Refusal
from metdc_collector.verify.heard import MOST_ROWS, Finds, Heard, row_of
from tests.unit.collector.made import BTC, ETH, MOMENT, SECOND, trade
from tests.unit.collector.verify.made import MS, NAME, UNTIL, at, frame, heard, other, raw


def test_only_the_first_examples_are_kept() -> None:
    finds = Finds()
    for number in range(5):
        finds.note(str(number))
    assert (finds.seen, finds.wrong, finds.examples) == (5, 5, ["0", "1", "2"])


def test_frames_are_counted_by_their_kind_and_odd_ones_are_shown() -> None:
    one = Heard(digit=MS, consecutive=True)
    for kind in (Kind.OTHER, Kind.MALFORMED, Kind.MALFORMED, Kind.MALFORMED):
        one.take(b'{"a":1}', Parsed(kind, reason="" if kind is Kind.OTHER else "broken"), MOMENT)
    assert (one.frames, one.kinds[Kind.OTHER], one.kinds[Kind.MALFORMED]) == (4, 1, 3)
    assert one.odd == ['unknown: {"a":1}', 'broken: {"a":1}', 'broken: {"a":1}']


def test_rows_that_nobody_asked_for_are_counted() -> None:
    one = Heard(digit=MS, consecutive=True)
    one.take(b"{}", Parsed(Kind.TRADE, out_of_scope=("ETHUSDT", "ETHUSDT")), MOMENT)
    assert one.out_of_scope == 2


def test_answers_to_subscriptions_are_kept_with_their_times() -> None:
    one = Heard(digit=MS, consecutive=True)
    one.ask(["A", "B"], MOMENT)
    one.take(b"{}", Parsed(Kind.CONTROL, acknowledged=["A"], refused=[Refusal("B", "no")]), MOMENT + 5)
    one.take(b"{}", Parsed(Kind.CONTROL, acknowledged=["A"]), MOMENT + 9)
    assert one.asked == {"A": MOMENT, "B": MOMENT}
    assert (one.acknowledged, one.refused) == ({"A": MOMENT + 5}, {"B": "no"})


def test_a_control_frame_answers_the_oldest_heartbeat() -> None:
    one = Heard(digit=MS, consecutive=True)
    one.take(b"{}", Parsed(Kind.CONTROL), MOMENT)  # nothing waits for it
    one.beat(MOMENT)
    one.beat(MOMENT + 10)
    one.take(b"{}", Parsed(Kind.CONTROL, acknowledged=["A"]), MOMENT + 20)  # that is another question's answer
    one.take(b"{}", Parsed(Kind.CONTROL), MOMENT + 30)
    assert (one.answers, list(one.beats)) == ([30], [MOMENT + 10])


def test_consecutive_ids_have_no_hole() -> None:
    one = heard(frame(at(1, 1)), frame(at(2, 2)), frame(at(3, 3)))
    assert (one.holes.seen, one.holes.wrong) == (2, 0)


def test_a_step_of_two_is_a_hole_and_told() -> None:
    one = heard(frame(at(1, 1)), frame(at(3, 2)))
    assert one.holes.examples == ["BTCUSDT 1 → 3"]


def test_an_id_used_up_without_a_trade_is_no_hole() -> None:
    one = heard(frame(at(1, 1)))
    one.take(b"{}", Parsed(Kind.CONTROL, skipped=[(BTC, "2")]), UNTIL)
    one.take(b"{}", frame(at(3, 3)), UNTIL)
    assert (one.holes.seen, one.holes.wrong) == (2, 0)


def test_each_instrument_has_its_own_ids() -> None:
    one = heard(frame(at(1, 1)), frame(trade(700, SECOND, ETH)), frame(at(2, 2)), frame(trade(701, 2 * SECOND, ETH)))
    assert (one.holes.seen, one.holes.wrong) == (2, 0)


def test_an_id_that_comes_again_is_repeated_and_is_no_hole() -> None:
    one = heard(frame(at(1, 1)), frame(at(1, 1)))
    assert (one.repeated.examples, one.holes.seen) == (["BTCUSDT 1"], 0)


def test_rows_of_a_snapshot_may_come_again() -> None:
    one = heard(frame(at(1, 1)), frame(at(1, 1), at(2, 2), replayed=True))
    assert (one.repeated.seen, one.repeated.wrong) == (1, 0)


def test_numbers_without_steps_of_one_are_compared_frame_by_frame() -> None:
    one = heard(frame(at(5, 1), at(9, 1)), frame(at(9, 2)), frame(at(8, 3)), consecutive=False)
    assert one.holes.seen == 0
    assert one.numbers.examples == ["BTCUSDT number 9 → 8"]


def test_venues_without_numbers_have_none_to_compare() -> None:
    one = heard(frame(other(at(1, 1), seq=None)), frame(other(at(2, 2), seq=None)))
    assert (one.numbers.seen, one.holes.seen) == (0, 0)


def test_times_fall_from_one_frame_to_the_next() -> None:
    one = heard(frame(at(1, 2)), frame(at(2, 1)))
    assert len(one.times.examples) == 1


def test_a_snapshot_may_go_back_in_time() -> None:
    one = heard(frame(at(1, 2)), frame(at(0, 1), at(1, 2), replayed=True))
    assert one.times.wrong == 0


def test_the_first_frame_of_an_instrument_is_kept() -> None:
    one = heard(frame(at(1, 1), at(2, 2)), frame(at(3, 3)))
    assert one.first[NAME] == (MOMENT + 2 * SECOND, 2, MOMENT + SECOND, False)


def test_the_order_of_rows_is_that_of_the_raw_frame() -> None:
    rows = [at(1, 1), at(2, 2), at(3, 3)]
    one = heard()
    one.take(raw(rows), frame(*rows), UNTIL)
    one.take(raw(rows[::-1]), frame(*rows), UNTIL)
    one.take(raw([rows[1], rows[0], rows[2]]), frame(*rows), UNTIL)
    assert (one.crowded, one.orders.seen, one.orders.wrong, one.newest_first) == (3, 3, 1, 1)


def test_a_send_time_with_the_same_digits_does_not_count_as_a_row() -> None:
    rows = [at(1, 1), at(2, 2)]
    one = heard()
    one.take(b'{"ts":%d,"data":[' % (rows[1].time // MS) + raw(rows), frame(*rows), UNTIL)
    assert one.newest_first == 0


def test_rows_of_one_time_and_times_that_are_not_found_have_no_order() -> None:
    one = heard()
    one.take(raw([at(1, 1)]), frame(at(1, 1), at(2, 1)), UNTIL)
    one.take(b"{}", frame(at(3, 3), at(4, 4)), UNTIL)
    assert (one.crowded, one.orders.seen) == (2, 0)


def test_the_lag_of_live_trades_has_a_least_and_a_most() -> None:
    late = [
        other(at(number, number), received=MOMENT + number * SECOND + lag) for number, lag in ((1, 5), (2, 3), (3, 9))
    ]
    one = heard(frame(at(0, 0)), *(frame(each) for each in late))
    assert one.lag == (3, 9)


def test_first_frames_and_snapshots_say_nothing_of_the_clock() -> None:
    assert heard(frame(at(1, 1)), frame(at(2, 2), replayed=True)).lag is None


def test_a_trade_sent_before_its_time_is_told_in_whole_milliseconds() -> None:
    sent = [other(at(number, number), sent=MOMENT + number * SECOND - early) for number, early in ((1, 0), (2, 2 * MS))]
    one = heard(frame(at(0, 0)), *(frame(each) for each in sent))
    assert (one.sendings.seen, one.sendings.examples) == (2, ["BTCUSDT 2: 2 ms before its time"])


def test_the_newest_rows_are_kept_and_that_others_were_let_go() -> None:
    one = heard(*(frame(at(number, number)) for number in range(MOST_ROWS + 2)))
    assert (len(one.rows[NAME]), one.pruned, next(iter(one.rows[NAME]))) == (MOST_ROWS, {NAME}, "2")


def test_a_row_is_compared_by_price_quantity_side_and_time() -> None:
    row = row_of(at(1, 1))
    assert row.values == ("80227.01", "0.5", "buy", MOMENT + SECOND)
    assert row._replace(received=0, kind="block").values == row.values
