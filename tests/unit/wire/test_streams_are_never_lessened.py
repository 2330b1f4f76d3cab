"""Whatever a stream is like, Ensure takes nothing from it, and Observe changes nothing; judged by a naive model."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.wire.streams import SECOND, StreamSpec, compare, covers, desired

SPEC = StreamSpec(name="TRADES_BINANCE", subjects=("trades.binance.>",))
PARTS = ("trades", "binance", "spot", "okx")
CONCRETE = [".".join(parts) for length in range(1, 5) for parts in itertools.product(PARTS, repeat=length)]
tokens = st.lists(st.sampled_from([*PARTS, "*"]), min_size=1, max_size=3)
patterns = st.builds(lambda parts, tail: ".".join([*parts, *tail]), tokens, st.sampled_from([[], [">"]]))
limits = st.one_of(st.sampled_from([0, -1, 1]), st.integers(1, 10**18))
existing = st.builds(
    lambda **changes: desired(SPEC) | {"max_consumers": -1} | changes,
    subjects=st.none() | st.lists(patterns, max_size=4),
    max_age=limits,
    max_bytes=limits,
    duplicate_window=st.integers(1, 10**12),
    max_msgs=limits,
    compression=st.sampled_from(["none", "s2"]),
    allow_direct=st.booleans(),
    num_replicas=st.sampled_from([1, 3]),
    retention=st.sampled_from(["limits", "workqueue"]),
)
specs = st.builds(
    StreamSpec,
    name=st.just("S"),
    subjects=st.lists(patterns, min_size=1, max_size=3),
    max_age=st.integers(1, 10**6),
    max_bytes=st.integers(1, 10**12),
    duplicate_window=st.integers(1, 10**4),
)


def matches(pattern: str, subject: str) -> bool:
    """Whether a subject without wildcards matches, word by word, as the documents of NATS say."""
    words, parts = subject.split("."), pattern.split(".")
    if parts[-1] == ">":
        parts, words = parts[:-1], words[: len(parts) - 1] if len(words) >= len(parts) else []
        return len(words) == len(parts) and all(a in ("*", b) for a, b in zip(parts, words, strict=True))
    return len(words) == len(parts) and all(a in ("*", b) for a, b in zip(parts, words, strict=True))


def taken_in(subjects: list[str] | None) -> set[str]:
    return {subject for subject in CONCRETE if any(matches(pattern, subject) for pattern in subjects or [])}


def unlimited(limit: int) -> float:
    return limit if limit > 0 else float("inf")


@given(patterns, patterns)
def test_a_pattern_covers_another_when_it_matches_all_that_the_other_matches(wide: str, narrow: str) -> None:
    if covers(wide, narrow):
        assert taken_in([narrow]) <= taken_in([wide])


@pytest.mark.parametrize("subject", ["trades.binance.spot", "trades", "okx.okx"])
@given(pattern=patterns)
def test_a_pattern_covers_a_plain_subject_exactly_when_it_matches_it(subject: str, pattern: str) -> None:
    assert covers(pattern, subject) is matches(pattern, subject)


@given(specs, existing)
def test_ensuring_takes_in_all_that_was_and_all_that_is_wanted(spec: StreamSpec, actual: dict[str, Any]) -> None:
    after = compare(spec, actual).update or actual
    assert taken_in(after["subjects"]) == taken_in(actual["subjects"]) | taken_in(list(spec.subjects))


@given(specs, existing)
def test_ensuring_never_lowers_a_limit_nor_brings_one_in(spec: StreamSpec, actual: dict[str, Any]) -> None:
    after = compare(spec, actual).update or actual
    for name in ("max_age", "max_bytes", "max_msgs"):
        assert unlimited(after[name]) >= unlimited(actual[name])
    assert after["duplicate_window"] >= actual["duplicate_window"]


@given(specs, existing)
def test_ensuring_changes_nothing_that_it_does_not_know(spec: StreamSpec, actual: dict[str, Any]) -> None:
    after = compare(spec, actual).update or actual
    changed = {name for name in after if after[name] != actual[name]}
    assert changed <= {"subjects", "max_age", "max_bytes", "duplicate_window", "compression", "allow_direct"}
    assert after.keys() == actual.keys()


@given(specs, existing)
def test_what_has_been_ensured_needs_no_second_change(spec: StreamSpec, actual: dict[str, Any]) -> None:
    after = compare(spec, actual).update or actual
    again = compare(spec, after)
    assert again.update is None
    assert again.fatal == []
    assert again.disagreements == compare(spec, actual).disagreements


@given(specs, specs, existing)
def test_two_specifications_agree_after_a_change_each(
    one: StreamSpec, other: StreamSpec, actual: dict[str, Any]
) -> None:
    """Collectors of several markets share a stream: they must not change it in turn for ever."""
    for spec in (one, other):
        actual = compare(spec, actual).update or actual
    assert compare(one, actual).update is None


@given(specs, existing)
def test_observing_never_changes_and_misses_what_ensuring_would_change(
    spec: StreamSpec, actual: dict[str, Any]
) -> None:
    observed = compare(replace(spec, management="Observe"), actual)
    assert observed.update is None
    assert set(observed.fatal) <= set(observed.disagreements)
    missing = taken_in(list(spec.subjects)) - taken_in(actual["subjects"])
    assert bool(observed.fatal) or (not missing and actual["allow_direct"])


def test_a_stream_that_acknowledges_nothing_cannot_take_trades() -> None:
    comparison = compare(SPEC, desired(SPEC) | {"no_ack": True})
    assert comparison.fatal == ["no_ack is True, the specification says False"]


@pytest.mark.parametrize("name", ["max_msgs", "max_msgs_per_subject", "max_msg_size"])
def test_a_limit_that_would_end_trades_early_is_told(name: str) -> None:
    comparison = compare(SPEC, desired(SPEC) | {name: 5})
    assert (comparison.update, comparison.fatal) == (None, [])
    assert comparison.disagreements == [f"{name} is 5, the specification sets no such limit"]


def test_a_window_is_raised_together_with_the_age_that_bounds_it() -> None:
    update = compare(SPEC, desired(SPEC) | {"max_age": 60 * SECOND, "duplicate_window": 30 * SECOND}).update
    assert update == desired(SPEC)
