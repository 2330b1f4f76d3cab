"""One function for each assumption: what was expected, what was observed, and whether it held. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from metdc_collector.exchanges.base import Kind, Rhythm
from metdc_collector.verify.assumed import Answer, Assumed, Opening, Rows
from metdc_collector.verify.heard import Finds, Heard, Row

_SECOND = 1_000_000_000
BEFORE = 2 * _SECOND
"""A trade so much older than its subscription (ns) happened before it: clocks differ, and the way takes its time."""
AT_ONCE = 3 * _SECOND
"""What comes at once after a subscription comes within this time, ns."""
ANSWER = 5 * _SECOND
"""A heartbeat is answered within this time, ns."""
LAG = 5 * _SECOND
"""The venue's time of a trade is within this of ours when it comes, ns."""
EDGE = 2 * _SECOND
"""Trades that came so near to the edge of what two witnesses saw are not compared, ns."""


class Verdict(Enum):
    """What the observations say of an assumption; nothing seen never counts as held."""

    HELD = "held"
    BROKEN = "broken"
    NOT_SEEN = "not seen"


class Result(NamedTuple):
    """One assumption of a market."""

    assumption: str
    expected: str
    observed: str
    verdict: Verdict


@dataclass(slots=True)
class Seen:
    """All that was observed of one market.

    Attributes:
        connections: those that were subscribed to the same instruments.
        busy: native names of these that are known to trade often.
        stranger: the connection that asked for an instrument that doesn't exist, and which.
        mute: the connection on which nothing was said.
        trading, damaged: of the instrument list: how many trade, and why rows could not be read; null without a list.
        replies, without_header: REST replies, and those that don't tell what is left of the limit.
        stops: HTTP statuses that refused a request or a handshake.
        rest: newest trades over REST: native name → id → row.
        asked_at: when the first of those was asked for, ns.
        problems: what could not be observed, in words.
    """

    rhythm: Rhythm
    connections: list[Heard] = field(default_factory=list)
    stranger: Heard | None = None
    stranger_name: str = ""
    mute: Heard | None = None
    trading: int | None = None
    damaged: list[str] = field(default_factory=list)
    replies: int = 0
    without_header: int = 0
    stops: list[int] = field(default_factory=list)
    rest: dict[str, dict[str, Row]] = field(default_factory=dict)
    rest_damaged: int = 0
    asked_at: dict[str, int] = field(default_factory=dict)
    until: int = 0
    problems: list[str] = field(default_factory=list)


Check = Callable[[Assumed, Seen], Result | None]


def judge(assumed: Assumed, seen: Seen) -> list[Result]:
    """Judge each assumption that is made of a market."""
    return [result for check in CHECKS if (result := check(assumed, seen)) is not None]


def _result(assumption: str, expected: str, observed: str, *, seen: object, good: bool) -> Result:
    verdict = Verdict.NOT_SEEN if not seen else Verdict.HELD if good else Verdict.BROKEN
    return Result(assumption, expected, observed, verdict)


def _counted(assumption: str, expected: str, unit: str, found: Sequence[Finds]) -> Result:
    seen, wrong = sum(one.seen for one in found), sum(one.wrong for one in found)
    example = next((example for one in found for example in one.examples), "")
    observed = f"{seen - wrong:,} of {seen:,} {unit}" + (f"; not {example}" if wrong else "")
    return _result(assumption, expected, observed if seen else f"no {unit}", seen=seen, good=not wrong)


# -- REST


def instrument_list(assumed: Assumed, seen: Seen) -> Result:
    """The list can be read whole, and is as long as it should be."""
    expected = f"every row readable, more than {assumed.instruments} trade"
    observed = "no list"
    if seen.trading is not None:
        observed = f"{seen.trading:,} trade"
        if seen.damaged:
            observed += f"; {len(seen.damaged)} not readable: {seen.damaged[0]}"
    good = not seen.damaged and (seen.trading or 0) > assumed.instruments
    return _result("instrument list", expected, observed, seen=seen.trading is not None, good=good)


