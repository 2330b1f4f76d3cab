"""The conversation of one KuCoin connection.

::

    ← {"id":"17","type":"welcome"}                     the connectId; a request before it is an error
    → {"id":"1","type":"subscribe","topic":"/market/match:BTC-USDT,ETH-USDT","privateChannel":false,"response":true}
    ← {"id":"1","type":"ack"}                          only with "response":true
    ← {"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{…}}
    → {"id":"1700000000001","type":"ping"}             60 s after the client's last frame the venue closes
    ← {"id":"1700000000001","type":"pong","timestamp":1790113097236506}
    ← {"id":"2","type":"error","code":404,"data":"topic does not exist"}
    ← {"id":"17","type":"error","code":401,"data":"token is invalid"}                   and a close
    ← {"id":"3","type":"error","code":509,"data":"exceed max permits per second"}

An unknown symbol is acknowledged like any other, and silent. A list of symbols comes back as one topic each.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from metdc_collector.exchanges.base import KIND_TRADE, Command, Ending, Kind, Parsed
from metdc_collector.exchanges.checks import Damaged, is_name, shown
from metdc_collector.exchanges.decoding import Undecodable, decode, decode_exactly
from metdc_collector.exchanges.kucoin.trades import Family
from metdc_collector.exchanges.requests import Requests, batches
from metdc_collector.wire.instrument import Instrument

_INVALID, _BAD_TOKEN, _INTERNAL, _LIMIT = 400, 401, 500, 509
_LONGEST_NUMBER = 18


class KuCoinConversation:
    """The protocol of one connection; see :class:`metdc_collector.exchanges.base.Conversation`."""

    __slots__ = ("_batch", "_family", "_instruments", "_requests")

    def __init__(self, instruments: Mapping[str, Instrument], family: Family, batch: int) -> None:
        self._instruments = instruments
        self._family = family
        self._batch = batch
        self._requests = Requests()

    def path(self) -> str:
        """Nothing: the handshake gives the whole address."""
        return ""

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """``subscribe`` frames of at most a hundred symbols."""
        return [
            self._command("subscribe", self._requests.subscribe(batch), batch) for batch in batches(names, self._batch)
        ]

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """``unsubscribe`` frames for those of the instruments that are subscribed."""
        known = [name for name in names if name in self._requests.subscriptions]
        return [
            self._command("unsubscribe", self._requests.unsubscribe(batch), batch)
            for batch in batches(known, self._batch)
        ]

    def heartbeat(self, now: int) -> str:
        """``ping``; its id is the time in ms, which is no request's."""
        return f'{{"id":"{now // 1_000_000}","type":"ping"}}'

    def receive(self, frame: bytes, received: int) -> Parsed:
        """Parse one frame; never raises."""
        try:
            message = decode(frame)
            if type(message) is not dict:
                raise Damaged(f"neither a push nor an answer: {shown(message)}")
            if message.get("type") == "message":
                return self._push(message, frame, received)
            return self._answer(message)
        except (Undecodable, Damaged) as error:
            return Parsed(Kind.MALFORMED, reason=str(error))

    def _push(self, message: dict[str, Any], frame: bytes, received: int) -> Parsed:
        topic, family = message.get("topic"), self._family
        if type(topic) is not str or not topic.startswith(family.topic):
            return _other(topic)
        row, subject = message.get("data"), message.get("subject")
        if subject != family.subject:
            raise Damaged(f"subject is not {family.subject}: {shown(subject)}")
        if type(row) is not dict:
            raise Damaged(f"data is no object: {shown(row)}")
        name = row.get("symbol")
        if type(name) is not str or topic != family.topic + name:
            raise Damaged(f"topic {shown(topic)} is not that of symbol {shown(name)}")
        instrument = self._instruments.get(name)
        if instrument is None:
            if not is_name(name):
                raise Damaged(f"symbol is no name: {shown(name)}")
            return Parsed(KIND_TRADE, out_of_scope=(name,))
        if type(row.get("size")) is float:  # not what it was written as: read it again
            row = decode_exactly(frame)["data"]
        return Parsed(KIND_TRADE, (family.read(row, instrument, received),))

    def _answer(self, message: dict[str, Any]) -> Parsed:
        kind = message.get("type")
        if kind == "ack":
            return self._requests.accepted(_number(message.get("id")))
        if kind == "pong":
            return Parsed(Kind.CONTROL)
        if kind == "welcome":
            return Parsed(Kind.CONTROL, greeting=True)
        if kind != "error":
            raise Damaged(f"neither a push nor an answer: {shown(kind)}")
        code, words = message.get("code"), message.get("data")
        reason = f"the venue refused: {shown(words)} (code {shown(code)})"
        ending = _ending(code, words if type(words) is str else "")
        if ending is not None:
            return Parsed(Kind.CONTROL, ending=ending, reason=reason)
        return self._requests.rejected(_number(message.get("id")), reason)

    def _command(self, verb: str, request: int, names: Sequence[str]) -> Command:
        topic = self._family.topic + ",".join(names)
        message = {"id": str(request), "type": verb, "topic": topic, "privateChannel": False, "response": True}
        return Command(orjson.dumps(message).decode(), request, tuple(names))


def _other(topic: object) -> Parsed:
    """What is no trade: a push of another channel, or nothing."""
    if type(topic) is str and topic.startswith("/"):
        return Parsed(Kind.OTHER)
    raise Damaged(f"topic is none: {shown(topic)}")


def _number(value: object) -> object:
    """The number of a request: the venue writes it as text, whatever it was asked with."""
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER:
        return int(value)
    return value


def _ending(code: object, words: str) -> Ending | None:
    """Why an error ends the connection; null where it concerns a request alone.

    Of the limits, those on subscriptions refuse the request's names, since a new connection would ask for the same;
    those on connections and on frames refuse the connection. A server that is busy or at fault is asked again.
    """
    if code == _BAD_TOKEN:
        return Ending.REFUSED
    if code == _INTERNAL or (code == _INVALID and "ping timeout" in words):
        return Ending.FAULT
    if code == _LIMIT and "subscription count" not in words:
        return Ending.FAULT if "busy" in words else Ending.REFUSED
    return None
