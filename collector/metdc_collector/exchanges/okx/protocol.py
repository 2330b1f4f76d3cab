"""The conversation of one OKX connection.

::

    → {"id":"1","op":"subscribe","args":[{"channel":"trades-all","instId":"BTC-USDT"},…]}
    ← {"id":"1","event":"subscribe","arg":{"channel":"trades-all","instId":"BTC-USDT"},"connId":"a4d3ae55"}   one an arg
    ← {"arg":{"channel":"trades-all","instId":"BTC-USDT"},"data":[{…}]}
    ← {"id":"1","event":"error","code":"60018","connId":"a4d3ae55",
       "msg":"Subscribe failed, wrong URL or channel:trades-all,instId:X-USDT doesn't exist. …"}
    ← {"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. …"}
    → ping                                                                                               bare text
    ← pong

An error that names an instrument leaves the others of its request alone. The first frame of an instrument after its
acknowledgement is its last trade, which may be old (seen on ``trades`` in 2022, assumed of ``trades-all``): it is
marked as replayed. The venue ends a connection after 30 s on which it has nothing to send, and never pings.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from metdc_collector.exchanges.base import KIND_TRADE, Command, Ending, Kind, Parsed, Refusal
from metdc_collector.exchanges.checks import Damaged, is_name, shown
from metdc_collector.exchanges.decoding import Undecodable, decode
from metdc_collector.exchanges.okx.trades import read_rows, whole
from metdc_collector.exchanges.requests import batches
from metdc_collector.wire.instrument import Instrument

PATH = "/ws/v5/business"
"""Where ``trades-all`` is served; ``trades`` is on ``/ws/v5/public``."""
_TRADES = ("trades-all", "trades")
_PONG = b"pong"
_UPGRADE = "64008"
# Errors that are no instrument's fault: too many requests, and the venue's own.
_ENDINGS = {"60014": Ending.REFUSED, "64007": Ending.FAULT}
_BETWEEN_WORDS = re.compile(r"[\s,:.\"'{}\[\]]+")


@dataclass(slots=True)
class Asked:
    """What a connection has asked for.

    Answers come one an instrument, errors one an instrument or one a request, so that
    :class:`~metdc_collector.exchanges.requests.Requests`, of whose requests each has one answer, doesn't serve.

    Attributes:
        subscribed: instruments asked for and neither refused nor given up since.
    """

    subscribed: set[str] = field(default_factory=set)
    _unanswered: dict[int, set[str]] = field(default_factory=dict)
    _last: int = 0

    def subscribe(self, names: Sequence[str]) -> int:
        """Note a request to subscribe; return its number, from 1."""
        self.subscribed.update(names)
        self._last += 1
        self._unanswered[self._last] = set(names)
        return self._last

    def unsubscribe(self, names: Sequence[str]) -> int:
        """Note a request to end subscriptions, whose answer nobody needs; return its number."""
        self.subscribed.difference_update(names)
        self._last += 1
        return self._last

    def confirm(self, name: str) -> bool:
        """Take the acknowledgement of an instrument; whether that was asked for."""
        self._settle({name})
        return name in self.subscribed

    def refuse(self, number: int | None, words: str) -> list[str]:
        """Return the unanswered instruments that an error refuses, in alphabetical order.

        These are the ones that it names. If it names none, they are all of its request; without a number, of the one
        request that is open. With several open none is blamed: the one that stays unanswered runs into its time-out.
        """
        waiting = set().union(*self._unanswered.values())
        refused = waiting.intersection(_BETWEEN_WORDS.split(words))
        if not refused and number is not None:
            refused = set(self._unanswered.get(number, ()))
        elif not refused and len(self._unanswered) == 1:
            refused = waiting
        self._settle(refused)
        self.subscribed -= refused
        return sorted(refused)

    def _settle(self, names: set[str]) -> None:
        for number, waiting in list(self._unanswered.items()):
            waiting -= names
            if not waiting:
                del self._unanswered[number]


class OkxConversation:
    """The protocol of one connection; see :class:`metdc_collector.exchanges.base.Conversation`."""

    __slots__ = ("_asked", "_batch", "_channel", "_contracts", "_instruments", "_seen")

    def __init__(self, instruments: Mapping[str, Instrument], channel: str, batch: int, *, contracts: bool) -> None:
        self._instruments = instruments
        self._channel = channel
        self._batch = batch
        self._contracts = contracts
        self._asked = Asked()
        # Instruments of which a trade came since their acknowledgement.
        self._seen: set[str] = set()

    def path(self) -> str:
        """``/ws/v5/business``."""
        return PATH

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """``subscribe`` frames of at most a hundred instruments."""
        return [
            self._command("subscribe", self._asked.subscribe(batch), batch) for batch in batches(names, self._batch)
        ]

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """``unsubscribe`` frames for those of the instruments that are subscribed."""
        known = [name for name in names if name in self._asked.subscribed]
        return [
            self._command("unsubscribe", self._asked.unsubscribe(batch), batch) for batch in batches(known, self._batch)
        ]

    def heartbeat(self, now: int) -> str:
        """``ping``, which is no JSON."""
        return "ping"

    def receive(self, frame: bytes, received: int) -> Parsed:
        """Parse one frame; never raises."""
        if frame == _PONG:
            return Parsed(Kind.CONTROL)
        try:
            message = decode(frame)
            if type(message) is not dict:
                raise Damaged(f"neither a push nor an answer: {shown(message)}")
            if "event" in message:
                return self._event(message)
            argument, rows = message.get("arg"), message.get("data")
            if type(argument) is not dict:
                raise Damaged(f"arg is no object: {shown(argument)}")
            channel = argument.get("channel")
            if channel not in _TRADES:
                return _other(channel)
            if type(rows) is not list:
                raise Damaged(f"data is no array: {shown(rows)}")
            return self._trades(argument.get("instId"), rows, received)
        except (Undecodable, Damaged) as error:
            return Parsed(Kind.MALFORMED, reason=str(error))

    def _trades(self, name: Any, rows: list[Any], received: int) -> Parsed:
        instrument = self._instruments.get(name) if type(name) is str else None
        if instrument is None:
            if not is_name(name):
                raise Damaged(f"instId is no name: {shown(name)}")
            return Parsed(KIND_TRADE, out_of_scope=(name,) * len(rows))
        trades, damage = read_rows(rows, instrument, received, contracts=self._contracts)
        replayed = False
        if name not in self._seen and trades:
            self._seen.add(name)
            replayed = True
        if damage:
            return Parsed(Kind.MALFORMED, trades, replayed, reason=damage)
        return Parsed(KIND_TRADE, trades, replayed)

    def _event(self, message: dict[str, Any]) -> Parsed:
        event = message["event"]
        if event == "error":
            return self._error(message)
        if event == "subscribe":
            return self._acknowledged(message.get("arg"))
        if event == "notice":
            reason = f"the venue announced: {_words(message)}"
            return Parsed(
                Kind.CONTROL, ending=Ending.PLANNED if message.get("code") == _UPGRADE else None, reason=reason
            )
        if not _is_word(event):
            raise Damaged(f"event is no name: {shown(event)}")
        return Parsed(Kind.CONTROL)

    def _acknowledged(self, argument: Any) -> Parsed:
        if type(argument) is not dict:
            raise Damaged(f"arg is no object: {shown(argument)}")
        name, channel = argument.get("instId"), argument.get("channel")
        if type(name) is not str or channel != self._channel or not self._asked.confirm(name):
            return Parsed(Kind.CONTROL)
        self._seen.discard(name)
        return Parsed(Kind.CONTROL, acknowledged=(name,))

    def _error(self, message: dict[str, Any]) -> Parsed:
        reason = f"the venue refused: {_words(message)}"
        code, told = message.get("code"), message.get("msg")
        ending = _ENDINGS.get(code) if type(code) is str else None
        if ending is not None:
            return Parsed(Kind.CONTROL, ending=ending, reason=reason)
        names = self._asked.refuse(_number(message.get("id")), told if type(told) is str else "")
        return Parsed(Kind.CONTROL, refused=[Refusal(name, reason) for name in names], reason=reason)

    def _command(self, operation: str, request: int, names: Sequence[str]) -> Command:
        arguments = [{"channel": self._channel, "instId": name} for name in names]
        frame = orjson.dumps({"id": str(request), "op": operation, "args": arguments}).decode()
        return Command(frame, request, tuple(names))


def _number(answered: object) -> int | None:
    """The number of the request that is answered; null where none is told, 0 where it is none of ours."""
    if answered is None:
        return None
    try:
        return whole(answered, "id")
    except Damaged:
        return 0


def _other(channel: object) -> Parsed:
    """Whatever isn't ours: ``tickers``, ``books50-l2-tbt``, ``candle1D``."""
    if not _is_word(channel):
        raise Damaged(f"channel is no name: {shown(channel)}")
    return Parsed(Kind.OTHER)


def _is_word(value: object) -> bool:
    return type(value) is str and value.isascii() and value.replace("-", "").replace("_", "").isalnum()


def _words(message: dict[str, Any]) -> str:
    return f"{shown(message.get('msg'))} (code {shown(message.get('code'))})"
