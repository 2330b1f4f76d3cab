"""Times of the Kubernetes API."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_operator.times import parse, render


@given(st.integers(0, 4 * 10**18))
def test_what_is_rendered_is_read_as_the_same(moment: int) -> None:
    assert parse(render(moment)) == moment


def test_a_time_has_no_more_decimals_than_it_needs() -> None:
    assert render(1_790_000_000 * 10**9) == "2026-09-21T14:13:20Z"
    assert render(1_790_000_000_500_000_000) == "2026-09-21T14:13:20.5Z"


@pytest.mark.parametrize("text", ["2026-09-21T16:13:20+02:00", "2026-09-21t14:13:20z", " 2026-09-21T14:13:20.000Z "])
def test_other_ways_to_write_a_time_are_read(text: str) -> None:
    assert parse(text) == 1_790_000_000 * 10**9


@pytest.mark.parametrize("text", ["", "soon", "2026-09-21", "2026-09-21T14:13:20", "2026-09-21T14:13:20.Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)
