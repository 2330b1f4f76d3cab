"""Which listing event a capture is of."""

from dataclasses import replace

import pytest

from metdc_collector.captures.announcement import fitting, record
from metdc_collector.wire.listing import Listing
from tests.unit.captures.made import AT, ORDER, SECOND

LISTED = Listing("upbit", "krw", "SOMI", "KRW", "KRW-SOMI", "announcements", AT + 31 * SECOND, announced=AT, notice="7")
UNANNOUNCED = replace(LISTED, source="markets", announced=None, notice=None)


def test_a_notice_that_was_seen_late_fits_by_its_own_time() -> None:
    assert fitting(ORDER, [LISTED]) is LISTED


def test_without_a_notice_it_fits_by_the_time_at_which_it_was_seen() -> None:
    seen = replace(UNANNOUNCED, first_seen=AT + 19 * SECOND)
    assert fitting(ORDER, [UNANNOUNCED, seen]) is seen


@pytest.mark.parametrize(("seconds", "fits"), [(-21, False), (-20, True), (19, True), (20, False)])
def test_it_fits_if_its_moment_lies_in_the_window(seconds: int, fits: bool) -> None:
    assert (fitting(ORDER, [replace(LISTED, announced=AT + seconds * SECOND)]) is not None) == fits


def test_of_several_the_nearest_fits_and_another_coin_s_never() -> None:
    others = [replace(LISTED, announced=AT + 3 * SECOND), replace(LISTED, base="ETH")]
    near = replace(LISTED, market="usdt", announced=AT - 2 * SECOND)
    assert fitting(ORDER, [*others, near]) is near
    assert fitting(ORDER, others[1:]) is None


def test_the_metadata_has_its_own_names() -> None:
    assert record(LISTED) == {
        "exchange": "upbit",
        "market": "krw",
        "instrument": "KRW-SOMI",
        "announced": AT,
        "first_seen": AT + 31 * SECOND,
        "trade_start": None,
        "source": "announcements",
        "notice": "7",
        "title": None,
        "url": None,
    }
