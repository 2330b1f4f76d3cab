"""``metdc record`` against the simulator: what it writes is what the venue sent, and other commands can use it."""

import io
import json
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from metdc_collector.cli import parse
from tests.audit.ledger import NO_TRADE
from tests.harness import Process, eventually, python
from tests.integration.rig import CEILING, COINS, START, Market, Simulator, simulator
from tests.replay import replay

# Trades a second, and how many at least; some of each instrument.
RATE = 200.0
TRADES = 100
EVERYTHING = (
    *("binance.spot", "binance.futures", "bybit", "okx", "kucoin.spot", "kucoin.futures", "gate", "phemex", "upbit"),
)
BINANCE = Market("binance", "spot", "BTCUSDT")
KUCOIN = Market("kucoin", "futures", "XBTUSDTM")
UPBIT = Market("upbit", "spot", "KRW-BTC")
MARKETS = (
    BINANCE,
    Market("binance", "futures", "BTCUSDT"),
    Market("bybit", "spot", "BTCUSDT"),
    Market("bybit", "futures", "BTCUSDT"),
    Market("okx", "spot", "BTC-USDT"),
    Market("okx", "futures", "BTC-USDT-SWAP"),
    Market("kucoin", "spot", "BTC-USDT"),
    KUCOIN,
    Market("gate", "spot", "BTC_USDT"),
    Market("gate", "futures", "BTC_USDT"),
    Market("phemex", "spot", "sBTCUSDT"),
    Market("phemex", "futures", "BTCUSDT"),
    UPBIT,
)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Simulator]:
    """All venues, silent; each test has a market of its own, whose trades in the ledger are that test's."""
    with simulator(history=0, by=1, only=EVERYTHING) as running:
        yield running


def record(exchange: Simulator, market: Market, *options: str | Path) -> Process:
    addresses = exchange.venues[market.exchange][market.name]
    words = ["--rest", addresses["rest"], "--web-socket", addresses["webSocket"], *options]
    command = python("metdc_collector.cli.main", "record", market.exchange, market.name, *words)
    return Process(command, name=f"record {market.key}")


def subscribed(exchange: Simulator, market: Market, process: Process) -> None:
    """Wait until the venue has every subscription that the process means to make."""
    process.logged(" instruments", START)
    wanted = re.search(r": ([0-9]+) instruments", process.log)
    assert wanted is not None
    eventually(lambda: exchange.state(market)["subscriptions"] == int(wanted[1]), START, f"{market.key}: subscriptions")


def written(exchange: Simulator, market: Market) -> list[tuple[str, int]]:
    """Return instrument and time (ns) of the trades that were written live to the one connection there was."""
    exchange.order("/mark")
    with exchange.ledger.open() as lines:
        records = [json.loads(line) for line in lines]
    sent = [record for record in records if record["type"] == "trade" and record["connections"]]
    ours = [trade for trade in sent if (trade["exchange"], trade["market"]) == (market.exchange, market.name)]
    return sorted((trade["instrument"], trade["time"]) for trade in ours if trade["kind"] != NO_TRADE)


class Parsed:
    """What ``metdc parse`` finds in a recording that holds its own instrument list."""

    def __init__(self, market: Market, path: Path) -> None:
        out, err = io.StringIO(), io.StringIO()
        with path.open("rb") as frames:
            parse.run(market.exchange, market.name, path, frames, out, err)
        trades = [json.loads(line) for line in out.getvalue().splitlines()]
        self.trades = sorted((trade["instrument"], trade["time"]) for trade in trades)
        self.count = json.loads(err.getvalue().splitlines()[-1])

    def since(self, time: int) -> list[tuple[str, int]]:
        """Return the trades that are not older: what a venue shows on subscribing happened before."""
        return [trade for trade in self.trades if trade[1] >= time]


