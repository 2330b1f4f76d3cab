"""What proves of each instrument that nothing was lost between two processes."""

from dataclasses import replace
from typing import Any

import pytest

from metdc_collector.backfill.proof import Proof
from metdc_collector.continuity import First
from metdc_collector.handover import Start, Succession, judge, predecessor
from metdc_collector.wire.gap import Edge, Gap
from metdc_collector.wire.report import Handover, Report, Trades

NS = 1_000_000_000
OLD = Report(
    namespace="default",
    collector="binance",
    exchange="binance",
    market="spot",
    shard=0,
    shards=1,
    pod="old",
    uid="",
    slot="",
    started=100 * NS,
    at=1031 * NS,
    state="stopped",
    ended=1030 * NS,
    last_ids={"BTC": "104"},
)
NEW = replace(OLD, pod="new", started=990 * NS, at=1040 * NS, state="streaming", ended=None, last_ids={"BTC": "110"})
DEAD = replace(OLD, state="streaming", at=1015 * NS, ended=None)
BEGUN = {"BTC": 1000 * NS}


def first(order: int = 105, *, id: str = "105", named: bool = True, shared: bool = False) -> First:
    return First(id, order, named, shared)


def gap(state: Any, *, missing: int | None = None, filled: int | None = 0) -> Gap:
    return Gap(
        exchange="binance",
        market="spot",
        base="BTC",
        quote="USDT",
        instrument="BTC",
        before=Edge("104", 900 * NS),
        after=None,
        start=900 * NS,
        end=1000 * NS,
        cause="restarted",
        state=state,
        at=1001 * NS,
        missing=missing,
        filled=filled,
    )


def start(one: First | None = None, *gaps: Gap) -> Start:
    return Start(BEGUN, {} if one is None else {"BTC": one}, {"BTC": gaps} if gaps else {})


def proof_of(start: Start, old: Report = OLD, mine: Report = NEW) -> str:
    record = judge(old, mine, start, is_gone=False)
    kinds = ("by_id", "by_rows", "by_subscription", "by_rest", "backfilled", "unfilled", "open")
    (kind,) = [kind for kind in kinds if getattr(record, kind)]
    assert record.symbols == 1
    return kind


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (first(104, id="104"), "by_id"),
        (first(105), "by_id"),
        (first(106, id="106"), "by_subscription"),
        (first(106, id="106", shared=True), "by_id"),
        (first(105, id="106"), "by_id"),
        (first(105, named=False), "by_subscription"),
        (first(105, id="agg:105"), "by_subscription"),
    ],
)
def test_the_first_trade_of_consecutive_numbers_proves_by_its_number(one: First, kind: str) -> None:
    assert proof_of(start(one)) == kind


def test_aggregates_are_counted_among_themselves() -> None:
    assert proof_of(start(first(7, id="agg:7")), replace(OLD, last_ids={"BTC": "agg:6"})) == "by_id"


@pytest.mark.parametrize(
    ("one", "last", "kind"),
    [
        (first(-1, id="a"), "a", "by_rows"),
        (first(-1, id="a"), "110", "by_rows"),
        (first(-1, id="a", shared=True), "b", "by_rows"),
        (first(-1, id="a"), "b", "by_subscription"),
        (first(-1, id="a"), None, "by_subscription"),
        (first(105), None, "by_subscription"),
    ],
)
def test_where_ids_do_not_count_the_same_row_proves(one: First, last: str | None, kind: str) -> None:
    assert proof_of(start(one), replace(OLD, last_ids={} if last is None else {"BTC": last})) == kind


def test_an_instrument_that_both_listened_to_and_nobody_traded_is_proven_by_subscription() -> None:
    assert proof_of(start()) == "by_subscription"


@pytest.mark.parametrize(
    ("gaps", "kind", "lost"),
    [
        ([gap("empty")], "by_rest", 0),
        ([gap("filled", missing=5, filled=5)], "backfilled", 0),
        ([gap("empty"), gap("filled", missing=5, filled=5)], "backfilled", 0),
        ([gap("partial", missing=5, filled=2)], "unfilled", 3),
        ([gap("unfillable", missing=5, filled=None)], "unfilled", 5),
        ([gap("filled", missing=5, filled=5), gap("unfillable", missing=4), gap("partial")], "unfilled", None),
    ],
)
def test_a_hole_of_the_start_counts_by_what_became_of_it(gaps: list[Gap], kind: str, lost: int | None) -> None:
    assert proof_of(start(first(), *gaps)) == kind
    assert judge(OLD, NEW, start(first(), *gaps), is_gone=False).lost == lost


def test_nothing_is_final_before_every_hole_is_settled() -> None:
    record = judge(OLD, NEW, Start(BEGUN, {"BTC": first()}, {"BTC": [gap("filled")]}, {"BTC"}), is_gone=False)
    assert (record.open, record.final) == (1, False)