def limit_headers(assumed: Assumed, seen: Seen) -> Result | None:
    """Each REST reply tells what is left of the limit."""
    if not assumed.header:
        return None
    expected = f"{assumed.header} in each REST reply"
    observed = f"{seen.replies - seen.without_header} of {seen.replies} replies have it"
    return _result("limits in headers", expected, observed, seen=seen.replies, good=not seen.without_header)


def within_limits(assumed: Assumed, seen: Seen) -> Result:
    """Nothing that was asked is refused: we keep to the limits."""
    observed = f"HTTP {', '.join(map(str, seen.stops))}" if seen.stops else f"{seen.replies} replies, none refused"
    expected = "no request and no handshake is refused"
    return _result("limits", expected, observed, seen=seen.replies or seen.stops, good=not seen.stops)


# -- the connections' manners


def lasting(assumed: Assumed, seen: Seen) -> Result:
    """A connection lasts until we close it."""
    opened = [one for one in seen.connections if one.opened is not None]
    ends = [one.ended for one in opened if one.ended is not None]
    observed = "; ".join(ends) if ends else f"{len(opened)} connections lasted"
    if not opened:
        observed = "; ".join(one.ended for one in seen.connections if one.ended) or "no connection"
    return _result("connections last", "until we close them", observed, seen=opened, good=not ends)


def acknowledgements(assumed: Assumed, seen: Seen) -> Result:
    """Each subscription to an instrument of the list is acknowledged in time."""
    asked = [(one, name, at) for one in seen.connections for name, at in one.asked.items()]
    within = seen.rhythm.acknowledge
    good = [
        name for one, name, at in asked if name in one.acknowledged and one.acknowledged[name] - at <= within * _SECOND
    ]
    slowest = max((one.acknowledged[name] - at for one, name, at in asked if name in one.acknowledged), default=0)
    observed = f"{len(good)} of {len(asked)}, the slowest in {slowest / _SECOND:.2f} s"
    refused = next((f"{name}: {why}" for one in seen.connections for name, why in one.refused.items()), "")
    observed += f"; refused {refused}" if refused else ""
    expected = f"each is acknowledged within {within:g} s"
    return _result("subscriptions", expected, observed, seen=asked, good=len(good) == len(asked))


def unknown_instrument(assumed: Assumed, seen: Seen) -> Result:
    """An instrument that doesn't exist is answered as we think."""
    heard, name = seen.stranger, seen.stranger_name
    expected, assumption = assumed.unknown.value, "unknown instrument"
    if heard is None or name not in heard.asked:
        return Result(assumption, expected, "not asked", Verdict.NOT_SEEN)
    refused, accepted = heard.refused.get(name), name in heard.acknowledged
    observed = f"refused: {refused}" if refused is not None else "acknowledged" if accepted else "no answer"
    observed += ", and it trades" if heard.trades else ""
    silent = accepted and refused is None and not heard.trades
    good = refused is not None if assumed.unknown is Answer.REFUSED else silent
    return _result(assumption, expected, f"{name}: {observed}", seen=True, good=good)


def heartbeats(assumed: Assumed, seen: Seen) -> Result | None:
    """Each heartbeat of ours is answered."""
    if seen.rhythm.heartbeat is None:
        return None
    answers = [took for one in seen.connections for took in one.answers]
    lost = [at for one in seen.connections for at in one.beats if one.ended is None and seen.until - at > ANSWER]
    late = [took for took in answers if took > ANSWER]
    observed = f"{len(answers)} of {len(answers) + len(lost)} answered"
    observed += f", the slowest in {max(answers) / _SECOND:.2f} s" if answers else ""
    expected = f"answered within {ANSWER / _SECOND:g} s"
    return _result("heartbeats", expected, observed, seen=answers or lost, good=not lost and not late)


def silent_client(assumed: Assumed, seen: Seen) -> Result | None:
    """A client that says nothing is cut as we think."""
    cut, mute = assumed.cut, seen.mute
    if cut is None:
        return None
    expected = f"cut after about {cut.after:g} s, " + _code(cut.code)
    if mute is None or mute.opened is None or mute.ended is None:
        opened = None if mute is None else mute.opened
        lasted = "not tried" if opened is None else f"lasts after {(seen.until - opened) / _SECOND:.0f} s"
        return Result("silent client", expected, lasted, Verdict.NOT_SEEN)
    observed = f"cut after {mute.lasted:.1f} s, {_code(mute.code)}"
    good = mute.code == cut.code and mute.lasted > (seen.rhythm.heartbeat or 0)
    return _result("silent client", expected, observed, seen=True, good=good)


