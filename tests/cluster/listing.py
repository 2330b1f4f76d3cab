"""A listing on a real cluster: the chart's watcher of the simulated Upbit, a pump and its notice, what is captured."""

import contextlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.audit.window import compare, price
from tests.cluster.kube import Json, Refused, conditions
from tests.cluster.place import CEILING, START, Exchanges, Place
from tests.harness import eventually, metdc

WATCHER = "metdc-listings"
WINDOW = 60.0
"""Seconds from an order until its window is over and its Job has been started."""
SECOND, MS = 10**9, 10**6
TOLERANCE = 10 * MS
"""By how much (ns) the analysis may miss a planted moment."""
_COURSE = {"end_ms": 18_000, "peak_ms": 1_500, "decline_ms": 2_000}


def watching(divide: int) -> Json:
    """Return the chart's values ``listings``: a watcher of the simulated Upbit, whose timers are divided, too."""
    upbit = "http://simulator:9409"
    return {
        "enabled": True,
        "endpoints": {"rest": upbit, "announcements": upbit, "webSocket": upbit.replace("http://", "ws://")},
        "env": [{"name": "METDC_DIVIDE_TIMERS", "value": str(divide)}],
    }


def pumped(exchanges: Exchanges, base: str, delays: Mapping[str, int], *, ahead: float) -> Json:
    """Plant a pump of a coin, announced so many seconds from now; ``delays`` are each market's, in ms.

    Return what is planted. From now on these markets have trades of the coin for a reference price, too.
    """
    markets = {market: {"delay_ms": delay} for market, delay in delays.items()}
    planted: Json = exchanges.order("/pump", base=base, markets=markets, **{"in": ahead}, **_COURSE)
    return planted


def announced(exchanges: Exchanges, base: str, name: str, at: int) -> None:
    """Have Upbit announce a coin's pair in KRW at a moment, ns since the epoch; ``name`` is Korean."""
    notice = exchanges.order("/notice", coins=[{"base": base, "name": name}], at=at)
    assert notice["first_listed"] // SECOND == at // SECOND, notice


@dataclass(frozen=True, slots=True)
class Captures:
    """The ListingCaptures of a namespace, and what they keep."""

    where: Place
    exchanges: Exchanges

    def get(self, name: str) -> Json:
        """Return a ListingCapture."""
        return self.where.get("listingcapture", name)

    def status(self, name: str) -> Json:
        """Return its status; empty while it has none."""
        found: Json = self.get(name).get("status", {})
        return found

    def until(self, name: str, what: str, value: str, within: float = START + WINDOW) -> Json:
        """Wait until a field of its status is so, and return the status.

        Raises:
            AssertionError: it is not in time, or has failed; the first line says how far it came, the others what its
                pods have said.
        """

        def look() -> Json | None:
            found = self.status(name)
            return found if found.get(what) == value or found.get("phase") == "Failed" else None

        try:
            found = eventually(look, within, f"{what} of {name} is {value}", every=1)
        except RuntimeError as error:
            raise AssertionError(f"{error}; {self._told(name)}") from None
        assert found.get(what) == value, f"{name} has failed; {self._told(name)}"
        return found

    def _told(self, name: str) -> str:
        found = self.get(name)
        verdicts = conditions(found).items()
        words = "; ".join(f"{kind}: {each['reason']}, {each['message']}" for kind, each in verdicts)
        return f"{found.get('status', {}).get('phase', 'no status')}; {words}\n{self.logs(name)}"

    def logs(self, name: str) -> str:
        """Return what a capture's pods have said."""
        return self._logs("--selector", f"metdc.io/capture={name}", "--tail=-1")

    def _logs(self, *words: str) -> str:
        try:
            return self.where.kubectl("logs", *words)
        except Refused as error:
            return str(error)

    def ordered_by_watcher(self, base: str, at: int) -> str:
        """Wait until the watcher has ordered the capture of a coin announced at a moment (ns), and return its name.

        Raises:
            AssertionError: it did not in time; the first line names the captures there are, the others are its log.
        """
        name = f"{base.lower()}-{datetime.fromtimestamp(at // SECOND, UTC):%Y%m%dt%H%M%Sz}"
        try:
            eventually(lambda: name in self._names(), WINDOW + CEILING, f"{name} is ordered", every=1)
        except RuntimeError as error:
            said = self._logs(f"deployment/{WATCHER}", "--tail=50")
            raise AssertionError(f"{error}; there are: {', '.join(self._names()) or 'none'}\n{said}") from None
        made = self.get(name)["metadata"].get("labels", {})
        assert made.get("app.kubernetes.io/managed-by") == WATCHER, f"{name} is not the watcher's: {made}"
        return name

    def _names(self) -> list[str]:
        with contextlib.suppress(Refused):
            return self.where.kubectl("get", "listingcaptures", "--output=jsonpath={.items[*].metadata.name}").split()
        return []

    def order(self, name: str, **spec: Any) -> None:
        """Apply a ListingCapture by hand."""
        self.where.apply(
            {"apiVersion": "metdc.io/v1alpha1", "kind": "ListingCapture", "metadata": {"name": name}, "spec": spec}
        )

    def differs(self, files: Path, base: str) -> list[str]:
        """Return in words where a fetched window of a coin is not what the exchanges have traded of it."""
        metadata = read(files, "metadata.json")
        return compare(files, self.exchanges.book(), base, metadata["from"], metadata["to"])

    def fetched(self, folder: str, into: Path) -> Path:
        """Fetch a result as the documents say, and return the folder with its files.

        Raises:
            AssertionError: the command did not end well; the text is its own.
        """
        command = [*map(str, metdc()), "captures", "get", folder, "--output", str(into)]
        command += ["--nats", self.exchanges.nats_url]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=CEILING, check=False)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"metdc captures get {folder}: no end within {CEILING:g} s") from None
        assert done.returncode == 0, f"metdc captures get {folder}: {done.stderr.strip()}"
        return Path(done.stdout.strip())


def read(folder: Path, file: str) -> Json:
    """Return a JSON file of a result."""
    found: Json = json.loads((folder / file).read_text(encoding="utf-8"))
    return found


def first_mover(analysis: Json, planted: Json) -> str:
    """Return which market moved first by an analysis, and see that each moved when it was to, and as far.

    Raises:
        AssertionError: another moved first, or a market not at all, or off by more than :data:`TOLERANCE`, or its peak
            is another.
    """
    found = {_market(each): each for each in analysis["markets"]}
    delays = {_market(each): each["delay"] for each in analysis["by_time"]}
    for market, row in planted["markets"].items():
        assert market in delays, (
            f"{market} has not moved by the analysis: {found.get(market, {}).get('verdict', 'not captured')}"
        )
        wanted = row["first_move"]["time"] - planted["announced"]
        told = f"{market} moved after {delays[market] / MS:g} ms by the analysis, planted are {wanted / MS:g} ms"
        assert abs(delays[market] - wanted) <= TOLERANCE, told
        peak = found[market]["peak"] and Decimal(found[market]["peak"]["price"])
        high = price(row, "peak")
        assert peak == high, f"the peak of {market} is {peak} by the analysis, planted is {high}"
    first, (true, *_) = next(iter(delays)), planted["ranking"]
    assert first in true, f"{first} moved first by the analysis, planted is {' or '.join(true)}"
    return first


def _market(found: Json) -> str:
    """Return exchange and market of ``binance.spot.SOMI-USDT``."""
    return str(found["market"]).rpartition(".")[0]
