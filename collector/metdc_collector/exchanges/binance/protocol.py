"""The conversation of one Binance connection, on a combined stream.

::

    → {"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@trade"],"id":1}
    ← {"result":null,"id":1}
    ← {"stream":"btcusdt@trade","data":{"e":"trade",…}}
    ← {"code":2,"msg":"Invalid request: too many parameters"}       also as {"error":{"code":2,"msg":"…"},"id":1}
    ← {"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}

An unknown symbol is acknowledged like any other, and silent. Bare payloads (``/ws``) are read too. The venue pings by
protocol frames, which the WebSocket library answers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from metdc_collector.exchanges.base import KIND_TRADE, Command, Ending, Kind, Parsed
from metdc_collector.exchanges.binance.trades import AGGREGATE, TRADE, read
from metdc_collector.exchanges.checks import Damaged, is_name, shown
from metdc_collector.exchanges.decoding import Undecodable, decode
from metdc_collector.exchanges.requests import Requests, batches
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

_TRADES = (TRADE, AGGREGATE)
_SHUTDOWN = "serverShutdown"
# Bare payloads without an event name: the best prices of spot, and the books of fixed depth.
_NAMELESS = ({"u", "s", "b", "B", "a", "A"}, {"lastUpdateId", "bids", "asks"})


class BinanceConversation:
    """The protocol of one connection; see :class:`metdc_collector.exchanges.base.Conversation`."""

    __slots__ = ("_batch", "_channel", "_instruments", "_path", "_requests", "_streams")

    def __init__(self, instruments: Mapping[str, Instrument], channel: str, path: str, batch: int) -> None:
        self._instruments = instruments
        self._channel = channel
        self._path = path
        self._batch = batch
        self._requests = Requests()
        # Stream names seen to belong to (instrument, event): saves making the name anew for each frame.
        self._streams: dict[str, tuple[str, str]] = {}

    def path(self) -> str:
        """``/stream``, ``/public/stream`` or ``/market/stream``."""
        return self._path

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """``SUBSCRIBE`` frames of at most a hundred streams."""
        return [
            self._command("SUBSCRIBE", self._requests.subscribe(batch), batch) for batch in batches(names, self._batch)
        ]

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """``UNSUBSCRIBE`` frames for those of the instruments that are subscribed."""
        known = [name for name in names if name in self._requests.subscriptions]
        return [
            self._command("UNSUBSCRIBE", self._requests.unsubscribe(batch), batch)
            for batch in batches(known, self._batch)
        ]

    def heartbeat(self, now: int) -> str:
        """The smallest question that the venue answers; id 0 is no request's."""
        return '{"method":"GET_PROPERTY","params":["combined"],"id":0}'

    def receive(self, frame: bytes, received: int) -> Parsed:
        """Parse one frame; never raises."""
        try:
            message = decode(frame)
            if type(message) is not dict:
                return _array(message)
            stream, row = message.get("stream"), message.get("data")
            if type(stream) is str and type(row) is dict:
                known = self._streams.get(stream)
                if known is not None and row.get("s") == known[0] and row.get("e") == known[1]:
                    return self._read(row, *known, received)
            if "stream" in message or "data" in message:
                return self._combined(stream, row, received)
            event = message.get("e")
            if event in _TRADES:
                return self._trade(message, event, None, received)
            return self._bare(message, event)
        except (Undecodable, Damaged) as error:
            return Parsed(Kind.MALFORMED, reason=str(error))

    def _combined(self, stream: Any, row: Any, received: int) -> Parsed:
        if type(stream) is not str:
            raise Damaged(f"stream is no text: {shown(stream)}")
        if type(row) is not dict:
            if type(row) is list and stream.partition("@")[2] not in _TRADES:
                return Parsed(Kind.OTHER)
            raise Damaged(f"data of a stream is no object: {shown(row)}")
        event = row.get("e")
        if event in _TRADES:
            return self._trade(row, event, stream, received)
        if event == _SHUTDOWN:
            return _shutdown()
        if stream.rpartition("@")[2] in _TRADES or stream == f"!{_SHUTDOWN}":
            raise Damaged(f"e is not the event of its stream: {shown(event)}")
        return Parsed(Kind.OTHER)

    def _trade(self, row: dict[str, Any], event: str, stream: str | None, received: int) -> Parsed:
        """``stream``: the name to compare with the row, null where there is none."""
        name = row.get("s")
        if not is_name(name):
            raise Damaged(f"s is no name: {shown(name)}")
        if stream is not None and stream != _stream(name, event):
            raise Damaged(f"stream {shown(stream)} is not that of {event} and {shown(name)}")
        if stream is not None and (instrument := self._instruments.get(name)) is not None:
            self._streams[stream] = (instrument.name, event)  # whose hash is known, for the lookup
        return self._read(row, name, event, received)

    def _read(self, row: dict[str, Any], name: str, event: str, received: int) -> Parsed:
        instrument = self._instruments.get(name)
        if instrument is None:
            return Parsed(KIND_TRADE, out_of_scope=(name,))
        trade = read(row, event, instrument, received)
        if isinstance(trade, Trade):
            return Parsed(KIND_TRADE, (trade,))
        return Parsed(KIND_TRADE, skipped=(trade,))

    def _bare(self, message: dict[str, Any], event: object) -> Parsed:
        if event == _SHUTDOWN:
            return _shutdown()
        if _is_other(event):
            return Parsed(Kind.OTHER)
        error = message.get("error", message)
        if type(error) is dict and "code" in error and "msg" in error:
            reason = f"the venue refused: {shown(error['msg'])} (code {shown(error['code'])})"
            return self._requests.rejected(message.get("id"), reason)
        if "result" in message and "id" in message:
            return self._requests.accepted(message["id"])
        if message.keys() in _NAMELESS:
            return Parsed(Kind.OTHER)
        raise Damaged("neither an event nor an answer")

    def _command(self, method: str, request: int, names: Sequence[str]) -> Command:
        streams = [_stream(name, self._channel) for name in names]
        frame = orjson.dumps({"method": method, "params": streams, "id": request}).decode()
        return Command(frame, request, tuple(names))


def _stream(name: str, channel: str) -> str:
    """Stream names are lower case; an upper-case one would be acknowledged, and silent."""
    return f"{name.lower()}@{channel}"


def _array(message: Any) -> Parsed:
    """Bare arrays are those of all markets' tickers."""
    if type(message) is list and message and all(type(row) is dict and _is_other(row.get("e")) for row in message):
        return Parsed(Kind.OTHER)
    raise Damaged(f"neither an event nor an answer: {shown(message)}")


def _is_other(event: object) -> bool:
    """Whether this is the name of an event that isn't ours: ``24hrTicker``, ``TRADE_LITE``."""
    return type(event) is str and event not in _TRADES and event.replace("_", "").isalnum()


def _shutdown() -> Parsed:
    reason = "the venue announced that it will close this connection (serverShutdown)"
    return Parsed(Kind.CONTROL, ending=Ending.PLANNED, reason=reason)
