"""The README's subscriber, as it stands there, against a real nats-server."""

import asyncio
import re
import sys
import time

import nats
import orjson
from nats.aio.client import Client

from metdc_collector.wire import streams, trade
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade
from tests.harness import ROOT, NatsServer, NotInTime, Process, nats_server

SPOT = Instrument("binance", "spot", "BTCUSDT", "BTC", "USDT")
FUTURES = Instrument("phemex", "futures", "BTCUSDT", "BTC", "USDT")
OTHER = Instrument("binance", "spot", "ETHUSDT", "ETH", "USDT")


def example() -> str:
    """The one block of Python in the README."""
    (found,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def a_trade(instrument: Instrument, number: str) -> Trade:
    now = time.time_ns()
    return Trade(instrument, number, number, "80220.74", "0.00196", "sell", now, now)


async def all_followed(nc: Client, names: list[str]) -> None:
    """Return when each stream has a consumer."""
    for _ in range(300):
        replies = [await nc.request(f"$JS.API.STREAM.INFO.{name}") for name in names]
        if all(orjson.loads(reply.data)["state"]["consumer_count"] for reply in replies):
            return
        await asyncio.sleep(0.1)
    raise NotInTime("a consumer on every stream")


async def run(server: NatsServer) -> list[str]:
    """Make two streams, start the example, publish three trades; return its lines."""
    nc = await nats.connect(server.url)
    try:
        names = []
        for exchange in ("binance", "phemex"):
            wanted = streams.desired(streams.trades_stream(exchange, ["spot"], max_bytes=1 << 20))
            names.append(wanted["name"])
            await nc.request(f"$JS.API.STREAM.CREATE.{wanted['name']}", orjson.dumps(wanted))
        with Process([sys.executable, "-c", example(), server.url], name="the README's subscriber") as subscriber:
            await all_followed(nc, names)
            for number, instrument in enumerate((OTHER, SPOT, FUTURES), start=1):
                stored = a_trade(instrument, str(number))
                headers = {"Nats-Msg-Id": stored.message_id}
                await nc.jetstream().publish(instrument.subject, trade.encode(stored), headers=headers)
            return [await asyncio.to_thread(subscriber.line, 20) for _ in range(2)]
    finally:
        await nc.close()


async def test_the_subscriber_shows_one_coin_of_every_exchange() -> None:
    with nats_server() as server:
        lines = await run(server)
    assert sorted(lines) == [
        "binance.spot: sell 0.00196 at 80220.74, 157.23 USDT",
        "phemex.futures: sell 0.00196 at 80220.74, 157.23 USDT",
    ]
