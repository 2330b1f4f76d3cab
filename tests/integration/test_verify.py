"""``metdc verify`` against the simulator: all holds, and what a simulator is told to do otherwise is named."""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from metdc_collector.clock import Clock
from metdc_collector.exchanges.base import Endpoints
from metdc_collector.exchanges.binance import SPOT
from metdc_collector.verify.checks import Result, Verdict
from metdc_collector.verify.run import Order, Watch
from tests.harness import Process, python
from tests.integration.rig import START, Market, Simulator, simulator
from tests.integration.test_record import EVERYTHING, MARKETS

MINUTES = "0.15"
OVER = 90.0
"""Seconds after which verification must be over, on a machine that does other work too."""
BY = 8
"""Timers are divided by this: enough for a silent client to be cut meanwhile, little enough for a busy machine."""
RATE = 20.0
"""Trades a second of each market, and of those whose frames are to hold several."""
RATE_SHARED = 80.0
SHARED = ("bybit", "gate.futures")
BREAKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "binance.spot": ("ids step", "skip_ids", {"share": 0.2}),
    "binance.futures": ("heartbeats", "deaf", {}),
    "bybit.spot": ("rows in a frame", "out_of_order_rows", {}),
    "bybit.futures": ("unknown instrument", "accept_unknown", {}),
    "okx.spot": ("ids", "duplicate_trades", {}),
    "okx.futures": ("time of a trade", "shift_time", {"by": 60}),
    "kucoin.spot": ("silent client", "own_code", {"code": 1001}),
    "kucoin.futures": ("after subscribing", "old_trades", {}),
    "gate.spot": ("limits in headers", "no_headers", {}),
    "phemex.futures": ("frames", "malformed", {"mode": "truncate", "share": 0.2, "beside": True}),
    "upbit.spot": ("subscriptions", "slow_ack", {"by": 12, "count": 1}),
}
"""Of a market: the assumption that is broken, and how."""
UNSEEN = {"REST and socket", "silent client"}
"""What need not be seen: history can't be read of every venue; Bybit's cut comes late, though timers are divided."""


def verification(exchange: Simulator, place: Path, *options: str) -> Process:
    file = place / "addresses.json"
    file.write_text(json.dumps(exchange.venues))
    words: list[str | Path] = ["--endpoints", file, "--json", *options]
    command = python("metdc_collector.cli.main", "verify", *words)
    return Process(command, name="verify", env={"METDC_DIVIDE_TIMERS": str(BY)})


@dataclass(frozen=True)
class Outcome:
    """What a verification told: its exit code, and by market its verdicts by assumption."""

    code: int
    verdicts: dict[str, dict[str, str]]
    records: dict[str, Any]

    def broken(self, market: str) -> set[str]:
        """The assumptions of a market that are said to be broken."""
        return {name for name, verdict in self.verdicts[market].items() if verdict == "broken"}


def outcome(process: Process) -> Outcome:
    code = process.wait(OVER)
    lines = [process.line(START) for _ in MARKETS]
    records = [json.loads(line) for line in lines]
    verdicts = {
        f"{one['exchange']}.{one['market']}": {each["assumption"]: each["verdict"] for each in one["assumptions"]}
        for one in records
    }
    return Outcome(code, verdicts, dict(zip(verdicts, records, strict=True)))


@pytest.fixture(scope="module")
def exchanges() -> Iterator[tuple[Simulator, Simulator]]:
    """A simulator that keeps to all, and one that was told to break something on nearly each market."""
    with ExitStack() as stack:
        good, bad = (stack.enter_context(simulator(symbols=4, by=BY, only=EVERYTHING)) for _ in range(2))
        for exchange in (good, bad):
            for market in MARKETS:
                exchange.rate(market, RATE_SHARED if market.key.startswith(SHARED) else RATE)
        yield good, bad


@pytest.fixture(scope="module")
def outcomes(
    exchanges: tuple[Simulator, Simulator], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Outcome, Outcome]:
    """Both are verified, side by side."""
    good, bad = exchanges
    with ExitStack() as stack:
        for key, (_, fault, parameters) in BREAKS.items():
            exchange, _, name = key.partition(".")
            bad.fault(fault, Market(exchange, name, ""), **{"seconds": OVER, **parameters})
        running = [
            stack.enter_context(verification(simulated, tmp_path_factory.mktemp("verify"), "--minutes", MINUTES))
            for simulated in (good, bad)
        ]
        whole, broken = map(outcome, running)
        return whole, broken


def test_every_assumption_holds_against_the_simulator(outcomes: tuple[Outcome, Outcome]) -> None:
    whole, _ = outcomes
    assert whole.code == 0, whole.verdicts
    assert whole.verdicts.keys() == {market.key for market in MARKETS}
    for market, verdicts in whole.verdicts.items():
        assert {name for name, verdict in verdicts.items() if verdict != "held"} <= UNSEEN, market
        assert market.startswith("bybit") or verdicts.get("silent client") != "not seen", market


@pytest.mark.parametrize("market", BREAKS)
def test_a_broken_assumption_is_named_and_no_other(outcomes: tuple[Outcome, Outcome], market: str) -> None:
    _, broken = outcomes
    assert broken.code == 1
    assert broken.broken(market) == {BREAKS[market][0]}, broken.records[market]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_early_with_what_was_seen(
    exchanges: tuple[Simulator, Simulator], tmp_path: Path, number: int
) -> None:
    with verification(exchanges[0], tmp_path, "--market", "binance.spot") as process:
        process.logged("instruments are watched", START)
        process.signal(number)
        assert process.wait(START) == 0, process.log
        record = json.loads(process.line(START))
    verdicts = {each["assumption"]: each["verdict"] for each in record["assumptions"]}
    assert (verdicts["subscriptions"], verdicts["REST and socket"]) == ("held", "not seen")


async def rest_against_socket(exchange: Simulator) -> Result:
    """Watch Binance spot in this process; return what is said of its REST."""
    addresses = exchange.venues["binance"]["spot"]
    order = Order(
        venue=SPOT,
        endpoints=Endpoints(addresses["rest"], addresses["webSocket"]),
        rhythm=SPOT.rhythm,
        tls=None,
        include=("BTC",),
        share=Fraction(1),
        seconds=6,
    )
    watch = Watch(order, Clock())
    await watch.read_list()
    results = {result.assumption: result for result in await watch.run(asyncio.Event())}
    return results["REST and socket"]


async def test_rest_that_equals_the_socket_holds_and_another_digit_is_named(
    exchanges: tuple[Simulator, Simulator],
) -> None:
    good, bad = exchanges
    fault = bad.order("/fault", fault="rest_digit", exchange="binance", market="spot", seconds=OVER)
    try:
        held, broken = await asyncio.gather(rest_against_socket(good), rest_against_socket(bad))
    finally:
        bad.order("/faults/clear", id=fault["id"])
    assert held.verdict is Verdict.HELD, held
    assert broken.verdict is Verdict.BROKEN, broken