def _code(code: int | None) -> str:
    return "without a close frame" if code is None else f"close code {code}"


# -- frames


def understood(assumed: Assumed, seen: Seen) -> Result:
    """Each frame is of a known kind and can be read whole."""
    heard = _all(seen)
    frames = sum(one.frames for one in heard)
    bad = {kind.value: sum(one.kinds[kind] for one in heard) for kind in (Kind.MALFORMED, Kind.OTHER)}
    foreign = sum(one.out_of_scope for one in heard)
    observed = f"{frames:,} frames, {bad['malformed']} damaged, {bad['other']} unknown, {foreign} rows not asked for"
    example = next((odd for one in heard for odd in one.odd), "")
    observed += f": {example}" if example else ""
    good = not any(bad.values()) and not foreign
    return _result("frames", "each is of a known kind, and whole", observed, seen=frames, good=good)


def opening(assumed: Assumed, seen: Seen) -> Result:
    """What comes first after a subscription is what we think."""
    found, expected = Finds(), assumed.opening
    for one in seen.connections:
        for name, asked in one.asked.items():
            first = one.first.get(name)
            if first is None:
                continue
            before = (asked - first.oldest) / _SECOND
            words = f"{name}: {first.rows} rows after {(first.received - asked) / _SECOND:.1f} s, {before:.1f} s old"
            if expected is Opening.LIVE:
                found.judge(first.oldest >= asked - BEFORE and not first.replayed, words)
            elif expected is Opening.LAST:
                found.judge(first.rows == 1 and first.received - asked <= AT_ONCE, words)
            else:
                found.judge(first.replayed, words)
    return _counted("after subscribing", expected.value, "first frames", [found])


def raw_order(assumed: Assumed, seen: Seen) -> Result:
    """Rows of one frame stand in one order, or each stands alone."""
    assumption, expected = "rows in a frame", assumed.rows.value
    if assumed.rows is Rows.ONE:
        frames = sum(one.kinds[Kind.TRADE] for one in seen.connections)
        crowded = sum(one.crowded for one in seen.connections)
        observed = f"{crowded:,} of {frames:,} frames have more"
        return _result(assumption, expected, observed, seen=frames, good=not crowded)
    result = _counted(assumption, expected, "frames with several times", [one.orders for one in seen.connections])
    frames = sum(one.orders.seen - one.orders.wrong for one in seen.connections)
    newest = sum(one.newest_first for one in seen.connections)
    against = newest if assumed.rows is Rows.OLDEST_FIRST else frames - newest
    if against:
        return result._replace(observed=f"{against:,} of {frames:,} the other way", verdict=Verdict.BROKEN)
    return result


# -- trades


def unique(assumed: Assumed, seen: Seen) -> Result:
    """No id comes twice on a connection, but in a snapshot."""
    return _counted("ids", "each comes once", "trades", [one.repeated for one in seen.connections])


def numbers(assumed: Assumed, seen: Seen) -> Result | None:
    """Ordering numbers step as we think."""
    if any(one.consecutive for one in seen.connections):
        return _counted("ids step", "by one, for each instrument", "steps", [one.holes for one in seen.connections])
    found = [one.numbers for one in seen.connections]
    if not assumed.ordered or not any(one.seen for one in found):
        return None
    return _counted("ids step", "never back, for each instrument", "steps", found)


def times(assumed: Assumed, seen: Seen) -> Result | None:
    """Times never fall from one frame of an instrument to the next."""
    if not assumed.ordered:
        return None
    return _counted("times", "never fall, for each instrument", "steps", [one.times for one in seen.connections])


def clock(assumed: Assumed, seen: Seen) -> Result:
    """Times are in the unit that we think, and near ours."""
    lags = [one.lag for one in seen.connections if one.lag is not None]
    least, most = min((lag[0] for lag in lags), default=0), max((lag[1] for lag in lags), default=0)
    observed = f"received {least / _SECOND:.3f} to {most / _SECOND:.3f} s after it" if lags else "no live trade"
    expected = f"within {LAG / _SECOND:g} s of our clock"
    return _result("time of a trade", expected, observed, seen=lags, good=least >= -LAG and most <= LAG)


