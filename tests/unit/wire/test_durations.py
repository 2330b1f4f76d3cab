"""Durations as people write them in a resource."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.wire.durations import SECOND, parse, render


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1_800), ("1h30m", 5_400), ("30m1h", 5_400), ("0s", 0), ("1s1s", 2)]
)
def test_the_parts_of_a_duration_are_added_up(text: str, seconds: int) -> None:
    assert parse(text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "10", "1.5h", "-1s", "1 s", "1d", "s", "١s", "9" * 16 + "s", "1s\n"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s, 30m or 1h30m"):
        parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m"), (5_400, "1h30m"), (3_661, "1h1m1s"), (86_400, "24h")]
)
def test_a_duration_has_a_shortest_text(seconds: int, text: str) -> None:
    assert render(seconds * SECOND) == text


@given(st.integers(0, 10**9))
def test_a_duration_comes_back_from_its_text(seconds: int) -> None:
    assert parse(render(seconds * SECOND)) == seconds * SECOND


@pytest.mark.parametrize("duration", [-SECOND, 1, SECOND + 1])
def test_what_is_no_number_of_whole_seconds_has_no_text(duration: int) -> None:
    with pytest.raises(ValueError, match="not a number of whole seconds"):
        render(duration)
