"""Times and markets as people write them."""

import click
import pytest

from metdc_collector.cli.arguments import moment, split, the_venue

NOW = 1_790_000_000_000_000_000
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "ago"), [("90s", 90), ("10m", 600), ("1h30m", 5_400), ("0s", 0), ("7d", 604_800), ("1d12h", 129_600)]
)
def test_a_duration_is_so_long_ago(text: str, ago: int) -> None:
    assert moment(text, now=NOW) == NOW - ago * SECOND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T10:00:00Z", 1795428000 * SECOND),
        ("2026-11-23T11:00:00+01:00", 1795428000 * SECOND),
        ("2026-11-23 10:00:00.000123Z", 1795428000 * SECOND + 123_000),
    ],
)
def test_a_time_is_exact(text: str, expected: int) -> None:
    assert moment(text, now=NOW) == expected


def test_a_time_without_a_zone_is_refused_with_the_remedy() -> None:
    with pytest.raises(click.BadParameter, match="add Z for UTC"):
        moment("2026-11-23T10:00:00", now=NOW)


@pytest.mark.parametrize("text", ["", "yesterday", "10", "-5m", "10 m", "d", "7dd", "7d10"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"neither a duration \(90s, 10m, 1h30m, 7d\) nor a time"):
        moment(text, now=NOW)


def test_an_unknown_exchange_names_those_that_exist() -> None:
    with pytest.raises(click.UsageError, match="unknown exchange 'binanse'; there are: binance, bybit"):
        the_venue("binanse", "spot")


def test_an_unknown_market_names_those_that_exist() -> None:
    with pytest.raises(click.UsageError, match="unknown market 'margin' of binance; there are: spot, futures"):
        the_venue("binance", "margin")


def test_names_may_be_repeated_or_joined_by_commas() -> None:
    assert split(("BTC,ETH", "XRP")) == ("BTC", "ETH", "XRP")
