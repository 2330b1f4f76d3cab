"""Damaged REST replies with past trades, and what must come of them; :mod:`tests.fuzz_forms` tells how they look."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from metdc_collector.exchanges.base import InvalidReply
from metdc_collector.exchanges.history import Source
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import encode
from tests.damage import CONTAINERS, Row, damage, encoded, wreck
from tests.fuzz_gate import NO_ARRAYS, NO_OBJECTS

RECEIVED = 1790001515500000001
Members = dict[str, Any]


class Reply(NamedTuple):
    """A reply about an instrument, what must come of it, and what was done to it (nothing: it is healthy).

    ``damaged`` counts its damaged rows; null where the whole reply must be refused.
    """

    instrument: Instrument
    body: bytes
    rows: Sequence[Row]
    damaged: int | None
    full: bool
    damage: str


def _by_id(rows: Sequence[Row], full: bool) -> list[Row]:
    return sorted(rows, key=lambda row: int(row.id.removeprefix("agg:")))


def _as_it_is(row: Members) -> Any:
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the replies of a source are written.

    Attributes:
        row: a healthy row, and what must come of it.
        fields: values that a row's members cannot have; without such a member a row is damaged as well.
        spare: the same of members that may be absent.
        full: so many rows are a full reply.
        wrap: the message that holds the rows; null where the rows are the message.
        spoil: damages the message so that it must be refused, and says how; of a bare list the venue's error is tried.
        written: the row as the reply has it, where that is no object.
        order: the order in which rows are written; random where none is told.
        expected: what must come of the healthy rows, in the order in which they are written, of a full reply or not.
    """

    row: Callable[[Random, Instrument], tuple[Members, Row]]
    fields: Mapping[str, Sequence[Any]]
    full: int
    spare: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    wrap: Callable[[list[Any], str], Members] | None = None
    spoil: Callable[[Members, Random], str] | None = None
    written: Callable[[Members], Any] = _as_it_is
    order: Callable[[Row], Any] | None = None
    expected: Callable[[Sequence[Row], bool], list[Row]] = _by_id


@dataclass(frozen=True, slots=True)
class Replies:
    """Makes replies of one form, some of them damaged."""

    form: Form
    instruments: Sequence[Instrument]
    random: Random

    def make(self) -> Reply:
        """Make a reply and damage some of its rows, or its envelope."""
        form, random, instrument = self.form, self.random, self.random.choice(self.instruments)
        count = random.randrange(7) if random.random() > 5 / form.full else form.full + random.randrange(-1, 2)
        made = [form.row(random, instrument) for _ in range(count)]
        if form.order is not None:
            order = form.order
            made.sort(key=lambda pair: order(pair[1]))
        choice, what = random.random(), ""
        if choice < 0.25:
            return self._refused(instrument, [form.written(row) for row, _ in made], wrecked=choice < 0.15)
        native, healthy = [], []
        for row, expected in made:
            if choice < 0.9 and random.random() < 0.4:
                written, what = self._damaged(row)
                native.append(written)
            else:
                native.append(form.written(row | {"new": random.choice(CONTAINERS)}))
                healthy.append(expected)
        message = native if form.wrap is None else form.wrap(native, instrument.name)
        full = count >= form.full
        rows = form.expected(healthy, full)
        return Reply(instrument, encoded(message), rows, count - len(healthy), full, what)

    def _refused(self, instrument: Instrument, native: list[Any], *, wrecked: bool) -> Reply:
        form, random = self.form, self.random
        message: Any = native if form.wrap is None else form.wrap(native, instrument.name)
        if wrecked:
            case = wreck(encoded(message), random)
            lists = {b"[]": 0, b"[1]": 1} if form.wrap is None else {}
            return Reply(instrument, case.frame, (), damaged=lists.get(case.frame), full=False, damage=case.damage)
        if form.spoil is None:
            message, what = random.choice([*NO_ARRAYS, {"label": "X", "message": "y"}]), "no list"
        else:
            what = form.spoil(message, random)
        return Reply(instrument, encoded(message), (), damaged=None, full=False, damage=what)

    def _damaged(self, row: Members) -> tuple[Any, str]:
        form, random = self.form, self.random
        if random.random() < 0.1:
            return random.choice([value for value in NO_OBJECTS if value in NO_ARRAYS]), "a row of another type"
        row = dict(row)
        if form.spare and random.random() < 0.2:
            name = random.choice(list(form.spare))
            row[name] = random.choice(form.spare[name])
            return row, f"{name} is {str(row[name])[:40]}"
        what = damage(row, dict(form.fields), random)
        return form.written(row), what


def fault_of(reply: Reply, source: Source) -> str:
    """Give a reply to a source; return what is wrong with what it makes of it, or nothing."""
    try:
        page = source.read(reply.body, reply.instrument, RECEIVED)
    except InvalidReply as error:
        if reply.damaged is not None:
            return f"was refused: {error}"
        return "" if str(error) and str(error).isascii() and len(str(error)) < 400 else f"gave the reason {error!r}"
    except BaseException as error:  # whatever else it is, it must not be raised
        return f"raised {type(error).__name__}: {error}"
    if reply.damaged is None:
        return "was not refused"
    rows = [
        Row(trade.id, trade.price, trade.quantity or "", trade.side, trade.time, trade.sent) for trade in page.trades
    ]
    if rows != list(reply.rows):
        return f"expected {list(reply.rows)}, got {rows}"
    if (page.damaged, page.full) != (reply.damaged, reply.full):
        return f"counted {page.damaged} damaged rows of {reply.damaged}, full is {page.full}"
    for trade in page.trades:
        if not trade.backfilled or trade.received != RECEIVED or json.loads(encode(trade))["backfilled"] is not True:
            return "has a trade that isn't marked as back-filled"
    return ""
