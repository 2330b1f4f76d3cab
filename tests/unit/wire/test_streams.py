"""What a stream should be, and what may be changed about one that exists."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.wire.streams import SECOND, StreamSpec, compare, covers, desired, events_stream, trades_stream

SPEC = StreamSpec(name="TRADES_BINANCE", subjects=("trades.binance.>",))
words = st.lists(st.sampled_from(["a", "b", "*"]), min_size=1, max_size=4)
patterns = st.builds(lambda parts, tail: ".".join([*parts, *tail]), words, st.sampled_from([[], [">"]]))


def existing(**changes: Any) -> dict[str, Any]:
    """A stream as the server shows it, with a field that this code does not know."""
    return desired(SPEC) | {"max_consumers": -1} | changes


def test_an_exchange_has_a_stream_of_its_own() -> None:
    assert trades_stream("binance", ["spot"]) == SPEC


def test_a_named_stream_gets_the_subjects_of_its_markets_alone() -> None:
    spec = trades_stream("binance", ["spot", "futures"], "MINE", max_age=3600)
    assert (spec.name, spec.max_age) == ("MINE", 3600)
    assert spec.subjects == ("trades.binance.spot.>", "trades.binance.futures.>")


def test_the_stream_of_events_is_managed_as_the_trades_are_and_kept_for_ninety_days() -> None:
    events = events_stream(replace(SPEC, management="Observe", replicas=3))
    assert (events.management, events.replicas) == ("Observe", 3)
    assert desired(events)["max_age"] == 90 * 86_400 * SECOND
    assert desired(events)["subjects"] == ["gaps.>", "listings.>", "instruments.>"]


def test_a_stream_is_made_as_the_contract_says() -> None:
    assert desired(SPEC) == {
        "name": "TRADES_BINANCE",
        "description": "METDC: public trades",
        "subjects": ["trades.binance.>"],
        "retention": "limits",
        "discard": "old",
        "storage": "file",
        "compression": "s2",
        "num_replicas": 1,
        "max_age": 86_400 * SECOND,
        "max_bytes": 8 * 2**30,
        "duplicate_window": 120 * SECOND,
        "allow_direct": True,
    }


def test_the_duplicate_window_is_no_longer_than_the_trades_are_kept() -> None:
    assert desired(replace(SPEC, max_age=60))["duplicate_window"] == 60 * SECOND


def test_a_stream_that_is_right_is_left_alone() -> None:
    assert compare(SPEC, existing()) == compare(replace(SPEC, management="Observe"), existing())
    assert (compare(SPEC, existing()).update, compare(SPEC, existing()).disagreements) == (None, [])


def test_a_missing_subject_is_added_and_the_others_stay() -> None:
    comparison = compare(SPEC, existing(subjects=["else.>"]))
    assert comparison.update == existing(subjects=["else.>", "trades.binance.>"])
    assert comparison.fatal == []


def test_a_subject_within_a_wider_new_one_gives_way_to_it() -> None:
    comparison = compare(SPEC, existing(subjects=["trades.binance.spot.>", "trades.okx.>"]))
    assert comparison.update is not None
    assert comparison.update["subjects"] == ["trades.okx.>", "trades.binance.>"]


def test_a_stream_without_subjects_gets_them() -> None:
    comparison = compare(SPEC, existing(subjects=None))
    assert comparison.update is not None
    assert comparison.update["subjects"] == ["trades.binance.>"]


def test_a_wider_subject_needs_no_addition() -> None:
    assert compare(SPEC, existing(subjects=["trades.>"])).update is None


@pytest.mark.parametrize("limit", ["max_age", "max_bytes", "duplicate_window"])
def test_a_limit_that_is_lower_is_raised(limit: str) -> None:
    comparison = compare(SPEC, existing(**{limit: 1}))
    assert comparison.update == existing()
    assert comparison.disagreements == []


@pytest.mark.parametrize("limit", ["max_age", "max_bytes", "duplicate_window"])
def test_a_limit_that_is_higher_stays_and_both_values_are_told(limit: str) -> None:
    higher, wanted = 10**18, desired(SPEC)[limit]
    comparison = compare(SPEC, existing(**{limit: higher}))
    assert comparison.update is None
    assert comparison.disagreements == [f"{limit} is {higher}, the specification says {wanted}"]
    assert comparison.fatal == []


@pytest.mark.parametrize(("limit", "unlimited"), [("max_age", 0), ("max_bytes", -1)])
def test_a_limit_that_does_not_exist_is_not_brought_in(limit: str, unlimited: int) -> None:
    comparison = compare(SPEC, existing(**{limit: unlimited}))
    assert comparison.update is None
    assert comparison.disagreements == [f"{limit} is {unlimited}, the specification says {desired(SPEC)[limit]}"]


@pytest.mark.parametrize(("name", "value"), [("compression", "none"), ("allow_direct", False)])
def test_what_is_safe_to_change_is_changed(name: str, value: object) -> None:
    assert compare(SPEC, existing(**{name: value})).update == existing()


@pytest.mark.parametrize(
    ("name", "value"), [("retention", "workqueue"), ("discard", "new"), ("storage", "memory"), ("num_replicas", 3)]
)
def test_what_cannot_be_changed_safely_is_told_and_left(name: str, value: object) -> None:
    comparison = compare(SPEC, existing(**{name: value}))
    assert comparison.update is None
    assert comparison.disagreements == [f"{name} is {value!r}, the specification says {desired(SPEC)[name]!r}"]


def test_observing_changes_nothing_and_tells_what_differs() -> None:
    comparison = compare(replace(SPEC, management="Observe"), existing(max_age=SECOND, compression="none"))
    assert comparison.update is None
    assert comparison.disagreements == [
        f"max_age is {SECOND}, the specification says {86_400 * SECOND}",
        "compression is 'none', the specification says 's2'",
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subjects": ["else.>"]}, "subject trades.binance.> is not among its subjects"),
        ({"allow_direct": False}, "allow_direct is False, the specification says True"),
    ],
)
def test_an_observed_stream_that_cannot_take_trades_safely_is_fatal(changes: dict[str, Any], reason: str) -> None:
    comparison = compare(replace(SPEC, management="Observe"), existing(**changes))
    assert comparison.fatal == [reason]
    assert reason in comparison.disagreements


@pytest.mark.parametrize(
    ("pattern", "subject", "covered"),
    [
        ("trades.>", "trades.binance.>", True),
        ("trades.>", "trades", False),
        ("trades.>", "trades.*", True),
        ("trades.*.spot.>", "trades.binance.spot.>", True),
        ("trades.binance.>", "trades.*.>", False),
        ("trades.*", "trades.>", False),
        ("trades.*", "trades.a.b", False),
        ("trades.a.b", "trades.a", False),
        ("trades.a", "trades.a", True),
        (">", "gaps.a", True),
    ],
)
def test_a_pattern_covers_what_every_subject_of_the_other_matches(pattern: str, subject: str, covered: bool) -> None:
    assert covers(pattern, subject) is covered


@given(patterns)
def test_a_pattern_covers_itself(pattern: str) -> None:
    assert covers(pattern, pattern)


@given(patterns, patterns, patterns)
def test_what_covers_a_cover_covers_all_of_it(widest: str, wide: str, narrow: str) -> None:
    assert not (covers(widest, wide) and covers(wide, narrow)) or covers(widest, narrow)
