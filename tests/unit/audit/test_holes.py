"""The rules about holes: a trade is stored, or lies in a record of its own that is no wider than the fault allows."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit import ledger as ledgers
from tests.audit.holes import Found, Holes, Span
from tests.audit.stream import Stored
from tests.integration.audit_examples import Message, bitcoin, instrument, scaled, trade

SECOND = 1_000_000_000
T = 1790001515000000000
COUNT = 10
"""Trades of the ledger, one a second; numbers 5 and 6 are sent while nobody listens."""
MARKET = "binance.spot"
KEY = ("binance", "spot", "BTCUSDT")


def at(number: int) -> int:
    return T + number * SECOND


def sent(number: int, **rest: Any) -> dict[str, Any]:
    reached = {"connections": 0 if number in {5, 6} else 1}
    return trade(*KEY, number, id=str(number), price="1.0", size="2.0", time=at(number), **reached | rest)


def told(when: int, rows: list[list[int]], held: list[list[int]] | None = None, **rest: Any) -> dict[str, Any]:
    head = dict(zip(("exchange", "market", "instrument"), KEY, strict=True))
    ranges = {"rows": rows, "held": rows if held is None else held}
    return {"type": "rest", **head, "at": when, "aggregates": False, **ranges, **rest}


def subscribed(when: int, *, names: tuple[str, ...] = ("BTCUSDT",)) -> dict[str, Any]:
    head = {"exchange": "binance", "market": "spot", "event": "subscribed", "instruments": list(names)}
    return {"type": "connection", **head, "at": when}


LISTED = [instrument("binance", "spot", name, name.removesuffix("USDT")) for name in ("BTCUSDT", "ETHUSDT")]
LEDGER = [*LISTED, subscribed(T), *(sent(number) for number in range(1, COUNT + 1))]
ASKED = told(at(COUNT) + 1, [[8, 9]])
"""A REST reply that no longer holds what was lost (rows count from 0)."""
FAULT = (at(4), at(7))


def span(**rest: Any) -> Span:
    usual: dict[str, Any] = {"market": MARKET, "last": COUNT, "ended": at(COUNT + 1), "fault": FAULT}
    return Span(**usual | rest)


def message(number: int) -> Message:
    return bitcoin(str(number), "1", "2", "buy", at(number))


def gap(**rest: Any) -> dict[str, Any]:
    head = dict(zip(("exchange", "market", "instrument"), KEY, strict=True))
    times = {"from": at(4), "to": at(7), "first_missing": None, "last_missing": None, "at": at(8)}
    return {"v": 1, "gap": "BTCUSDT:4", **head, "cause": "disconnected", "state": "unfillable", **times, **rest}


BY_IDS = {"first_missing": "5", "last_missing": "6"}
WITHOUT_LOST = [number for number in range(1, COUNT + 1) if number not in {5, 6}]


@pytest.fixture
def judged(tmp_path: Path) -> Any:
    def judge(
        numbers: list[int],
        *records: dict[str, Any],
        lines: list[dict[str, Any]] | None = None,
        spans: list[Span] | None = None,
        further: list[Message] | None = None,
    ) -> list[Found]:
        path = tmp_path / "ledger.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines or [*LEDGER, ASKED]))
        holes = Holes(ledgers.read(path, every=True), spans or [span()])
        for place, entry in enumerate([*(message(number) for number in numbers), *(further or [])], 1):
            data = json.dumps(entry.payload).encode()
            stored = entry.payload["received"]
            holes.trade(Stored("TRADES", place, stored, entry.subject, entry.message_id, data))
        for place, record in enumerate(records, 1):
            holes.gap(
                Stored("EVENTS", place, record["at"], "gaps.binance.spot.BTC.USDT", None, json.dumps(record).encode())
            )
        return holes.verdict()

    return judge


def only(found: list[Found]) -> Found:
    (one,) = found
    return one


def test_a_stream_that_holds_every_trade_holds(judged: Any) -> None:
    found = only(judged(list(range(1, COUNT + 1))))
    assert found.ok
    assert (found.sent, found.recorded, found.false_gaps, found.unheard) == (COUNT, 0, 0, 2)


def test_a_trade_that_no_client_was_sent_is_owed_like_any_other(judged: Any) -> None:
    found = only(judged([n for n in range(1, COUNT + 1) if n != 5]))
    assert not found.ok
    assert found.lost_unrecorded == 1
    assert "BTCUSDT 5 " in found.examples[0]


@pytest.mark.parametrize("ids", [{}, BY_IDS], ids=["by time", "by ids"])
@pytest.mark.parametrize("state", ["open", "partial", "unfillable"])
def test_a_loss_inside_an_unfilled_record_is_recorded_and_says_why(judged: Any, ids: Any, state: str) -> None:
    found = only(judged(WITHOUT_LOST, gap(state=state, **ids)))
    assert found.ok
    assert (found.recorded, found.lost_unrecorded, found.false_gaps) == (2, 0, 0)
    assert dict(found.why) == {f"disconnected, {state}: REST no longer held it": 2}


@pytest.mark.parametrize("state", ["filled", "empty"])
def test_a_loss_inside_a_record_that_claims_none_is_unrecorded(judged: Any, state: str) -> None:
    assert only(judged(WITHOUT_LOST, gap(state=state))).lost_unrecorded == 2


def test_a_record_of_another_symbol_excuses_nothing(judged: Any) -> None:
    found = only(judged(WITHOUT_LOST, gap(instrument="ETHUSDT", gap="ETHUSDT:4")))
    assert found.lost_unrecorded == 2


def test_a_trade_outside_the_record_is_unrecorded(judged: Any) -> None:
    numbers = [n for n in WITHOUT_LOST if n != 9]
    found = only(judged(numbers, gap()))
    assert (found.recorded, found.lost_unrecorded) == (2, 1)


def test_a_record_may_be_longer_than_the_fault_by_two_seconds(judged: Any) -> None:
    assert only(judged(WITHOUT_LOST, gap(**{"from": at(3), "to": at(8)}))).ok


def test_a_record_that_is_wider_is_red_and_excuses_nothing(judged: Any) -> None:
    found = only(judged(WITHOUT_LOST, gap(**{"from": at(3), "to": at(8) + 1})))
    assert (found.wide, found.lost_unrecorded, found.recorded) == (1, 2, 0)


def test_a_record_far_from_the_fault_excuses_nothing(judged: Any) -> None:
    late = span(fault=(at(9), at(10)))
    assert only(judged(WITHOUT_LOST, gap(), spans=[late])).wide == 0
    assert only(judged(WITHOUT_LOST, gap(**{"from": at(4), "to": at(6)}), spans=[late])).wide == 1


def test_the_fault_lasts_for_a_symbol_until_a_client_subscribed_to_it_again(judged: Any) -> None:
    struck = span(fault=(at(4), at(4)))
    wide = gap(**{"from": at(4), "to": at(9)})
    assert only(judged(WITHOUT_LOST, wide, spans=[struck])).wide == 1
    lines = [*LEDGER, ASKED, subscribed(at(7))]
    assert only(judged(WITHOUT_LOST, wide, spans=[struck], lines=lines)).wide == 0


def test_ids_are_judged_by_the_trades_that_they_name(judged: Any) -> None:
    long = {"from": at(0), "to": at(10)}
    assert only(judged(WITHOUT_LOST, gap(**BY_IDS, **long))).ok


@pytest.mark.parametrize("state", ["open", "unfillable"])
def test_ids_of_a_stored_trade_in_an_unfilled_record_are_red(judged: Any, state: str) -> None:
    found = only(judged(WITHOUT_LOST, gap(state=state, first_missing="5", last_missing="7")))
    assert (found.wide, found.lost_unrecorded) == (1, 2)


def test_a_partly_filled_record_keeps_its_ids(judged: Any) -> None:
    found = only(judged([*WITHOUT_LOST, 5], gap(state="partial", **BY_IDS)))
    assert (found.wide, found.recorded, found.lost_unrecorded) == (0, 1, 0)


def test_ids_that_no_trade_has_are_a_false_record_however_long_it_took(judged: Any) -> None:
    record = gap(first_missing="11", last_missing="12", **{"from": at(0), "to": at(10)})
    found = only(judged(list(range(1, COUNT + 1)), record))
    assert (found.wide, found.false_gaps) == (0, 1)


def test_ids_far_apart_are_red(judged: Any) -> None:
    found = only(judged([1, 10], gap(state="partial", first_missing="2", last_missing="9")))
    assert (found.wide, found.lost_unrecorded) == (1, 8)


def test_what_rest_still_held_has_no_excuse(judged: Any) -> None:
    lines = [*LEDGER, told(at(COUNT), [[8, 9]], held=[[3, 9]])]
    found = only(judged(WITHOUT_LOST, gap(), lines=lines))
    assert not found.ok
    assert (found.held, found.recorded, found.lost_unrecorded) == (2, 2, 0)


def test_a_reply_from_before_the_loss_excuses_and_accuses_nobody(judged: Any) -> None:
    early = told(at(4), [[0, 9]])
    assert only(judged(WITHOUT_LOST, gap(), lines=[*LEDGER, early, ASKED])).held == 0
    assert only(judged(WITHOUT_LOST, gap(), lines=[*LEDGER, early])).held == 2


def test_a_reply_that_died_with_its_process_is_forgotten(judged: Any) -> None:
    lines = [*LEDGER, told(at(7), [[0, 9]]), ASKED]
    assert only(judged(WITHOUT_LOST, gap(), lines=lines)).held == 2
    assert only(judged(WITHOUT_LOST, gap(), lines=lines, spans=[span(since=at(8))])).held == 0


def test_a_recorded_loss_that_rest_was_never_asked_for_is_red(judged: Any) -> None:
    found = only(judged(WITHOUT_LOST, gap(), lines=LEDGER))
    assert found.held == 2
    assert dict(found.why) == {"disconnected, unfillable: REST was not asked": 2}


def test_a_rest_that_lags_has_to_be_asked_again(judged: Any) -> None:
    lines = [*LEDGER, told(at(7), [[0, 3]]), told(at(8), [])]
    found = only(judged(WITHOUT_LOST, gap(), lines=lines))
    assert (found.held, found.recorded) == (2, 2)
    assert only(judged(WITHOUT_LOST, gap(), lines=[*lines, ASKED])).held == 0


def test_a_record_without_a_loss_is_counted_and_no_fault(judged: Any) -> None:
    found = only(judged(list(range(1, COUNT + 1)), gap()))
    assert found.ok
    assert found.false_gaps == 1


@pytest.mark.parametrize("state", ["filled", "empty"])
def test_a_record_that_claims_no_loss_is_no_false_one(judged: Any, state: str) -> None:
    assert only(judged(list(range(1, COUNT + 1)), gap(state=state))).false_gaps == 0


def test_a_later_state_replaces_an_earlier_one_in_whatever_order_they_were_stored(judged: Any) -> None:
    states = [gap(state="filled", at=at(9)), gap(state="open", at=at(8))]
    assert only(judged(WITHOUT_LOST, *states)).lost_unrecorded == 2
    assert only(judged(WITHOUT_LOST, *reversed(states))).lost_unrecorded == 2


def test_of_two_processes_the_one_that_filled_more_is_believed(judged: Any) -> None:
    filled, unfillable = gap(state="filled", at=at(8)), gap(state="unfillable", at=at(9), to=at(7) + 5)
    assert only(judged(list(range(1, COUNT + 1)), filled, unfillable)).false_gaps == 0


def test_a_second_hole_after_the_same_trade_replaces_the_first(judged: Any) -> None:
    first = gap(state="empty", **{"from": at(1), "to": at(2), "at": at(2)})
    assert only(judged(WITHOUT_LOST, first, gap())).recorded == 2


def test_findings_go_to_the_span_of_their_trade(judged: Any) -> None:
    spans = [span(last=4, ended=at(4) + 1, fault=(at(1), at(2))), span()]
    first, second = judged([2, 1, *WITHOUT_LOST[2:], 9], spans=spans)
    assert (first.sent, first.misordered, first.duplicated, first.lost_unrecorded) == (4, 1, 0, 0)
    assert (second.sent, second.misordered, second.duplicated, second.lost_unrecorded) == (6, 0, 1, 2)


def test_what_nobody_sent_is_wrong_in_the_span_in_which_it_was_stored(judged: Any) -> None:
    spans = [span(last=4, ended=at(4) + 1, fault=(at(1), at(2))), span()]
    strange = bitcoin("77", "1", "2", "buy", at(2) + 5)
    first, second = judged(list(range(1, COUNT + 1)), spans=spans, further=[strange])
    assert (first.wrong, second.wrong) == (1, 0)


def test_trades_before_the_first_subscription_and_after_the_last_span_are_not_judged(judged: Any) -> None:
    lines = [*LISTED, sent(1), sent(2), subscribed(at(2)), *(sent(n) for n in range(3, COUNT + 1)), ASKED]
    found = only(judged([3, 4, 5, 6, 7, 8], lines=lines, spans=[span(last=8)]))
    assert found.ok
    assert found.sent == 6


OMITTED = [
    *LISTED,
    subscribed(T),
    *(sent(n, **({"omitted": True} if n in {5, 6} else {})) for n in range(1, COUNT + 1)),
]


def test_omitted_trades_that_nobody_could_notice_are_counted(judged: Any) -> None:
    found = only(judged(WITHOUT_LOST, lines=OMITTED, spans=[span(rule="sampled")]))
    assert found.ok
    assert (found.omitted, found.sampled, found.found, found.lost_unrecorded) == (2, 0, 0, 0)


def test_an_omitted_trade_in_a_sampled_reply_has_to_be_stored(judged: Any) -> None:
    lines = [*OMITTED, told(at(8), [[4, 4]])]
    found = only(judged(WITHOUT_LOST, lines=lines, spans=[span(rule="sampled")]))
    assert (found.omitted, found.sampled, found.found, found.lost_unrecorded) == (2, 1, 0, 1)
    found = only(judged([*WITHOUT_LOST, 5], lines=lines, spans=[span(rule="sampled")]))
    assert (found.sampled, found.found, found.lost_unrecorded, found.misordered) == (1, 1, 0, 1)


def test_where_ids_count_an_omitted_trade_is_owed(judged: Any) -> None:
    assert only(judged(WITHOUT_LOST, lines=OMITTED)).lost_unrecorded == 2


def test_a_lost_trade_that_was_not_omitted_is_owed_under_sampling_too(judged: Any) -> None:
    assert only(judged(WITHOUT_LOST, lines=LEDGER, spans=[span(rule="sampled")])).lost_unrecorded == 2


FIRST_OF_EQUAL = scaled(f"{T + 7}-B-20702.1-0.949-0", "20702.1", "0.949", T + 7)


def equal_rows(*fates: dict[str, Any]) -> list[dict[str, Any]]:
    """A ledger of rows without ids that differ in what became of them alone."""
    head = ("phemex", "spot", "sBTCUSDT")
    row: dict[str, Any] = {"price": "2070210000000", "size": "94900000", "time": T + 7}
    return [
        instrument(*head, "BTC", price_scale=8, quantity_scale=8),
        subscribed(T) | {"exchange": "phemex", "instruments": ["sBTCUSDT"]},
        *(trade(*head, number, **row | fate) for number, fate in enumerate(fates, 1)),
    ]


def test_rows_without_ids_are_owed_one_by_one(judged: Any) -> None:
    lines = equal_rows({}, {"connections": 0})
    judge_it = span(market="phemex.spot")
    found = only(judged([], lines=lines, spans=[judge_it], further=[FIRST_OF_EQUAL]))
    assert (found.sent, found.equal, found.lost_unrecorded) == (2, 1, 1)


def test_of_two_equal_rows_the_one_that_was_omitted_is_the_one_that_lacks(judged: Any) -> None:
    lines = equal_rows({"connections": 0, "omitted": True}, {})
    judge_it = span(market="phemex.spot", rule="sampled")
    found = only(judged([], lines=lines, spans=[judge_it], further=[FIRST_OF_EQUAL]))
    assert (found.sent, found.equal, found.omitted, found.lost_unrecorded) == (2, 1, 1, 0)
    found = only(judged([], lines=lines, spans=[judge_it]))
    assert found.lost_unrecorded == 1


FUTURE = ("binance", "futures", "BTCUSDT")


def future(number: int, **rest: Any) -> dict[str, Any]:
    return trade(*FUTURE, number, id=str(number), price="1", size="1", time=at(number), connections=0, **rest)


@pytest.fixture
def futures() -> list[dict[str, Any]]:
    joined = {"first_id": "1", "last_id": "2"}
    return [
        instrument(*FUTURE, "BTC"),
        subscribed(T) | {"market": "futures"},
        future(1),
        future(2),
        future(3) | {"id": "77", "aggregate": joined},
        future(4, kind="insurance"),
        told(at(9), [[50, 60]]) | {"market": "futures"},
    ]


def test_a_kind_that_rest_never_shows_is_not_owed(judged: Any, futures: Any) -> None:
    found = only(judged([], lines=futures, spans=[span(market="binance.futures")]))
    assert (found.not_public, found.lost_unrecorded) == (1, 2)


def test_an_aggregate_that_rest_held_has_to_stand_for_its_fills(judged: Any, futures: Any) -> None:
    record = gap(market="futures", **{"from": at(1), "to": at(2)})
    here = [span(market="binance.futures", fault=(at(1), at(2)))]
    unasked = only(judged([], record, lines=futures, spans=here))
    assert (unasked.held, unasked.recorded) == (2, 2)
    joined = told(at(9), [[0, 0]], aggregates=True) | {"market": "futures"}
    assert only(judged([], record, lines=[*futures, joined], spans=here)).held == 2
    gone = told(at(9), [], aggregates=True) | {"market": "futures"}
    assert only(judged([], record, lines=[*futures, gone], spans=here)).held == 0


def test_a_number_beside_the_id_names_the_trades_of_gate_s_spot_market(judged: Any) -> None:
    head = ("gate", "spot", "BTC_USDT")
    row: dict[str, Any] = {"price": "1", "size": "2", "connections": 0}
    lines = [
        instrument("gate", "spot", "BTC_USDT", "BTC"),
        subscribed(T, names=("BTC_USDT",)) | {"exchange": "gate"},
        *(trade(*head, n, **row, id=str(900 + 7 * n), time=at(n)) | {"seq": str(n)} for n in (1, 2)),
        told(at(9), [[50, 60]]) | {"exchange": "gate", "instrument": "BTC_USDT"},
    ]
    record = gap(exchange="gate", instrument="BTC_USDT", gap="BTC_USDT:", first_missing="1", last_missing="2")
    found = only(judged([], record, lines=lines, spans=[span(market="gate.spot", fault=(at(1), at(2)))]))
    assert (found.recorded, found.lost_unrecorded, found.held) == (2, 0, 0)
