"""Making a capture: wait until the window is over and proven, read, judge, analyse, keep."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from metdc_collector.captures.analysis import analyse
from metdc_collector.captures.completeness import FLIGHT, Evidence, Judgement, judge, proven
from metdc_collector.captures.folder import Made, files
from metdc_collector.captures.gathering import Gathered, evidence, gather, renewed
from metdc_collector.captures.order import CaptureRefused, Order, check
from metdc_collector.captures.store import Store
from metdc_collector.captures.ticks import Series, series
from metdc_collector.stored.reading import JetStream
from metdc_collector.wire.durations import SECOND

Stage = Literal["waiting", "reading"]
PATIENCE = 3 * SECOND
"""How long after the window collectors are waited for that have not proven it yet."""
AGAIN = 10 * SECOND
"""How long until a provisional capture is made again."""
AHEAD = 30 * SECOND
"""By how much a machine's clock may be behind that of whoever named the moment."""
_LOOK = SECOND // 4


@dataclass(frozen=True, slots=True)
class Capturing:
    """What makes captures.

    Attributes:
        now: the time, ns since the epoch.
        sleep: waits so many seconds.
        stage: is told what the making of a capture has come to.
    """

    jetstream: JetStream
    store: Store
    now: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]]
    stage: Callable[[Stage], None] = lambda _: None

    async def once(self, order: Order) -> Made:
        """Make a capture, once its window is over, and keep it.

        Raises:
            CaptureRefused: when there is nothing to capture.
            ReadError, StoreFailed: when NATS can't be read or written.
        """
        check(order, self.now())
        made = await self._made(order)
        await self.store.put(order.name, files(made))
        return made

    async def until_final(self, order: Order, told: Callable[[Made], None]) -> Made:
        """Make a capture, and again as long as it is provisional; each that differs is kept and told.

        Raises:
            CaptureRefused: when there is nothing to capture.
            ReadError, StoreFailed: when NATS can't be read or written.
        """
        if 0 < (ahead := order.at - self.now()) <= AHEAD:
            await self._pause(ahead)
        made = await self._first(order)
        told(made)
        while made.judgement.state == "Provisional":
            await self._pause(AGAIN)
            again = await self._made(order)
            if (again.judgement, again.gathered.window) != (made.judgement, made.gathered.window):
                await self.store.put(order.name, files(again))
                told(again)
            made = again
        return made

    async def _first(self, order: Order) -> Made:
        """Make it once there is something: collectors that were down may back-fill it."""
        while True:
            try:
                return await self.once(order)
            except CaptureRefused as refusal:
                if refusal.settled:
                    raise
            await self._pause(AGAIN)

    async def _made(self, order: Order) -> Made:
        self.stage("waiting")
        known = await self._evidence(order)
        self.stage("reading")
        gathered = await gather(self.jetstream, order)
        now = self.now()
        judgement = judge(order, known, gathered.traded(order), now)
        if not gathered.window:
            raise _refusal(order, known, gathered, judgement)
        nothing = Series((), {})
        found = series(gathered.trades)
        markets = {market: found.get(market, nothing) for market in judgement.markets}
        return Made(gathered, known, judgement, markets, analyse(order, markets), now)

    async def _evidence(self, order: Order) -> Evidence:
        """Return what was proven, once all of the window is, or it is waited for no longer."""
        known = await evidence(self.jetstream, order)
        if (left := order.end + FLIGHT - self.now()) > 0:
            await self._pause(left)
            known = await renewed(self.jetstream, order, known)
        while not proven(order, known) and self.now() < order.end + PATIENCE:
            await self._pause(_LOOK)
            known = await renewed(self.jetstream, order, known)
        return known

    async def _pause(self, span: int) -> None:
        await self.sleep(span / SECOND)


def _refusal(order: Order, known: Evidence, gathered: Gathered, judgement: Judgement) -> CaptureRefused:
    """Return why a window without a trade is no capture."""
    listed = any(known.listed.values())
    if not (gathered.read or listed or known.changes or known.gaps):
        return CaptureRefused(
            "UnknownCoin",
            f"nothing is known of {order.base}: no trade, no instrument, no gap; give the coin's common name, as"
            " `metdc symbols` shows it",
        )
    if known.streams and all(stream.oldest >= order.end for stream in known.streams):
        names = ", ".join(stream.name for stream in known.streams)
        return CaptureRefused(
            "RetentionExceeded", f"the streams hold nothing that was stored in the window of {order.name}: {names}"
        )
    lacks = [f"{market.key}: {lack.text}" for market, found in judgement.markets.items() for lack in found]
    lacks += [f"{one.exchange}.{one.market}: {one.text}" for one in judgement.missing]
    told = f" ({'; '.join(lacks)})" if lacks else ""
    text = f"{order.base} was traded nowhere in the window of {order.name}{told}"
    return CaptureRefused("Empty", text, settled=judgement.state == "Final")
