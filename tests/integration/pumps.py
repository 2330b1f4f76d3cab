"""A day of listings, played once: planted pumps, their notices, and what watcher and captures make of them.

All of it is the real thing but the exchanges, which are the simulator: collectors under the sample's own choice of
coins, ``metdc listings``, and a ``metdc capture`` for each event, started as soon as the event is there.
"""

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.audit import ledger as ledgers
from tests.audit.book import Book
from tests.harness import ROOT, NatsServer, Process, eventually, metdc, say
from tests.integration.rig import CEILING, Collector, Market, Simulator, collector, configuration, simulator
from tests.integration.watching import Watcher, events, watching
from tests.unit.cli.running import run

SECOND, MS = 10**9, 10**6
WIDTH = 20 * SECOND
BINANCE = Market("binance", "spot", "BTCUSDT")
BYBIT = Market("bybit", "futures", "BTCUSDT")
OKX = Market("okx", "spot", "BTC-USDT")
KUCOIN = Market("kucoin", "futures", "XBTUSDTM")
GATE = Market("gate", "futures", "BTC_USDT")
PHEMEX = Market("phemex", "spot", "sBTCUSDT")
MARKETS = (BINANCE, BYBIT, OKX, KUCOIN, GATE, PHEMEX)
LONG = {KUCOIN, GATE, PHEMEX}
VENUES = ("binance.spot", "bybit", "okx", "kucoin.futures", "gate", "phemex", "upbit")
COURSE = {"peak_ms": 2000, "decline_ms": 2500, "end_ms": 8000}
DOWN = GATE
"""The market whose collector is down at the second moment."""
SKEW_MS = 300
"""How far the clock of OKX is behind for SKEW."""
_AT_ONCE = 3
"""Captures that run at a time."""
ROTATED: Mapping[str, Mapping[str, Any]] = {
    "ROTA": {
        "binance.spot": {"delay_ms": 900},
        "bybit.futures": {"delay_ms": 400},
        "okx.spot": {"delay_ms": 1400},
        "kucoin.futures": {"delay_ms": 1900},
        "gate.futures": {"delay_ms": 2400},
        "phemex.spot": {"delay_ms": 2900},
    },
    "LATE": {"binance.spot": {"delay_ms": 700}, "kucoin.futures": {"delay_ms": 150, "rise": "0.5"}},
}
"""What is pumped at the first moment: every collector is replaced shortly before; the notice of LATE is shown late."""
HARD: Mapping[str, Mapping[str, Any]] = {
    "KRWI": {"binance.spot": {"delay_ms": 500}, "bybit.futures": {"delay_ms": 1200, "drawdown": "0.3"}},
    "HOLE": {"binance.spot": {"delay_ms": 800}, "gate.futures": {"delay_ms": 250}},
    "SKEW": {"binance.spot": {"delay_ms": 250}, "okx.spot": {"delay_ms": 100}},
    "TIED": {
        "binance.spot": {"delay_ms": 300},
        "bybit.futures": {"delay_ms": 300},
        "phemex.spot": {"delay_ms": 2500},
    },
    "LEAK": {"binance.spot": {"delay_ms": -1500}, "bybit.futures": {"delay_ms": 200}},
    "THIN": {
        "binance.spot": {
            "delay_ms": 600,
            "bad_prints": [{"at_ms": -4000, "factor": "1.5"}, {"at_ms": 7500, "factor": "2"}],
        },
        "kucoin.futures": {"delay_ms": 1500, "thin": True},
    },
}
"""What is pumped at the second moment, each with its difficulty: THIN has bad prints, too."""
TOGETHER = ("LEAK", "THIN")
"""Coins of one notice."""
PUMPS = {**ROTATED, **HARD}
COINS = tuple(PUMPS)


@dataclass
class Captured:
    """What one ``metdc capture`` said, and the files that were kept by then."""

    said: str
    metadata: dict[str, Any]
    analysis: dict[str, Any]
    folder: Path

    def found(self, market: str) -> dict[str, Any]:
        """Return what the analysis has of a market: ``binance.spot``."""
        (found,) = [one for one in self.analysis["markets"] if one["market"].startswith(f"{market}.")]
        return dict(found)

    def lacks(self) -> dict[str, list[dict[str, Any]]]:
        """Return what is lacking, by market."""
        return {f"{one['exchange']}.{one['market']}": one["lacks"] for one in self.metadata["markets"]}

    def seconds(self) -> float:
        """Return how long after its window it was kept first, as it says itself."""
        return float(re.findall(r"kept \S+, (\S+) s after the window", self.said)[0])


