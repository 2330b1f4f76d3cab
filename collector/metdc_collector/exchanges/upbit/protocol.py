"""The conversation of one Upbit connection.

::

    → [{"ticket":"metdc-1"},{"type":"trade","codes":["KRW-BTC","KRW-ETH"]},{"format":"DEFAULT"}]
    → [{"method":"LIST_SUBSCRIPTIONS"},{"ticket":"metdc-1"}]
    ← {"type":"trade","code":"KRW-BTC",…,"stream_type":"SNAPSHOT"}      then REALTIME; in frames of the binary opcode
    ← {"method":"LIST_SUBSCRIPTIONS","result":[{"type":"trade","codes":["KRW-BTC","KRW-ETH"]}],"ticket":"metdc-1"}
    ← {"error":{"name":"NO_CODES","message":"codes field not exists."}}         150 ms later the venue closes with 1000
    → PING
    ← {"status":"UP"}

A request is not acknowledged, and replaces what was asked for before; an unknown code is passed over without a word. So
each request names all codes, and the question that follows it, of the same ticket, tells which of them the venue took.
Assumed: the answer echoes the ticket of the question, tells what the connection has at that moment, and leaves out
codes that were passed over; tickets need not differ between connections. The question would switch a stream of another
format to ``DEFAULT``, which is the one in use.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from metdc_collector.exchanges.base import KIND_TRADE, Command, Ending, Kind, Parsed, Refusal
from metdc_collector.exchanges.checks import Damaged, is_name, shown
from metdc_collector.exchanges.decoding import Undecodable, decode_exactly
from metdc_collector.exchanges.upbit.trades import DEFAULT, SIMPLE, Form, read
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade

_TRADE = "trade"
_LIST = "LIST_SUBSCRIPTIONS"
_SNAPSHOT, _REALTIME = "SNAPSHOT", "REALTIME"
_TYPE = re.compile(r"[A-Za-z0-9._]{1,40}", re.ASCII)
REFUSING = ("too_many_requests", 429, 418)
"""What REST replies name the broken rate limit; that the sockets name it so, too, is assumed."""


class UpbitConversation:
    """The protocol of one connection; see :class:`metdc_collector.exchanges.base.Conversation`."""

    __slots__ = ("_instruments", "_request", "_wanted")

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._request = 0
        # In the order of asking. Codes that the venue passed over stay: the next request gives them another chance.
        self._wanted: dict[str, None] = {}

    def path(self) -> str:
        """``/websocket/v1``."""
        return "/websocket/v1"

    def subscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """One frame with these and all earlier codes, and the question which of them the venue took."""
        self._wanted.update(dict.fromkeys(names))
        return self._ask()

    def unsubscribe(self, names: Sequence[str], now: int) -> list[Command]:
        """One frame with the codes that are left, and the same question.

        None where no code is left: a request without codes is an error, so the last ones flow until the connection is
        closed.
        """
        known = [name for name in names if name in self._wanted]
        for name in known:
            del self._wanted[name]
        return self._ask() if known and self._wanted else []

    def heartbeat(self, now: int) -> str:
        """``PING``, as text."""
        return "PING"

    def receive(self, frame: bytes, received: int) -> Parsed:
        """Parse one frame; never raises."""
        try:
            message = decode_exactly(frame)
            if type(message) is list:
                return self._rows(message, received)
            if type(message) is not dict:
                raise Damaged(f"neither a row nor an answer: {shown(message)}")
            form = _form(message)
            return self._answer(message) if form is None else self._row(message, form, received)
        except (Undecodable, Damaged) as error:
            return Parsed(Kind.MALFORMED, reason=str(error))

    def _row(self, row: dict[str, Any], form: Form, received: int) -> Parsed:
        sort = row[form.type]
        if sort != _TRADE:
            if type(sort) is not str or _TYPE.fullmatch(sort) is None:
                raise Damaged(f"{form.type} is no type: {shown(sort)}")
            return Parsed(Kind.OTHER)
        name, stream = row.get(form.code), row.get(form.stream)
        if type(name) is not str:
            raise Damaged(f"{form.code} is no code: {shown(name)}")
        if stream not in (_REALTIME, _SNAPSHOT):
            raise Damaged(f"{form.stream} is neither {_SNAPSHOT} nor {_REALTIME}: {shown(stream)}")
        instrument = self._instruments.get(name)
        if instrument is None:
            if not is_name(name):
                raise Damaged(f"{form.code} is no code: {shown(name)}")
            return Parsed(KIND_TRADE, out_of_scope=(name,))
        return Parsed(KIND_TRADE, (read(row, form, instrument, received),), stream == _SNAPSHOT)

    def _rows(self, rows: list[Any], received: int) -> Parsed:
        """An array of rows, each of which may be damaged by itself; one replayed row makes all of them doubtful."""
        if not rows:
            raise Damaged("an array without rows")
        trades: list[Trade] = []
        foreign: list[str] = []
        kind, replayed, reason = Kind.OTHER, False, ""
        for row in rows:
            form = _form(row) if type(row) is dict else None
            try:
                if form is None:
                    raise Damaged(f"a row without a type: {shown(row)}")
                parsed = self._row(row, form, received)
            except Damaged as error:
                reason = reason or str(error)
                continue
            trades.extend(parsed.trades)
            foreign.extend(parsed.out_of_scope)
            replayed = replayed or parsed.replayed
            kind = KIND_TRADE if parsed.kind is KIND_TRADE else kind
        kind = Kind.MALFORMED if reason else kind
        return Parsed(kind, tuple(trades), replayed, out_of_scope=tuple(foreign), reason=reason)

    def _answer(self, message: dict[str, Any]) -> Parsed:
        if "error" in message:
            return _error(message["error"])
        if message.get("method") == _LIST:
            return self._listed(message)
        if message.get("status") == "UP":
            return Parsed(Kind.CONTROL)
        raise Damaged("neither a row nor an answer")

    def _listed(self, message: dict[str, Any]) -> Parsed:
        """Confirm the codes that the venue lists; only the answer to the newest question tells that one is missing."""
        codes = _codes(message.get("result"))
        acknowledged = [name for name in self._wanted if name in codes]
        if message.get("ticket") != _ticket(self._request):
            return Parsed(Kind.CONTROL, acknowledged=acknowledged)
        reason = "the venue doesn't know the code: it is not among the subscriptions that it lists"
        refused = [Refusal(name, reason) for name in self._wanted if name not in codes]
        return Parsed(Kind.CONTROL, acknowledged=acknowledged, refused=refused, reason=reason if refused else "")

    def _ask(self) -> list[Command]:
        self._request += 1
        ticket, codes = {"ticket": _ticket(self._request)}, list(self._wanted)
        # Without is_only_realtime the last trade of each code comes first: it closes a short hole.
        subscription = [ticket, {"type": _TRADE, "codes": codes}, {"format": "DEFAULT"}]
        return [
            Command(orjson.dumps(subscription).decode(), self._request, tuple(codes)),
            Command(orjson.dumps([{"method": _LIST}, ticket]).decode(), self._request),
        ]


def _form(row: dict[str, Any]) -> Form | None:
    return DEFAULT if DEFAULT.type in row else SIMPLE if SIMPLE.type in row else None


def _ticket(request: int) -> str:
    return f"metdc-{request}"


def _codes(result: object) -> set[str]:
    """The codes of the trade subscriptions that an answer lists."""
    if type(result) is not list:
        raise Damaged(f"result is no array of subscriptions: {shown(result)}")
    found: set[str] = set()
    for entry in result:
        codes = entry.get("codes") if type(entry) is dict else None
        if type(codes) is not list or not all(type(code) is str for code in codes):
            raise Damaged(f"a subscription without codes: {shown(entry)}")
        if entry.get("type") == _TRADE:
            found.update(codes)
    return found


def _error(error: object) -> Parsed:
    """The connection is lost with any error; its name may be a number, its message in Korean."""
    if type(error) is not dict or "name" not in error:
        raise Damaged(f"error is no object with a name: {shown(error)}")
    name = error["name"]
    reason = f"the venue refused: {shown(error.get('message'))} ({shown(name)})"
    ending = Ending.REFUSED if name in REFUSING else Ending.FAULT
    return Parsed(Kind.CONTROL, ending=ending, reason=reason)
