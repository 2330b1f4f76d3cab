"""``metdc trades`` before it connects: which subjects are meant, and what is bad usage."""

from pathlib import Path

import pytest

from metdc_collector.cli import trades_command
from metdc_collector.cli.trades_command import Order
from metdc_collector.stored.reading import Start
from tests.unit.cli.running import run


class Asked:
    """Stands for the reading: keeps what was asked for."""

    order: Order | None = None
    urls: tuple[str, ...] = ()

    async def __call__(self, order: Order, urls: tuple[str, ...], credentials: object) -> None:
        self.order, self.urls = order, urls


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    stand_in = Asked()
    monkeypatch.setattr(trades_command, "_show", stand_in)
    monkeypatch.delenv("NATS_URL", raising=False)
    return stand_in


def order(asked: Asked, *arguments: str) -> Order:
    result = run("trades", *arguments)
    assert asked.order is not None, result.output
    return asked.order


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        ((), "trades.*.*.*.*"),
        (("--base", "BTC"), "trades.*.*.BTC.*"),
        (("--exchange", "binance", "--market", "spot", "--quote", "USDT"), "trades.binance.spot.*.USDT"),
        (("--base", "币"), "trades.*.*.%E5%B8%81.*"),
        (("trades.binance.>",), "trades.binance.>"),
        (("binance.*.BTC.USDT",), "trades.binance.*.BTC.USDT"),
    ],
)
def test_what_is_named_becomes_a_pattern(asked: Asked, arguments: tuple[str, ...], pattern: str) -> None:
    assert order(asked, *arguments).pattern == pattern


def test_without_a_beginning_it_follows_what_comes_next(asked: Asked) -> None:
    live = order(asked)
    assert (live.start, live.follow, live.limit) == (Start(), True, None)


def test_a_beginning_is_a_time_or_a_number(asked: Asked) -> None:
    assert order(asked, "--since", "2026-11-23T10:00:00Z").start == Start(time=1795428000_000000000)
    assert order(asked, "--from", "7", "--exchange", "binance").start == Start(sequence=7)


def test_lines_are_json_where_nobody_watches(asked: Asked) -> None:
    assert order(asked).form == "json"
    assert order(asked, "--format", "table").form == "table"


def test_the_server_comes_from_the_line_or_the_environment(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    order(asked)
    assert asked.urls == ("nats://127.0.0.1:4222",)
    monkeypatch.setenv("NATS_URL", "nats://env:4222")
    order(asked)
    assert asked.urls == ("nats://env:4222",)
    order(asked, "--nats", "nats://line:4222")
    assert asked.urls == ("nats://line:4222",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("trades.>", "--base", "BTC"), "give PATTERN or --exchange, --market, --base, --quote, not both"),
        (("--since", "1m", "--from", "1"), "give --since or --from, not both"),
        (("--no-follow",), "--no-follow shows nothing without a beginning: add --since 10m or --from 1"),
        (("--since", "soon", "--no-follow"), "'soon' is neither a duration"),
        (("--from", "0"), "0 is not in the range"),
        (("--limit", "0"), "0 is not in the range"),
        (("--exchange", "binanse"), "unknown exchange 'binanse'; there are: binance, bybit"),
        (("--market", "margin"), "unknown market 'margin'; there are: futures, spot"),
        (("--base", "\udcff"), "not a subject token"),
        (("trades..BTC",), "'trades..BTC' is no NATS subject"),
        (("trades.>.BTC",), "'trades.>.BTC' is no NATS subject"),
        (("trades.a b",), "'trades.a b' is no NATS subject"),
        ((">",), "'>' reaches beyond trades"),
        (("--creds", "/nowhere"), "'/nowhere' does not exist"),
    ],
)
def test_bad_usage_is_one_line_with_the_remedy(asked: Asked, arguments: tuple[str, ...], message: str) -> None:
    result = run("trades", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert asked.order is None


def test_a_server_that_is_away_is_told_in_one_line() -> None:
    result = run("trades", "--nats", "nats://127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr.startswith("metdc: NATS at nats://127.0.0.1:1 cannot be reached: ")
    assert result.stderr.count("\n") == 1


def test_credentials_that_cannot_be_read_are_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    result = run("trades", "--creds", tmp_path)
    assert result.exit_code == 1
    assert f"the credentials in {tmp_path} cannot be read" in result.stderr
