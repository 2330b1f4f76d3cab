"""The conversation of one Bybit connection.

::

    → {"req_id":"1","op":"subscribe","args":["publicTrade.BTCUSDT","publicTrade.ETHUSDT"]}
    ← {"success":true,"ret_msg":"subscribe","conn_id":"2324d924-…","req_id":"1","op":"subscribe"}               spot
    ← {"success":true,"ret_msg":"","conn_id":"cf71cb32-…","req_id":"1","op":"subscribe"}                        linear
    ← {"success":false,"ret_msg":"args size >10","conn_id":"2324d924-…","req_id":"3","op":"subscribe"}          spot
    ← {"success":false,"ret_msg":"error:handler not found,topic:publicTrade.NOTASYMBOL","conn_id":"cf71cb32-…",
       "req_id":"","op":"subscribe"}
    → {"op":"ping"}
    ← {"success":true,"ret_msg":"pong","conn_id":"0970e817-…","op":"ping"}                          linear: with req_id
    ← {"op":"pong","args":["1675418560633"],…}                                              sockets of accounts
    ← {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[…]}

One unknown topic cancels its whole request, and the rejection then has no ``req_id``: the topic in its text tells which
request it was. That instrument is refused, and the others of its request are asked for again. A rejection that names no
topic is narrowed down: the request is asked again in two halves, the second when the first is answered.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from metdc_collector.exchanges.base import KIND_TRADE, Command, Kind, Parsed
from metdc_collector.exchanges.bybit.trades import read_rows
from metdc_collector.exchanges.checks import Damaged, is_name, milliseconds, shown
from metdc_collector.exchanges.decoding import Undecodable, decode
from metdc_collector.exchanges.requests import Requests, batches
from metdc_collector.wire.instrument import Instrument

TOPIC = "publicTrade."
"""What stands before an instrument's name in the topic of its trades."""
_START = len(TOPIC)
_NAMED = re.compile(r"publicTrade\.([^\s,;\"'\[\](){}]+)")
_OTHER = re.compile(r"[A-Za-z]+\.\S+")
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)


