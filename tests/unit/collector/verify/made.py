"""Frames as a connection hears them, and what is seen of a market in which all is as assumed."""

from collections.abc import Sequence
from dataclasses import replace

from metdc_collector.exchanges.base import Kind, Parsed, Rhythm
from metdc_collector.verify.checks import Seen
from metdc_collector.verify.heard import Heard
from metdc_collector.wire.trade import Trade
from tests.unit.collector.made import BTC, MOMENT, SECOND, trade

NAME = BTC.name
ASKED = MOMENT
ACKNOWLEDGED = MOMENT + SECOND // 10
UNTIL = MOMENT + 60 * SECOND
RHYTHM = Rhythm(heartbeat=20, silence=60)
MS = 1_000_000


def at(number: int, seconds: float) -> Trade:
    """A trade with that id that happened, and was received, so long after the subscription."""
    return trade(number, int(seconds * SECOND))


def frame(*trades: Trade, replayed: bool = False) -> Parsed:
    """A frame of trades."""
    return Parsed(Kind.TRADE, trades, replayed)


def raw(trades: Sequence[Trade]) -> bytes:
    """A frame's bytes with the rows' times, in that order."""
    return b",".join(b'{"T":%d}' % (each.time // MS) for each in trades)


def heard(*frames: Parsed, consecutive: bool = True) -> Heard:
    """A connection that asked for one instrument, was acknowledged, and got these frames."""
    one = Heard(digit=MS, consecutive=consecutive, opened=ASKED)
    one.ask([NAME], ASKED)
    one.take(b"{}", Parsed(Kind.CONTROL, acknowledged=[NAME]), ACKNOWLEDGED)
    for each in frames:
        one.take(raw(each.trades), each, max((row.received for row in each.trades), default=UNTIL))
    return one


def live(count: int = 8) -> list[Parsed]:
    """One trade a frame, ten seconds apart, from half a second on."""
    return [frame(at(number, number * 10 + 0.5)) for number in range(count)]


def seen(*connections: Heard) -> Seen:
    """What was seen of a market whose connections these are."""
    return Seen(RHYTHM, connections=list(connections), until=UNTIL)


def other(each: Trade, **changes: object) -> Trade:
    """The trade with some fields changed."""
    return each._replace(**changes)  # type: ignore[arg-type]


STRANGER = replace(BTC, name="NOSUCHCOINUSDT", base="NOSUCHCOIN")
"""An instrument that doesn't exist."""
