"""Shows trades as JetStream stores them: rates per market and the newest trade."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import nats
import orjson
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError


class Watch:
    """Follows the streams in a thread of its own, for the length of a ``with`` block.

    Args:
        url: of the NATS server.
        markets: ``binance.spot``, …: what is shown, in this order.
    """

    def __init__(self, url: str, markets: Sequence[str]) -> None:
        self._url = url
        self._markets = markets
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._newest: dict[str, dict[str, Any]] = {}
        self._shown = (time.monotonic(), Counter[str]())
        self._turn = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._follow()), name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(5)

    def lines(self, elapsed: float) -> Iterator[str]:
        """Yield a line of rates since the last call, and one with the newest trade of the market whose turn it is."""
        now = time.monotonic()
        with self._lock:
            counts, newest = Counter(self._counts), dict(self._newest)
        since, before = self._shown
        self._shown = (now, counts)
        spans = max(now - since, 0.001)
        rates = "  ".join(f"{market} {(counts[market] - before[market]) / spans:6.0f}/s" for market in self._markets)
        yield f"{elapsed:6.1f} s  {rates}"
        self._turn += 1
        market = self._markets[self._turn % len(self._markets)]
        if (trade := newest.get(market)) is not None:
            yield f"          {market}  {trade['symbol']}  {trade['side']} {trade['quantity']} @ {trade['price']}"

    async def _follow(self) -> None:
        nc = await nats.connect(self._url)
        js = nc.jetstream()
        waiting = {market.partition(".")[0] for market in self._markets}
        while not self._stop.is_set():
            for exchange in sorted(waiting):
                config = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)  # the call writes into it
                try:
                    await js.subscribe(f"trades.{exchange}.>", cb=self._take, ordered_consumer=True, config=config)
                except NotFoundError:
                    continue  # the stream is not there yet
                waiting.discard(exchange)
            await asyncio.sleep(0.2)
        await nc.close()

    async def _take(self, message: Msg) -> None:
        market = ".".join(message.subject.split(".")[1:3])
        with self._lock:
            self._counts[market] += 1
            self._newest[market] = orjson.loads(message.data)