class BybitConversation:
    """The protocol of one connection; see :class:`metdc_collector.exchanges.base.Conversation`."""

    __slots__ = ("_asked", "_batch", "_instruments", "_later", "_path", "_requests")

    def __init__(self, instruments: Mapping[str, Instrument], path: str, batch: int) -> None:
        self._instruments = instruments
        self._path = path
        self._batch = batch
        self._requests = Requests()
        # The last request that named an instrument, for rejections that name a topic alone.
        self._asked: dict[str, int] = {}
        # Halves of rejected requests that wait for an answer to their other half.
        self._later: list[Sequence[str]] = []

    def path(self) -> str:
        """``/v5/public/spot`` or ``/v5/public/linear``."""
        return self._path

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """Frames of at most ten topics on spot, 500 on linear."""
        return [self._subscription(batch) for batch in batches(names, self._batch)]

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """Frames for those of the instruments that are subscribed; what waits to be asked for again, no longer does."""
        given_up = set(names)
        self._later = [part for half in self._later if (part := [name for name in half if name not in given_up])]
        known = [name for name in names if name in self._requests.subscriptions]
        return [
            self._command("unsubscribe", self._requests.unsubscribe(batch), batch)
            for batch in batches(known, self._batch)
        ]

    def heartbeat(self, now: int) -> str:
        """A JSON ping; the venue doesn't answer those of the WebSocket protocol with what it counts."""
        return '{"op":"ping"}'

    def receive(self, frame: bytes, received: int) -> Parsed:
        """Parse one frame; never raises."""
        try:
            message = decode(frame)
            if type(message) is not dict:
                raise Damaged(f"neither a push nor an answer: {shown(message)}")
            topic = message.get("topic")
            if type(topic) is str and topic.startswith(TOPIC):
                return self._trades(message, topic[_START:], received)
            if "topic" in message:
                return _other(message, topic)
            return self._answer(message)
        except (Undecodable, Damaged) as error:
            return Parsed(Kind.MALFORMED, reason=str(error))

    def _trades(self, message: dict[str, Any], name: str, received: int) -> Parsed:
        rows = message.get("data")
        if type(rows) is not list:
            raise Damaged(f"data is no array: {shown(rows)}")
        instrument = self._instruments.get(name)
        if instrument is None:
            if not is_name(name):
                raise Damaged(f"topic holds no name: {shown(name)}")
            return Parsed(KIND_TRADE, out_of_scope=(name,) * len(rows))
        sent, reason = _sent(message)
        trades, damage = read_rows(rows, instrument, received=received, sent=sent)
        if reason or damage:
            return Parsed(Kind.MALFORMED, trades, reason=damage or reason)
        return Parsed(KIND_TRADE, trades)

    def _answer(self, message: dict[str, Any]) -> Parsed:
        operation, success = message.get("op"), message.get("success")
        if operation == "ping" or operation == "pong":
            return Parsed(Kind.CONTROL)
        if success is False:
            return self._rejected(message)
        if success is True and (operation == "subscribe" or operation == "unsubscribe"):
            return self._continue(self._requests.accepted(_number(message)))
        raise Damaged(f"neither a push nor an answer: op is {shown(operation)}, success is {shown(success)}")

    def _rejected(self, message: dict[str, Any]) -> Parsed:
        words = message.get("ret_msg")
        named = _NAMED.findall(words) if type(words) is str else []
        number = _number(message)
        if number is None:
            number = next((self._asked[name] for name in named if name in self._asked), None)
        parsed = self._requests.rejected(number, f"the venue refused: {shown(words)}")
        names = [refusal.name for refusal in parsed.refused]
        if len(names) > 1:
            parsed.refused = [refusal for refusal in parsed.refused if refusal.name in named]
            again = [name for name in names if name not in named]
            if not parsed.refused:
                middle = (len(again) + 1) // 2
                self._later.append(again[middle:])
                again = again[:middle]
            parsed.commands = [self._subscription(again)] if again else ()
        return self._continue(parsed)

    def _continue(self, parsed: Parsed) -> Parsed:
        """After an answer, ask for what waited for it: one thing at a time, so that it is known what is rejected."""
        if not parsed.commands and self._later:
            parsed.commands = [self._subscription(self._later.pop())]
        return parsed

    def _subscription(self, names: Sequence[str]) -> Command:
        return self._command("subscribe", self._requests.subscribe(names), names)

    def _command(self, operation: str, request: int, names: Sequence[str]) -> Command:
        self._asked.update(dict.fromkeys(names, request))
        message = {"req_id": str(request), "op": operation, "args": [TOPIC + name for name in names]}
        return Command(orjson.dumps(message).decode(), request, tuple(names))


def _sent(message: dict[str, Any]) -> tuple[int | None, str]:
    """When the frame was made, and what is wrong with that: it isn't the rows' own, so they live without it."""
    try:
        return milliseconds(message.get("ts"), "ts"), ""
    except Damaged as error:
        return None, str(error)


def _other(message: dict[str, Any], topic: object) -> Parsed:
    """Topics are words joined by dots: ``tickers.BTCUSDT``, ``orderbook.50.BTCUSDT``."""
    if type(topic) is not str or _OTHER.fullmatch(topic) is None:
        raise Damaged(f"topic is none: {shown(topic)}")
    if "data" not in message:
        raise Damaged(f"a push without data: {shown(topic)}")
    return Parsed(Kind.OTHER)


def _number(message: dict[str, Any]) -> int | None:
    """The number of the request that is answered; an id that isn't of this connection's making is none."""
    number = message.get("req_id")
    return int(number) if type(number) is str and _NUMBER.fullmatch(number) else None
