"""The conversation of one Phemex connection.

::

    → {"id":1235,"method":"trade.subscribe","params":["sBTCUSDT"]}            one symbol a frame: a second is ignored
    ← {"error":null,"id":1235,"result":{"status":"success"}}
    ← {"error":{"code":6001,"message":"invalid argument"},"id":1237,"result":null}            unknown symbol
    ← {"error":{"code":6015,"message":"subscription limit exceeded"},"id":1338,"result":null}
    → {"id":0,"method":"server.ping","params":[]}
    ← {"error":null,"id":0,"result":"pong"}
    ← {"sequence":146074875,"symbol":"sBTCUSDT","trades":[…],"type":"snapshot"}    then "incremental"
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from metdc_collector.exchanges.base import KIND_TRADE, Command, Kind, Ordinals, Parsed
from metdc_collector.exchanges.checks import Damaged, is_name, nanoseconds, shown
from metdc_collector.exchanges.decoding import Undecodable, decode
from metdc_collector.exchanges.phemex.trades import Family, read_rows
from metdc_collector.exchanges.requests import Requests
from metdc_collector.wire.instrument import Instrument

_ROWS = ("trades", "trades_p")
# What frames of every channel have beside their content: with these alone, the content is missing.
_ENVELOPE = frozenset({"sequence", "symbol", "type", "timestamp", "dts", "mts"})


class PhemexConversation:
    """The protocol of one connection; see :class:`metdc_collector.exchanges.base.Conversation`."""

    __slots__ = ("_family", "_instruments", "_ordinals", "_requests")

    def __init__(self, instruments: Mapping[str, Instrument], family: Family) -> None:
        self._instruments = instruments
        self._family = family
        self._requests = Requests()
        self._ordinals: dict[str, Ordinals] = {}

    def path(self) -> str:
        """Nothing: the venue refuses any path."""
        return ""

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """One frame an instrument."""
        return [self._command("subscribe", self._requests.subscribe([name]), name) for name in names]

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """One frame for each of the instruments that is subscribed."""
        known = [name for name in names if name in self._requests.subscriptions]
        return [self._command("unsubscribe", self._requests.unsubscribe([name]), name) for name in known]

    def heartbeat(self, now: int) -> str:
        """``server.ping``; id 0 is no request's."""
        return '{"id":0,"method":"server.ping","params":[]}'

    def receive(self, frame: bytes, received: int) -> Parsed:
        """Parse one frame; never raises."""
        try:
            message = decode(frame)
            if type(message) is not dict:
                raise Damaged(f"neither a push nor an answer: {shown(message)}")
            for key in _ROWS:
                if key in message:
                    return self._trades(message, key, received)
            return self._other(message)
        except (Undecodable, Damaged) as error:
            return Parsed(Kind.MALFORMED, reason=str(error))

    def _trades(self, message: dict[str, Any], key: str, received: int) -> Parsed:
        name, rows, sort = message.get("symbol"), message[key], message.get("type")
        if type(name) is not str or not name:
            raise Damaged(f"symbol is no name: {shown(name)}")
        if type(rows) is not list:
            raise Damaged(f"{key} is no array: {shown(rows)}")
        if sort not in ("snapshot", "incremental"):
            raise Damaged(f"type is neither snapshot nor incremental: {shown(sort)}")
        instrument = self._instruments.get(name)
        if instrument is None:
            if not is_name(name):
                raise Damaged(f"symbol is no name: {shown(name)}")
            return Parsed(KIND_TRADE, out_of_scope=(name,) * len(rows))
        if key != self._family.rows:
            raise Damaged(f"{key} is not how {name} is written")
        ordinals = self._ordinals.get(name)
        if ordinals is None:
            ordinals = self._ordinals[name] = Ordinals()
        replayed = sort == "snapshot"
        if replayed:
            ordinals.reset()
        sent, reason = _sent(message)
        trades, damage = read_rows(rows, instrument, ordinals, self._family, received=received, sent=sent)
        if reason or damage:
            return Parsed(Kind.MALFORMED, trades, replayed, reason=damage or reason)
        return Parsed(KIND_TRADE, trades, replayed)

    def _other(self, message: dict[str, Any]) -> Parsed:
        if "error" not in message or "id" not in message:
            if message.keys() <= _ENVELOPE:
                raise Damaged("neither a push nor an answer")
            return Parsed(Kind.OTHER)
        error, result, number = message["error"], message.get("result"), message["id"]
        if type(error) is dict:
            reason = f"the venue refused: {shown(error.get('message'))} (code {shown(error.get('code'))})"
            return self._requests.rejected(number, reason)
        if error is None and type(result) is dict and result.get("status") == "success":
            return self._requests.accepted(number)
        if error is None and result == "pong":
            return Parsed(Kind.CONTROL)
        raise Damaged(f"an answer without a result: {shown(result)}")

    def _command(self, verb: str, request: int, name: str) -> Command:
        message = {"id": request, "method": f"{self._family.method}.{verb}", "params": [name]}
        return Command(orjson.dumps(message).decode(), request, (name,))


def _sent(message: dict[str, Any]) -> tuple[int | None, str]:
    """When the frame was sent, and what is wrong with that: it isn't the rows' own, so they live without it."""
    if "dts" not in message:
        return None, ""
    try:
        return nanoseconds(message["dts"], "dts"), ""
    except Damaged as error:
        return None, str(error)
