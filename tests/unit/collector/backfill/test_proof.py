"""What a process has proven, as others read it."""

import pytest

from metdc_collector.backfill.proof import Proof, decode, encode, proven_until

PROOF = Proof("a", since=10, at=50, exceptions={"B": 30, "C": 0})


def test_a_record_is_read_as_it_was_written() -> None:
    assert decode(encode(PROOF)) == PROOF
    assert encode(Proof("a", 1, 2)) == b'{"v":1,"pod":"a","since":1,"at":2,"except":{}}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b'{"v":2,"pod":"a","since":1,"at":2,"except":{}}',
        b'{"v":1,"pod":1,"since":1,"at":2,"except":{}}',
        b'{"v":1,"pod":"a","since":true,"at":2,"except":{}}',
        b'{"v":1,"pod":"a","since":1,"at":"2","except":{}}',
        b'{"v":1,"pod":"a","since":1,"at":2,"except":{"B":1.5}}',
        b'{"v":1,"pod":"a","since":1,"at":2,"except":[]}',
        b'{"v":1,"pod":"a","since":1,"at":2}',
    ],
)
def test_what_is_no_record_of_this_version_proves_nothing(data: bytes) -> None:
    assert decode(data) is None


@pytest.mark.parametrize(("name", "until"), [("A", 50), ("B", 30), ("C", 0)])
def test_an_instrument_with_a_hole_is_proven_up_to_there(name: str, until: int) -> None:
    assert PROOF.until(name) == until


def test_a_hole_that_begins_later_takes_nothing_away() -> None:
    assert Proof("a", 10, 50, {"A": 60}).until("A") == 50


@pytest.mark.parametrize(("start", "end", "covered"), [(10, 50, True), (9, 50, False), (10, 51, False), (20, 30, True)])
def test_a_time_is_proven_when_all_of_it_is(start: int, end: int, *, covered: bool) -> None:
    assert PROOF.covers("A", start, end) is covered


def test_the_latest_of_all_proofs_counts() -> None:
    assert proven_until([PROOF, Proof("b", 10, 40)], "B") == 40
    assert proven_until([PROOF, Proof("b", 10, 40)], "A") == 50
    assert proven_until([], "A") is None
