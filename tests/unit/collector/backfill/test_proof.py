"""What a process has proven, as others read it."""

import pytest

from metdc_collector.backfill.proof import (
    Kept,
    Names,
    Proof,
    Stretch,
    between,
    decode,
    encode,
    encode_names,
    proven_until,
    stretches,
)
from metdc_collector.exchanges.history import Mark

ALL = frozenset("ABCE")
SECOND = 1_000_000_000
PROOF = Proof("a", 10, 50, 50, ALL, {"B": 30, "C": 0}, {"B": 40, "E": 45})
NAMES = Names("a", "binance", "spot", ALL)


def test_records_are_read_as_they_were_written() -> None:
    assert decode([encode(PROOF), encode_names(NAMES)]) == ([PROOF], [NAMES])
    assert encode(Proof("a", 1, 2, 2, ALL)) == b'{"v":1,"pod":"a","since":1,"at":2,"told":2,"except":{},"held":{}}'
    assert encode_names(NAMES) == b'{"v":1,"pod":"a","exchange":"binance","market":"spot","names":["A","B","C","E"]}'


def test_a_proof_without_its_instruments_is_of_none() -> None:
    ((proof,), _) = decode([encode(PROOF), encode_names(Names("b", "binance", "spot", ALL))])
    assert proof.names == frozenset()
    assert (proof.until("A"), proof.covers("A", 20, 30)) == (0, False)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b'{"v":2,"pod":"a","since":1,"at":2,"told":2,"except":{},"held":{}}',
        b'{"v":1,"pod":1,"since":1,"at":2,"told":2,"except":{},"held":{}}',
        b'{"v":1,"pod":"a","since":true,"at":2,"told":2,"except":{},"held":{}}',
        b'{"v":1,"pod":"a","since":1,"at":"2","told":2,"except":{},"held":{}}',
        b'{"v":1,"pod":"a","since":1,"at":2,"except":{},"held":{}}',
        b'{"v":1,"pod":"a","since":1,"at":2,"told":2,"except":{"B":1.5},"held":{}}',
        b'{"v":1,"pod":"a","since":1,"at":2,"told":2,"except":[],"held":{}}',
        b'{"v":1,"pod":"a","since":1,"at":2,"told":2,"held":{}}',
        b'{"v":1,"pod":"a","since":1,"at":2,"told":2,"except":{}}',
        b'{"v":1,"pod":"a","since":1,"at":2,"told":2,"except":{},"held":{"B":null}}',
        b'{"v":1,"pod":"a","exchange":"binance","market":"spot","names":[1]}',
        b'{"v":1,"pod":"a","exchange":"binance","market":1,"names":["A"]}',
        b'{"v":1,"pod":"a","market":"spot","names":["A"]}',
    ],
)
def test_what_is_no_record_of_this_version_proves_nothing(data: bytes) -> None:
    assert decode([data]) == ([], [])


@pytest.mark.parametrize(("name", "until"), [("A", 50), ("B", 30), ("C", 0), ("D", 0), ("E", 45)])
def test_an_instrument_with_a_hole_or_held_trades_is_proven_up_to_there(name: str, until: int) -> None:
    assert PROOF.until(name) == until


def test_a_hole_that_begins_later_takes_nothing_away() -> None:
    assert Proof("a", 10, 50, 50, ALL, {"A": 60}).until("A") == 50


@pytest.mark.parametrize(("start", "end", "covered"), [(10, 50, True), (9, 50, False), (10, 51, False), (20, 30, True)])
def test_a_time_is_proven_when_all_of_it_is(start: int, end: int, *, covered: bool) -> None:
    assert PROOF.covers("A", start, end) is covered


def test_held_trades_will_be_proven_once_they_are_stored_and_a_hole_will_not() -> None:
    assert [PROOF.may_cover(name, 20, 60) for name in "ABE"] == [True, False, True]


def test_the_latest_of_all_proofs_counts() -> None:
    assert proven_until([PROOF, Proof("b", 10, 40, 40, ALL)], "B") == 40
    assert proven_until([PROOF, Proof("b", 10, 40, 40, ALL)], "A") == 50
    assert proven_until([], "A") is None
    assert proven_until([PROOF], "C") is None
    assert proven_until([PROOF], "D") is None


LOW, KEPT = Mark("1", 8), Mark("7", 35)
DISK = Kept(Proof("dead", 20, 40, 40, ALL, {"B": 30, "C": 0}), {"A": KEPT})


@pytest.mark.parametrize(
    ("name", "start", "end", "left"),
    [
        ("A", 10, 50, [Stretch(LOW, 10, 20), Stretch(KEPT, 35, 50)]),
        ("B", 10, 50, [Stretch(LOW, 10, 20), Stretch(LOW, 8, 50)]),  # a hole that the dead one had not settled
        ("C", 10, 50, [Stretch(LOW, 10, 50)]),  # nobody had listened
        ("A", 20, 50, [Stretch(KEPT, 35, 50)]),
        ("A", 25, 50, [Stretch(KEPT, 35, 50)]),
        ("A", 40, 50, [Stretch(LOW, 40, 50)]),  # known up to there already
        ("A", 10, 40, [Stretch(LOW, 10, 20)]),  # it listened when the other died
        ("A", 10, 20, [Stretch(LOW, 10, 20)]),  # that began later
        ("A", None, 50, [Stretch(KEPT, 35, 50)]),
        ("C", None, 50, [Stretch(LOW, None, 50)]),
    ],
)
def test_what_is_on_disk_is_no_part_of_the_time_without_proof(
    name: str, start: int | None, end: int, left: list[Stretch]
) -> None:
    assert stretches(name, Stretch(LOW, start, end), [DISK]) == left


def test_what_was_on_its_way_in_the_last_second_of_a_dead_process_may_be_missing() -> None:
    kept = Kept(Proof("dead", 0, 40 * SECOND, 40 * SECOND, ALL), {"A": Mark("7", 5 * SECOND)})
    assert stretches("A", Stretch(None, None, 50 * SECOND), [kept]) == [
        Stretch(Mark("7", 5 * SECOND), 39 * SECOND, 50 * SECOND)
    ]


def test_several_dead_processes_leave_what_lies_between_them() -> None:
    later = Kept(Proof("later", 45, 60, 60, ALL), {"A": Mark("9", 55)})
    assert stretches("A", Stretch(LOW, 10, 70), [later, DISK]) == [
        Stretch(LOW, 10, 20),
        Stretch(KEPT, 35, 45),
        Stretch(Mark("9", 55), 55, 70),
    ]


def test_of_numbers_that_are_missing_those_on_disk_lie_between() -> None:
    marks = [Mark(str(number), number, str(number)) for number in (5, 8, 9, 12)]
    kept = [Kept(Proof("a", 1, 2, 2, ALL), {"A": mark}) for mark in reversed(marks)] + [
        Kept(Proof("b", 1, 2, 2, ALL), {})
    ]
    assert between("A", marks[0], marks[3], kept) == marks[1:3]
