"""The two ports of KuCoin: the token call over REST, then a WebSocket at the address of its reply (reference 6.3)."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.simulator.core.market import Market
from tests.simulator.core.venue import Dialogue, HttpReply, HttpRequest, Upgrade
from tests.simulator.venues.kucoin.dialogue import KucoinDialogue
from tests.simulator.venues.kucoin.lists import ContractLister, SpotLister
from tests.simulator.venues.kucoin.rest import LISTS, PATH, KucoinRest
from tests.simulator.venues.kucoin.tokens import Tokens
from tests.simulator.venues.kucoin.wire import KucoinWire

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket

SESSIONS = 800
"""Open connections of an address; the error text still says 50."""
PRELUDE = 20
"""Fills of an instrument before the simulator's start."""


class KucoinEndpoint:
    """One market on one port."""

    exchange = "kucoin"

    def __init__(self, hub: Hub, *, futures: bool) -> None:
        name = "futures" if futures else "spot"
        lister = ContractLister() if futures else SpotLister()
        wire = KucoinWire(hub.seed, futures=futures)
        self._market = Market(hub, "kucoin", name, wire=wire, lister=lister, share=0.1)
        self._market.prelude = PRELUDE
        self.markets: tuple[Market, ...] = (self._market,)
        self._hub, self._topic = hub, wire.path
        self._tokens = Tokens(hub.seed, name, hub.divide_timers)
        self._rest = KucoinRest(self._market, self._tokens)
        self._numbers = count(1)

    def http(self, request: HttpRequest) -> HttpReply:
        return self._rest.answer(request)

    def open(self, upgrade: Upgrade, socket: Socket) -> Dialogue | HttpReply:
        if upgrade.path != PATH:
            self._hub.violations.note(f"{self._market.key} path", upgrade.address)
            return HttpReply(404, b"Not Found")
        query = parse_qs(upgrade.query)
        name = query.get("connectId", [f"welcome{next(self._numbers)}"])[0]
        refusal = None
        if not self._tokens.good(query.get("token", [""])[0], upgrade.now):
            self._hub.violations.note(f"{self._market.key} token", upgrade.address)
            refusal = (401, "token is invalid")
        elif self._open(upgrade.address) >= SESSIONS:
            self._hub.violations.note(f"{self._market.key} sessions", upgrade.address)
            refusal = (509, "exceed max session count limitation of 50")
        return KucoinDialogue(socket, self._market, self._topic, name=name, refusal=refusal)

    def _open(self, address: str) -> int:
        return sum(1 for one in self._hub.sockets if one.endpoint is self and one.address == address)

    def owns(self, url: str) -> str | None:
        """Futures have hosts of their own; of REST only the lists are served from recordings."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if not host.endswith("kucoin.com") or ("futures" in host) != (self._market.name == "futures"):
            return None
        if parts.scheme.startswith("ws"):
            return "ws"
        return "rest" if self.lists(parts.path) else None

    def lists(self, path: str) -> bool:
        return path in LISTS[self._market.name]
