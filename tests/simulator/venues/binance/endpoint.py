"""The two ports of Binance."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from tests.simulator.core.limits import Window
from tests.simulator.core.market import Market
from tests.simulator.core.venue import Dialogue, HttpReply, HttpRequest, Upgrade
from tests.simulator.venues.binance import dialogue, rest
from tests.simulator.venues.binance.lists import FuturesLister, SpotLister
from tests.simulator.venues.binance.wire import BinanceWire, Form

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket

CONNECTS, CONNECTS_SECONDS = 300, 300.0
OFFENCES_BEFORE_BAN = 5
"""Closes with 1008 within the simulator's life before the address is banned; the reference leaves the number open."""
PRELUDE = 20
"""Fills of an instrument before the simulator's start."""


class BinanceEndpoint:
    """One market on one port."""

    exchange = "binance"

    def __init__(self, hub: Hub, *, futures: bool) -> None:
        lister = FuturesLister() if futures else SpotLister()
        wire = BinanceWire(futures=futures)
        name = "futures" if futures else "spot"
        self._market = Market(hub, "binance", name, wire=wire, lister=lister, share=0.35)
        self._market.prelude = PRELUDE
        self.markets: tuple[Market, ...] = (self._market,)
        self._futures = futures
        self._rules = dialogue.FUTURES if futures else dialogue.SPOT
        self._rest = rest.BinanceRest(self._market, rest.FUTURES if futures else rest.SPOT)
        self._connects: dict[str, Window] = {}

    def http(self, request: HttpRequest) -> HttpReply:
        return self._rest.answer(request)

    def open(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        if (refusal := self._limited(upgrade)) is not None:
            return refusal
        parts = [unquote(part) for part in upgrade.path.split("/") if part]
        category = "all"
        if self._futures:
            category = parts.pop(0) if parts and parts[0] in {"public", "market", "private"} else "legacy"
        query = parse_qs(upgrade.query)
        if not parts or parts[0] not in {"ws", "stream"} or (parts[0] == "stream" and len(parts) > 1):
            return HttpReply(404, b"Not Found")
        combined = parts[0] == "stream"
        names = (
            query.get("streams", [""])[0].split("/")
            if combined
            else [name for part in parts[1:] for name in part.split("/")]
        )
        micro = not self._futures and query.get("timeUnit", [""])[0].upper() == "MICROSECOND"
        return dialogue.BinanceDialogue(
            socket,
            self._market,
            self._rules,
            category=category,
            form=Form(combined, micro),
            streams=[name for name in names if name],
        )

    def _limited(self, upgrade: Upgrade) -> HttpReply | None:
        violations = self._market.hub.violations
        if (left := self._rest.bans.left(upgrade.address, upgrade.now)) > 0:
            return HttpReply(418, b"", {"Retry-After": str(max(1, round(left)))})
        if violations.take(f"{self._market.key} frames", upgrade.address, OFFENCES_BEFORE_BAN):
            self._rest.bans.put(upgrade.address, upgrade.now)
            return HttpReply(
                418, b"", {"Retry-After": str(max(1, round(self._rest.bans.left(upgrade.address, upgrade.now))))}
            )
        window = self._connects.setdefault(upgrade.address, Window(CONNECTS, CONNECTS_SECONDS))
        if not window.admit(upgrade.now):
            violations.note(f"{self._market.key} connects", upgrade.address)
            return HttpReply(429, b"", {"Retry-After": str(max(1, round(window.wait(upgrade.now))))})
        return None

    def owns(self, url: str) -> str | None:
        host = urlsplit(url).hostname or ""
        hosts = (
            ("fapi.binance.com", "fstream.binance.com") if self._futures else ("api.binance.com", "stream.binance.com")
        )
        if host not in hosts:
            return None
        return "rest" if host == hosts[0] else "ws"

    def lists(self, path: str) -> bool:
        return path.endswith("/exchangeInfo")