def recording(exchange: Simulator, market: Market, path: Path) -> dict[str, Any]:
    """Record a market's first trades; return the count with which the command ends."""
    with record(exchange, market, "--include", ",".join(COINS), "--output", path) as process:
        subscribed(exchange, market, process)
        exchange.rate(market, RATE)
        exchange.sent(market, TRADES)
        exchange.rate(market, 0)
        newest = max(written(exchange, market), key=lambda trade: trade[1])
        eventually(lambda: newest in Parsed(market, path).trades, CEILING, "all that was sent is recorded")
        assert process.terminate(CEILING) == 0, process.log
        return dict(json.loads(process.log.splitlines()[-1]))


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.key)
def test_a_recording_holds_every_trade_that_was_sent_and_replays(
    exchange: Simulator, market: Market, tmp_path: Path
) -> None:
    path = tmp_path / "recording.jsonl"
    counted = recording(exchange, market, path)
    found, owed = Parsed(market, path), written(exchange, market)
    assert found.since(min(time for _, time in owed)) == owed
    assert (found.count["malformed"], found.count["out_of_scope"]) == (0, {})
    assert counted == {"frames": found.count["frames"], "trades": found.count["trades"]}
    if market in (BINANCE, KUCOIN):
        result, held = replay(path)
        assert held, result
        assert result["expected"] == len(owed)


def lines(path: Path) -> list[dict[str, Any]]:
    """Return a recording's lines; each must be whole."""
    text = path.read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def busy() -> Iterator[Simulator]:
    with simulator(by=1, only=["kucoin.futures", "upbit"]) as running:
        running.rate(KUCOIN, 500)
        running.rate(UPBIT, 500)
        yield running


def test_a_recording_begins_with_what_led_to_the_first_frame(busy: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "kucoin.jsonl"
    with record(busy, KUCOIN, "--include", "BTC", "--frames", "20", "--output", path) as process:
        assert process.wait(START) == 0, process.log
    found = lines(path)
    assert [line["kind"] for line in found[:5]] == ["http", "http", "connect", "recv", "send"]
    listed, token, connect, _, subscribe = found[:5]
    assert listed["url"] == "https://api-futures.kucoin.com/api/v1/contracts/active"
    assert token["url"] == "https://api-futures.kucoin.com/api/v1/bullet-public"
    given = quote(json.loads(token["data"])["data"]["token"], safe="")
    assert connect["url"].startswith(f"wss://api-futures.kucoin.com/endpoint?token={given}")
    assert subscribe["url"] == connect["url"]
    assert json.loads(subscribe["data"])["topic"] == "/contractMarket/execution:XBTUSDTM"
    assert sum(line["kind"] == "recv" for line in found) == 20


def test_a_frame_with_the_binary_opcode_is_marked_so(busy: Simulator, tmp_path: Path) -> None:
    path = tmp_path / "upbit.jsonl"
    with record(busy, UPBIT, "--include", "BTC", "--frames", "5", "--output", path) as process:
        assert process.wait(START) == 0, process.log
    assert all(line.get("binary", False) is (line["kind"] == "recv") for line in lines(path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_recording_with_a_whole_line(busy: Simulator, tmp_path: Path, number: int) -> None:
    path = tmp_path / "kucoin.jsonl"
    with record(busy, KUCOIN, "--output", path) as process:
        eventually(lambda: path.exists() and path.read_text().count('"recv"') > 200, START, "frames are recorded")
        process.signal(number)
        assert process.wait(CEILING) == 0, process.log
        counted = json.loads(process.log.splitlines()[-1])
    assert sum(line["kind"] == "recv" for line in lines(path)) == counted["frames"]


def test_so_many_seconds_end_a_recording_on_stdout(busy: Simulator) -> None:
    with record(busy, KUCOIN, "--include", "BTC", "--seconds", "2") as process:
        assert json.loads(process.line(START))["kind"] == "http"
        assert process.wait(START) == 0, process.log


def test_a_reader_that_has_had_enough_ends_a_recording_in_silence(busy: Simulator, tmp_path: Path) -> None:
    addresses = busy.venues["kucoin"]["futures"]
    words = ["--rest", addresses["rest"], "--web-socket", addresses["webSocket"]]
    command = shlex.join(map(str, python("metdc_collector.cli.main", "record", "kucoin", "futures", *words)))
    with Process(
        ["bash", "-c", f"set -o pipefail; {command} | head -n 3 > {tmp_path}/three"], name="record"
    ) as process:
        assert process.wait(START) == 0, process.log
    assert "Traceback" not in process.log
