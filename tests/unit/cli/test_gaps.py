"""Which gaps are shown, and how."""

from dataclasses import replace

import pytest

from metdc_collector.cli.gaps_command import table
from metdc_collector.wire.gap import Edge, newest
from tests.unit.cli.running import run
from tests.unit.wire.examples import GAP

OPEN = replace(
    GAP,
    before=Edge("10", GAP.start),
    after=Edge("15", GAP.end),
    at=1,
    first_missing="11",
    last_missing="14",
    missing=4,
    filled=0,
)


def test_of_each_gap_the_newest_record_counts_whatever_came_last() -> None:
    filled = replace(OPEN, state="filled", at=3, filled=4)
    assert newest([OPEN, filled, replace(OPEN, state="partial", at=2)]) == [filled]


def test_the_same_identity_in_another_market_is_another_gap() -> None:
    assert len(newest([OPEN, replace(OPEN, market="futures"), replace(OPEN, exchange="okx")])) == 3


def test_gaps_are_in_the_order_in_which_they_began() -> None:
    later = replace(OPEN, before=Edge("20", 0), start=OPEN.start + 1)
    assert newest([later, OPEN]) == [OPEN, later]


def test_a_row_tells_when_where_how_long_and_how_many() -> None:
    heading, row = table([OPEN])
    assert heading.split()[:2] == ["FROM", "(UTC)"]
    assert row.split() == [
        *("2026-09-21", "14:38:35", "3.537", "s", "binance", "spot", "BTC-USDT", "open", "disconnected", "4", "0"),
    ]


def test_what_cannot_be_counted_is_shown_as_such() -> None:
    assert table([replace(OPEN, missing=None, filled=None)])[1].split()[-2:] == ["-", "-"]


@pytest.mark.parametrize("words", [["--since", "yesterday"], ["--exchange", "a.b"]])
def test_bad_usage_is_told(words: list[str]) -> None:
    assert run("gaps", *words).exit_code == 2