@dataclass
class Day:
    """All that was planted, and all that came of it; times in ns.

    Attributes:
        truths: the simulator's answer to each pump, by coin.
        notices: its answer to each coin's notice.
        events: what was stored of each coin.
        captures: of each coin that which its event started.
        again: of the coin with a hole, another one that was made when its collector had come back.
        rotated: when successors of all collectors began to be started.
        killed: when a collector was.
        entered: when KRWI came into Upbit's market list.
        book: the ledger's trades, owed whether a collector was there or not.
    """

    truths: dict[str, dict[str, Any]] = field(default_factory=dict)
    notices: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    captures: dict[str, Captured] = field(default_factory=dict)
    again: Captured = field(init=False)
    rotated: int = 0
    killed: int = 0
    entered: int = 0
    book: Book = field(init=False)


class Stage:
    """Plays the day."""

    def __init__(self, exchange: Simulator, nats: NatsServer, place: Path, stack: contextlib.ExitStack) -> None:
        self.exchange, self.nats, self.place = exchange, nats, place
        self.day = Day()
        self._stack = stack
        self._collectors: dict[Market, Collector] = {}

    def play(self) -> Day:
        """Play it, from the lists to the last capture."""
        self._list()
        self._collect("pod-a", MARKETS)
        _say("all collectors are ready")
        with self._watched() as watcher, ThreadPoolExecutor(_AT_ONCE) as captures:
            first = _moment(WIDTH // SECOND + 1)  # of its window nothing is from before the collectors
            self._plant(first, ROTATED)
            self._notice(first, "ROTA", starts_in=7200)
            self._notice(first, "LATE", late=30)
            _until(first - WIDTH)
            self._rotate()
            _say("all collectors were replaced")
            _until(first + COURSE["end_ms"] * MS)  # a clock that is wrong is wrong for all coins of its exchange
            second = max(first + WIDTH + 6 * SECOND, _moment(12))
            self._plant(second, HARD, skew_ms={"SKEW": {"okx": SKEW_MS}})
            self._hard_notices(second)
            _until(second - 4 * SECOND)
            self._collectors[DOWN].process.kill()
            self.day.killed = time.time_ns()
            said = {coin: captures.submit(self._capture, event) for coin, event in self._events()}
            self.day.captures = {coin: self._kept(coin, future.result()) for coin, future in said.items()}
            _say(f"{len(COINS)} captures are kept")
            self._collect("pod-c", [DOWN])
            _say(f"{DOWN.key} is back")
            self.day.again = self._kept("HOLE", self._capture(self.day.events["HOLE"][0], "--wait"))
            _say("its hole is filled")
            watcher.some_polls()
            self.day.events = self._stored()
            watcher.stop()
        self.exchange.order("/pause")
        self.exchange.order("/mark")
        self.day.book = ledgers.read(self.exchange.ledger, every=True).book
        return self.day

    # -- what happens

    def _list(self) -> None:
        """List the coins, each where it is pumped and nowhere else."""
        for market in MARKETS:
            rows = [{"base": coin, "quote": "USDT", "price": "5.4321"} for coin in COINS if market.key in PUMPS[coin]]
            self.exchange.order("/universe", exchange=market.exchange, market=market.name, list=rows)
            self.exchange.rate(market, 10)

    def _collect(self, pod: str, markets: Sequence[Market]) -> None:
        """Start a collector for each of the markets, in place of the one that is there once all are ready."""
        before = dict(self._collectors)
        for market in markets:
            config = configuration(self.exchange, market, self.nats.url, pod=pod, symbols=chosen(market))
            self._collectors[market] = self._stack.enter_context(collector(config))
        for market in markets:
            self._collectors[market].until_ready()
        for market in markets:
            if market in before and before[market].process.exit_code is None:
                before[market].stop()

    def _rotate(self) -> None:
        self.day.rotated = time.time_ns()
        self._collect("pod-b", MARKETS)

    def _watched(self) -> contextlib.AbstractContextManager[Watcher]:
        places = self.exchange.venues["upbit"]["spot"]
        return watching(places["rest"], places["webSocket"], self.nats.url)

    def _plant(
        self, at: int, pumps: Mapping[str, Mapping[str, Any]], skew_ms: Mapping[str, Mapping[str, int]] | None = None
    ) -> None:
        for coin, markets in pumps.items():
            order = {"base": coin, "at": at, "markets": markets, "skew_ms": (skew_ms or {}).get(coin, {}), **COURSE}
            self.day.truths[coin] = self.exchange.order("/pump", **order)

    def _notice(self, at: int, *coins: str, **words: Any) -> None:
        listed = [{"base": coin, "name": f"{coin}코인"} for coin in coins]
        notice = self.exchange.order("/notice", coins=listed, at=at, **words)
        self.day.notices |= dict.fromkeys(coins, notice)

    def _hard_notices(self, at: int) -> None:
        self._notice(at, *TOGETHER)
        self._notice(at, "TIED", edits=2, every=1)
        for coin in ("HOLE", "SKEW", "KRWI"):
            self._notice(at, coin)
        self.day.entered = at + 5 * SECOND
        row = {"base": "KRWI", "quote": "KRW", "price": "5512"}
        self.exchange.order("/universe", exchange="upbit", market="spot", list=[row], at=self.day.entered)

    # -- what comes of it

    def _stored(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for event in events(self.nats.url):
            if event["subject"].startswith("listings."):
                found.setdefault(event["subject"].rpartition(".")[2], []).append(event)
        return found

    def _events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each coin's event as soon as it is stored, until all have come."""
        while missing := set(COINS) - self.day.events.keys():
            for coin in eventually(self._fresh, 2 * CEILING, f"events of {sorted(missing)}"):
                yield coin, self.day.events[coin][0]

    def _fresh(self) -> list[str] | None:
        known, self.day.events = self.day.events.keys(), self._stored()
        return sorted(self.day.events.keys() - known) or None

    def _capture(self, event: Mapping[str, Any], *words: str) -> str:
        """Run ``metdc capture`` for an event; return what it said to people."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event["announced"] // SECOND))
        command = [*metdc(), "capture", event["symbol"].partition("-")[0], "--at", at, "--nats", self.nats.url]
        with Process([*command, *words], name=" ".join(command[3:])) as process:
            assert process.wait(4 * CEILING) == 0, process.log
            return process.log

    def _kept(self, coin: str, said: str) -> Captured:
        """Fetch what was kept of a coin by now."""
        place = self.place / str(len(list(self.place.iterdir())))
        result = run("captures", "get", coin, "--output", place, "--nats", self.nats.url)
        assert result.exit_code == 0, result.stderr
        (found,) = place.iterdir()
        metadata, analysis = (json.loads((found / file).read_text()) for file in ("metadata.json", "analysis.json"))
        return Captured(said, metadata, analysis, found)


def _say(text: str) -> None:
    """Tell how far the day is, for when it comes to nothing."""
    say(f"{time.strftime('%H:%M:%S', time.gmtime())} {text}")


def _moment(seconds: int) -> int:
    """Return the whole second that is so many from now."""
    return (time.time_ns() // SECOND + seconds) * SECOND


def _until(at: int) -> None:
    """Let the simulator's clock, which is this machine's, reach a moment."""
    time.sleep(max(0, at - time.time_ns()) / SECOND)


def chosen(market: Market) -> dict[str, Any]:
    """Return ``spec.symbols`` as the simulator's sample has it, which chooses nothing and says nothing of Upbit.

    The lists of three exchanges are longer than a test has time for: of these only the coins are taken.
    """
    if market in LONG:
        return {"include": ["BTC", *COINS]}
    documents = yaml.safe_load_all((ROOT / "config" / "samples" / "simulator.yaml").read_text())
    (spec,) = [one["spec"] for one in documents if one["spec"]["exchange"] == market.exchange]
    return dict(spec.get("symbols", {}))


def played(nats: NatsServer, place: Path) -> Day:
    """Play the day and return what came of it; files are kept in ``place``."""
    with contextlib.ExitStack() as stack:
        exchange = stack.enter_context(simulator(only=VENUES, symbols=None))
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        environment.setenv("METDC_UPBIT_REST", exchange.venues["upbit"]["spot"]["rest"])
        return Stage(exchange, nats, place, stack).play()
