"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.wire.durations import SECOND, parse, render


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("90s", 90), ("1h30m", 5400), ("30m1h", 5400), ("1m1m", 120), ("0s", 0)]
)
def test_the_parts_of_a_duration_are_added_up(text: str, seconds: int) -> None:
    assert parse(text) == seconds * SECOND


@pytest.mark.parametrize("text", ["", "30", "m", "1.5h", "-1m", "30m\n", " 30m", "1d", "٣m", "1" * 16 + "s"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s, 30m or 1h30m"):
        parse(text)


@given(st.integers(0, 10**9))
def test_what_is_rendered_is_read_as_the_same(seconds: int) -> None:
    assert parse(render(seconds * SECOND)) == seconds * SECOND


@pytest.mark.parametrize(("seconds", "text"), [(5400, "1h30m"), (0, "0s"), (61, "1m1s"), (3600, "1h")])
def test_the_shortest_text_is_chosen(seconds: int, text: str) -> None:
    assert render(seconds * SECOND) == text


@pytest.mark.parametrize("duration", [-SECOND, SECOND // 2])
def test_what_is_no_number_of_seconds_has_no_text(duration: int) -> None:
    with pytest.raises(ValueError, match="whole seconds"):
        render(duration)
