"""What the tests of the simulated Bybit share: its addresses, a subscription, a REST request."""

from __future__ import annotations

from typing import Any

from websockets.asyncio.client import ClientConnection

from tests.conformance.clients import ask
from tests.simulator.testing import Simulated

MARKETS = ["spot", "futures"]


def url(sim: Simulated, market: str) -> str:
    return sim.websocket("bybit", market) + ("/v5/public/spot" if market == "spot" else "/v5/public/linear")


def topics(*names: str) -> list[str]:
    return [f"publicTrade.{name}" for name in names]


async def subscribe(socket: ClientConnection, *names: str, number: str = "t1") -> Any:
    """Sends a subscribe request, answers the reply."""
    return await ask(socket, {"req_id": number, "op": "subscribe", "args": topics(*names)})


async def get(sim: Simulated, path: str, **query: str | int) -> Any:
    """The body of a REST reply."""
    async with sim.http.get(f"{sim.rest('bybit', 'spot')}/v5/market/{path}", params=query) as reply:
        assert reply.status == 200
        return await reply.json()


async def linear_rows(sim: Simulated, **query: str | int) -> list[Any]:
    """All pages of the linear list."""
    rows, cursor = [], ""
    while True:
        result = (await get(sim, "instruments-info", category="linear", cursor=cursor, **query))["result"]
        rows += result["list"]
        cursor = result["nextPageCursor"]
        if not cursor:
            return rows