def sending(assumed: Assumed, seen: Seen) -> Result | None:
    """A trade is sent no earlier than it happened."""
    found = [one.sendings for one in seen.connections]
    if not any(one.seen for one in found):
        return None
    return _counted("send time", "not before the trade's time", "trades", found)


# -- witnesses


def same_on_both(assumed: Assumed, seen: Seen) -> Result:
    """Two connections tell the same trades, under the same ids."""
    assumption, expected = "two connections", "the same ids and values"
    found = Finds()
    if len(seen.connections) > 1:
        one, other = seen.connections[:2]
        for name in sorted(one.acknowledged.keys() & other.acknowledged.keys()):
            begin, end = _both_heard(one, other, name, seen.until)
            for first, second in ((one, other), (other, one)):
                _compare(found, name, _between(first.rows.get(name, {}), begin, end), second.rows.get(name, {}))
    return _counted(assumption, expected, "trades", [found])


def rest_equals(assumed: Assumed, seen: Seen) -> Result:
    """REST tells the same trades as the socket."""
    found = Finds()
    for heard in seen.connections[:1]:
        for name, rest in seen.rest.items():
            _compare_with_rest(found, name, heard, rest, seen.asked_at[name] - EDGE)
    result = _counted("REST and socket", "the same ids and values", "trades", [found])
    if seen.rest_damaged:
        return result._replace(observed=f"{seen.rest_damaged} rows of REST not readable", verdict=Verdict.BROKEN)
    return result


def _compare_with_rest(found: Finds, name: str, heard: Heard, rest: Mapping[str, Row], until: int) -> None:
    live = heard.rows.get(name, {})
    if not live or not rest or name not in heard.acknowledged:
        return
    begin = _heard_since(heard, name) + EDGE
    _compare(found, name, ((one, row) for one, row in rest.items() if begin <= row.time <= until), live)
    oldest = min(row.time for row in rest.values())
    for one, row in _between(live, begin, until):
        # REST leaves uncommon trades out (Binance's insurance and ADL); those it tells must agree all the same.
        if one not in rest and row.kind is None and oldest < row.time <= until:
            found.note(f"{name} {one}: only on the socket")


def _both_heard(one: Heard, other: Heard, name: str, until: int) -> tuple[int, int]:
    """Return the time in which both connections must have received what happened, ns."""
    ends = [
        until if heard.ended is None else (heard.opened or 0) + int(heard.lasted * _SECOND) for heard in (one, other)
    ]
    return max(_heard_since(one, name), _heard_since(other, name)) + EDGE, min(ends) - EDGE


def _heard_since(heard: Heard, name: str) -> int:
    """Return since when every trade of an instrument is among the rows, ns."""
    kept = next(iter(heard.rows[name].values())).received if name in heard.pruned else 0
    return max(heard.acknowledged[name], kept)


def _between(rows: Mapping[str, Row], begin: int, end: int) -> Iterator[tuple[str, Row]]:
    return ((one, row) for one, row in rows.items() if begin <= row.received <= end)


def _compare(found: Finds, name: str, rows: Iterable[tuple[str, Row]], with_these: Mapping[str, Row]) -> None:
    for one, row in rows:
        other = with_these.get(one)
        if other is None:
            found.note(f"{name} {one}: only on one side")
        else:
            found.judge(other.values == row.values, f"{name} {one}: {row.values} and {other.values}")


def _all(seen: Seen) -> list[Heard]:
    return [one for one in (*seen.connections, seen.stranger, seen.mute) if one is not None]


CHECKS: Sequence[Check] = (
    instrument_list,
    limit_headers,
    within_limits,
    lasting,
    acknowledgements,
    unknown_instrument,
    heartbeats,
    silent_client,
    understood,
    opening,
    raw_order,
    unique,
    numbers,
    times,
    clock,
    sending,
    same_on_both,
    rest_equals,
)
"""In the order in which they are shown."""