def test_nothing_is_final_before_every_instrument_is_listened_to() -> None:
    record = judge(OLD, NEW, Start(BEGUN, {}, unheard={"ETH"}), is_gone=False)
    assert (record.open, record.symbols, record.started, record.overlap, record.final) == (1, 2, None, 0, False)
    assert judge(OLD, NEW, Start({}, {}), is_gone=True).final is False


def test_the_overlap_is_from_the_last_subscription_to_the_end_of_the_others_reading() -> None:
    record = judge(OLD, NEW, Start(BEGUN | {"ETH": 999 * NS}, {}), is_gone=False)
    assert record == Handover(
        predecessor="old",
        farewell=True,
        final=True,
        started=1000 * NS,
        finished=1030 * NS,
        overlap=30 * NS,
        symbols=2,
        by_subscription=2,
    )


def test_one_that_ended_before_leaves_no_overlap() -> None:
    record = judge(replace(OLD, ended=980 * NS), NEW, start(), is_gone=False)
    assert (record.finished, record.overlap) == (980 * NS, 0)


# -- over time


def told(succession: Succession) -> Handover:
    assert succession.record is not None
    return succession.record


def knows(succession: Succession) -> bool:
    return succession.record is not None


def test_a_hand_over_is_final_once_the_farewell_was_read() -> None:
    succession = Succession()
    living = replace(DEAD, trades=Trades(duplicates=10))
    succession.look([living, NEW], [], NEW, start())
    assert (told(succession).final, told(succession).overlap) == (False, 15 * NS)
    mine = replace(NEW, trades=Trades(duplicates=40))
    succession.look([replace(OLD, trades=Trades(duplicates=12))], [], mine, start())
    assert (told(succession).final, told(succession).farewell) == (True, True)
    assert told(succession).duplicates == 42
    record = told(succession)
    succession.look([], [], replace(mine, trades=Trades(duplicates=99)), start())
    assert told(succession) is record


def test_one_that_is_gone_without_a_farewell_counts_by_its_last_report_and_proof() -> None:
    succession = Succession()
    succession.look([DEAD], [], NEW, start())
    others = [
        Proof("old-1", 50 * NS, 1025 * NS, 1025 * NS, frozenset()),
        Proof("else-1", 100 * NS, 1029 * NS, 1029 * NS, frozenset()),
        Proof("old-3", 1022 * NS, 1030 * NS, 1030 * NS, frozenset()),
    ]
    succession.look([NEW], [*others, Proof("old-2", 100 * NS, 1020 * NS, 1020 * NS, frozenset())], NEW, start())
    assert (told(succession).final, told(succession).farewell) == (True, False)
    assert told(succession).finished == 1020 * NS


def test_one_whose_report_is_kept_no_longer_is_known_by_its_proof() -> None:
    proofs = [
        Proof("older-1", 10 * NS, 90 * NS, 90 * NS, frozenset()),
        Proof("binance-spot-0-1", 100 * NS, 900 * NS, 900 * NS, frozenset()),
        Proof("next-1", 995 * NS, 999 * NS, 999 * NS, frozenset()),
    ]
    succession = Succession()
    succession.look([], proofs, NEW, start(first(shared=True)))
    assert not knows(succession)
    succession.look([NEW], proofs, NEW, start(first(shared=True)))
    assert told(succession) == Handover(
        "binance-spot-0", final=True, started=1000 * NS, finished=900 * NS, symbols=1, by_id=1
    )


def test_one_that_reports_after_an_outage_goes_before_one_that_left() -> None:
    succession = Succession()
    left = replace(OLD, pod="left", started=50 * NS)
    succession.look([left], [], NEW, start())
    assert not knows(succession)
    succession.look([left, DEAD], [], NEW, start())
    assert told(succession).predecessor == "old"


def test_a_process_that_is_started_again_in_its_pod_takes_over_from_the_one_before() -> None:
    succession = Succession()
    succession.look([replace(DEAD, pod="new")], [], NEW, start())
    succession.look([NEW], [], NEW, start())
    assert (told(succession).predecessor, told(succession).farewell, told(succession).final) == ("new", False, True)


def test_without_anybody_before_there_is_no_hand_over() -> None:
    succession = Succession()
    for _ in range(3):
        succession.look([NEW, replace(OLD, shard=1), replace(OLD, pod="next", started=995 * NS)], [], NEW, start())
    assert not knows(succession)


def test_the_predecessor_is_the_one_that_lives_and_carries_the_data() -> None:
    carrying = replace(DEAD, pod="carrying", started=200 * NS, ready=True)
    stuck = replace(DEAD, pod="stuck", started=300 * NS)
    left = replace(OLD, pod="left", started=400 * NS)
    before = replace(DEAD, pod="new", started=500 * NS, ready=True)
    assert predecessor([stuck, before, carrying, left], NEW) is carrying
    assert predecessor([left, stuck, before], NEW) is stuck
    assert predecessor([left, before], NEW) is before
    assert predecessor([left], NEW) is left
    assert predecessor([], NEW) is None
