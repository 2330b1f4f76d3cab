"""The conversation of one Gate connection.

::

    → {"time":1790000000,"id":1,"channel":"spot.trades","event":"subscribe","payload":["BTC_USDT","ETH_USDT"]}
    ← {"time":1790000000,"time_ms":1790000000123,"id":1,"conn_id":"c59a69fd3702aa1d","channel":"spot.trades",
       "event":"subscribe","payload":["BTC_USDT","ETH_USDT"],"result":{"status":"success"}}
    ← {"time":1790000002,"time_ms":1790000002201,"id":1,"conn_id":"c59a69fd3702aa1d","channel":"spot.trades",
       "event":"subscribe","payload":["NOPE_USDT"],"error":{"code":2,"message":"unknown currency pair NOPE_USDT"},
       "result":{"status":"fail"}}
    ← {"time":1619093532,"channel":"spot.trades","event":"subscribe","result":{"status":"success"}}       until 2023
    → {"time":1790000010,"channel":"spot.ping"}
    ← {"time":1790000010,"time_ms":1790000010050,"channel":"spot.pong","event":"","error":null,"result":null}
    ← {"type":"upgrade","msg":"The connection will soon be closed for a service upgrade. Please reconnect."}
    ← {"channel":"futures.system","event":"update","result":{"type":"upgrade","msg":"…"}}

One unknown pair is taken to fail its whole request: the pair that the error names is refused, and the others are asked
for again. An error that names none of them is narrowed down by asking for each half of the request. An answer without
an ``id`` is taken for that to the oldest request of its event: a connection's requests are answered in their order.
``time`` of a request must be within 60 s of the venue's clock.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from metdc_collector.exchanges.base import KIND_TRADE, Command, Ending, Kind, Parsed
from metdc_collector.exchanges.checks import Damaged, milliseconds, shown
from metdc_collector.exchanges.decoding import Undecodable, decode, decode_exactly
from metdc_collector.exchanges.gate.trades import Family, has_fractions, read_rows
from metdc_collector.exchanges.requests import Requests, batches
from metdc_collector.wire.instrument import Instrument

_SECOND = 1_000_000_000
_SERVER_ERROR = 3
_EVENTS = ("subscribe", "unsubscribe")
_CHANNEL = re.compile(r"[a-z]+\.[a-z0-9_.]+", re.ASCII)
_SEPARATORS = re.compile(r"[\s,;:'\"`()\[\]{}]+")


class GateConversation:
    """The protocol of one connection; see :class:`metdc_collector.exchanges.base.Conversation`."""

    __slots__ = ("_batch", "_channel", "_family", "_instruments", "_open", "_path", "_requests")

    def __init__(self, instruments: Mapping[str, Instrument], family: Family, path: str, batch: int) -> None:
        self._instruments = instruments
        self._family = family
        self._channel = f"{family.prefix}.trades"
        self._path = path
        self._batch = batch
        self._requests = Requests()
        # The event of each request that awaits its answer, the oldest first.
        self._open: dict[int, str] = {}

    def path(self) -> str:
        """``/ws/v4/`` or ``/v4/ws/usdt``."""
        return self._path

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """Frames of at most a hundred instruments."""
        return [self._subscription(batch, now) for batch in batches(names, self._batch)]

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """Frames for those of the instruments that are subscribed."""
        known = [name for name in names if name in self._requests.subscriptions]
        return [
            self._command("unsubscribe", self._requests.unsubscribe(batch), batch, now)
            for batch in batches(known, self._batch)
        ]

    def heartbeat(self, now: int) -> str:
        """``spot.ping`` or ``futures.ping``."""
        return f'{{"time":{now // _SECOND},"channel":"{self._family.prefix}.ping"}}'

    def receive(self, frame: bytes, received: int) -> Parsed:
        """Parse one frame; never raises."""
        try:
            message = decode(frame)
            if type(message) is not dict:
                raise Damaged(f"neither a push nor an answer: {shown(message)}")
            if message.get("channel") == self._channel:
                if message.get("event") == "update":
                    return self._trades(message, frame, received)
                return self._answer(message, received)
            return self._other(message, received)
        except (Undecodable, Damaged) as error:
            return Parsed(Kind.MALFORMED, reason=str(error))

    def _trades(self, message: dict[str, Any], frame: bytes, received: int) -> Parsed:
        sent, told = _sent(message)
        rows = self._rows(message)
        trades, strangers, damage = read_rows(rows, self._family, self._instruments, received, sent)
        if damage and has_fractions(rows):
            rows = self._rows(decode_exactly(frame))
            trades, strangers, damage = read_rows(rows, self._family, self._instruments, received, sent)
        if damage or told:
            return Parsed(Kind.MALFORMED, trades, out_of_scope=strangers, reason=damage or told)
        return Parsed(KIND_TRADE, trades, out_of_scope=strangers)

    def _rows(self, message: dict[str, Any]) -> list[Any]:
        result = message.get("result")
        if not self._family.several:
            return [result]
        if type(result) is not list:
            raise Damaged(f"result is no array: {shown(result)}")
        return result

    def _answer(self, message: dict[str, Any], received: int) -> Parsed:
        event, error, result = message.get("event"), message.get("error"), message.get("result")
        if type(error) is dict:
            reason = f"the venue refused: {shown(error.get('message'))} (code {shown(error.get('code'))})"
            if error.get("code") == _SERVER_ERROR:
                return Parsed(Kind.CONTROL, ending=Ending.FAULT, reason=reason)
            return self._rejected(self._answered(message), reason, error.get("message"), received)
        if error is not None or event not in _EVENTS:
            raise Damaged(f"neither a push nor an answer: event is {shown(event)}, error is {shown(error)}")
        status = result.get("status") if type(result) is dict else None
        if status == "success":
            return self._requests.accepted(self._answered(message))
        if status == "fail":
            return self._rejected(self._answered(message), "the venue refused, and gave no reason", None, received)
        raise Damaged(f"an answer without a status: {shown(status)}")

    def _answered(self, message: dict[str, Any]) -> object:
        """Take the request that is answered off the open ones, and return its number; null where it isn't known."""
        number, event = message.get("id"), message.get("event")
        if number is None:
            asked = [request for request, asked in self._open.items() if asked == event]
            if event not in _EVENTS and len(self._open) == 1:
                asked = list(self._open)
            number = asked[0] if asked else None
        if type(number) is int:
            self._open.pop(number, None)
        return number

    def _rejected(self, number: object, reason: str, words: object, received: int) -> Parsed:
        """Refuse the instruments that the words name, or the only one; ask for the others of the request again."""
        wanted = frozenset(self._requests.subscriptions)
        parsed = self._requests.rejected(number, reason)
        refused = [refusal for refusal in parsed.refused if refusal.name in wanted]
        if len(refused) > 1:
            told = {word.rstrip(".") for word in _SEPARATORS.split(words)} if type(words) is str else set()
            again = [refusal.name for refusal in refused if refusal.name not in told]
            refused = [refusal for refusal in refused if refusal.name in told]
            middle = len(again) if refused else len(again) // 2
            halves = (again[:middle], again[middle:])
            parsed.commands = [self._subscription(half, received) for half in halves if half]
        parsed.refused = refused
        return parsed

    def _other(self, message: dict[str, Any], received: int) -> Parsed:
        channel, result = message.get("channel"), message.get("result")
        if not channel:
            if type(message.get("type")) is str and type(message.get("msg")) is str:
                return _notice(message)
            if type(message.get("error")) is dict:  # of a request that could not be read
                return self._answer(message, received)
        if type(channel) is not str or _CHANNEL.fullmatch(channel) is None:
            raise Damaged(f"channel is none: {shown(channel)}")
        if channel.endswith(".system") and type(result) is dict:
            return _notice(result)
        if channel.endswith((".ping", ".pong")):
            return Parsed(Kind.CONTROL)
        return Parsed(Kind.OTHER)

    def _subscription(self, names: Sequence[str], now: int) -> Command:
        return self._command("subscribe", self._requests.subscribe(names), names, now)

    def _command(self, event: str, request: int, names: Sequence[str], now: int) -> Command:
        self._open[request] = event
        message = {"time": now // _SECOND, "id": request, "channel": self._channel, "event": event, "payload": names}
        return Command(orjson.dumps(message).decode(), request, tuple(names))


def _sent(message: dict[str, Any]) -> tuple[int | None, str]:
    """When the frame was sent, and what is wrong with that: it isn't the rows' own, so they live without it."""
    if "time_ms" not in message:
        return None, ""
    try:
        return milliseconds(message["time_ms"], "time_ms"), ""
    except Damaged as error:
        return None, str(error)


def _notice(notice: dict[str, Any]) -> Parsed:
    """``upgrade`` is a planned end; any other notice is only told."""
    reason = f"the venue announced: {shown(notice.get('msg'))} ({shown(notice.get('type'))})"
    return Parsed(Kind.CONTROL, ending=Ending.PLANNED if notice.get("type") == "upgrade" else None, reason=reason)
