"""Observations to conditions, by the conventions of the Kubernetes API. Pure.

Each aspect is judged per market; the worst verdict is the resource's: False before Unknown before True. A report that
is too old makes an aspect Unknown: last week's truth is no truth.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from metdc_collector.wire.report import Report
from metdc_operator.observation import MarketSeen, Pod, Reason, Seen
from metdc_operator.times import render

Status = Literal["True", "False", "Unknown"]
_WORST: tuple[Status, ...] = ("False", "Unknown", "True")
_LONGEST = 1024


class Verdict(NamedTuple):
    """The status of one aspect, why in one word, and why in words."""

    status: Status
    reason: Reason
    message: str


def conditions(seen: Seen, now: int, *, stale: int, previous: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return the conditions; ``stale`` is the age in ns from which a report counts no more.

    A condition whose status is what it was in ``previous`` keeps its time of transition.
    """
    since = now - stale
    verdicts = {
        "Ready": _of_reports(seen, lambda market: _ready(market, since), suspended="False"),
        "Progressing": _progressing(seen),
        "Streaming": _of_reports(seen, lambda market: _streaming(market, since), suspended="False"),
        "NATSConnected": _of_reports(seen, lambda market: _nats_connected(market, since)),
        "StreamInSync": _of_reports(seen, lambda market: _stream_in_sync(market, since, seen.observes_stream)),
        "Complete": _of_reports(seen, lambda market: _complete(market, since)),
        "RotationStalled": _stalled(seen),
        "Suspended": Verdict("True", Reason.SUSPENDED, "spec.suspend is true; nothing is collected")
        if seen.suspended
        else Verdict("False", Reason.RUNNING, "not suspended"),
    }
    return conditions_of(verdicts, seen.generation, now, previous)


def conditions_of(
    verdicts: Mapping[str, tuple[str, str, str]], generation: int, now: int, previous: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return verdicts (status, reason, message), by the type of the condition, as conditions of a generation.

    One whose status is what it was in ``previous`` keeps its time of transition.
    """
    before = {entry["type"]: entry for entry in previous}
    return [_condition(kind, verdict, generation, before.get(kind), now) for kind, verdict in verdicts.items()]


def _condition(
    kind: str, verdict: tuple[str, str, str], generation: int, before: Mapping[str, Any] | None, now: int
) -> dict[str, Any]:
    status, reason, message = verdict
    same = before is not None and before["status"] == status
    return {
        "type": kind,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if same and before else render(now // 10**9 * 10**9),
        "reason": str(reason),
        "message": message[:_LONGEST],
    }


def _of_reports(seen: Seen, judge: Callable[[MarketSeen], Verdict], *, suspended: Status = "Unknown") -> Verdict:
    if seen.suspended:
        return Verdict(suspended, Reason.SUSPENDED, "spec.suspend is true; nothing is collected")
    return _worst([(market.title, judge(market)) for market in seen.markets])


def _worst(verdicts: Sequence[tuple[str, Verdict]]) -> Verdict:
    """The worst verdict, with the messages of all markets that share its status."""
    worst = min((verdict for _, verdict in verdicts), key=lambda verdict: _WORST.index(verdict.status))
    told = [f"{title}: {each.message}" for title, each in verdicts if each.status == worst.status]
    return worst._replace(message="; ".join(told))


def _unknown(market: MarketSeen, since: int) -> Verdict:
    """The verdict on a market without a fresh report: why there is none."""
    pod = market.leading(since)
    trouble = (pod.trouble if pod is not None else None) or market.trouble
    if trouble is not None:
        return Verdict("Unknown", trouble.reason, trouble.message)
    if pod is None:
        return Verdict("Unknown", Reason.STARTING, "no pod yet")
    if pod.report is None:
        return Verdict("Unknown", Reason.STARTING, f"{pod.name} has not reported yet")
    return Verdict("Unknown", Reason.REPORT_STALE, f"{pod.name} last reported at {render(pod.report.at)}")


def _ready(market: MarketSeen, since: int) -> Verdict:
    pod = market.leading(since)
    report = market.report(since)
    if pod is None or report is None:
        verdict = _unknown(market, since)
        silent = pod is not None and (pod.ready or verdict.reason is Reason.REPORT_STALE)
        return verdict if silent else verdict._replace(status="False")
    if pod.ready:
        return Verdict("True", Reason.COLLECTING, f"{report.symbols.streaming} instruments")
    return Verdict("False", *_what_is_missing(pod, report))


def _what_is_missing(pod: Pod, report: Report) -> tuple[Reason, str]:
    if pod.trouble is not None:
        return pod.trouble.reason, pod.trouble.message
    if not report.nats.connected:
        return Reason.DISCONNECTED, report.nats.message or f"{pod.name} is not connected to NATS"
    waiting = "; ".join(report.waiting) or "its probe"
    reason = Reason.REGION_BLOCKED if _region_blocked(report) else Reason.STARTING
    return reason, f"{pod.name} waits for {waiting}"


def _region_blocked(report: Report) -> bool:
    return report.connections.failed > 0 or any("region" in each for each in report.waiting)


def _progressing(seen: Seen) -> Verdict:
    if seen.suspended:
        return Verdict("False", Reason.SUSPENDED, "spec.suspend is true")
    if stalled := [market.title for market in seen.markets if market.stalled is not None]:
        return Verdict("False", Reason.STALLED, f"{', '.join(stalled)}: the successor does not become ready")
    if rotating := [market.title for market in seen.markets if market.rotating]:
        return Verdict("True", Reason.ROTATING, f"{', '.join(rotating)}: a new pod takes over")
    if starting := [m.title for m in seen.markets if not any(pod.ready for pod in m.pods)]:
        return Verdict("True", Reason.STARTING, f"{', '.join(starting)}: no pod is ready yet")
    return Verdict("False", Reason.SETTLED, "every pod is as the spec wants it")


def _streaming(market: MarketSeen, since: int) -> Verdict:
    report = market.report(since)
    if report is None:
        return _unknown(market, since)
    symbols, connections = report.symbols, report.connections
    counted = f"{symbols.streaming} of {symbols.wanted} instruments stream"
    if symbols.wanted == 0:
        if symbols.listed_at is None:
            return Verdict("False", Reason.CONNECTING, "the instrument list has not been read yet")
        return Verdict("False", Reason.NO_SYMBOLS, "no instrument is selected; look at spec.symbols")
    if symbols.streaming >= symbols.wanted:
        return Verdict("True", Reason.ALL_STREAMING, counted)
    if _region_blocked(report):
        told = "; ".join(report.waiting) or "the exchange refuses this region"
        return Verdict("False", Reason.REGION_BLOCKED, f"{told}; spec.endpoints can name a gateway elsewhere")
    if connections.cooldown:
        return Verdict("False", Reason.COOLDOWN, f"{counted}; {connections.cooldown} connections in cooldown")
    if connections.reconnecting or not connections.active:
        return Verdict("False", Reason.CONNECTING, f"{counted}; {connections.reconnecting} connections being made")
    if symbols.wanted - symbols.streaming <= len(symbols.refused):
        named = ", ".join(f"{each.instrument} ({each.reason})" for each in symbols.refused[:5])
        return Verdict("False", Reason.REFUSED, f"{counted}; refused: {named}")
    return Verdict("False", Reason.SYMBOLS_MISSING, counted)


def _nats_connected(market: MarketSeen, since: int) -> Verdict:
    report = market.report(since)
    if report is None:
        return _unknown(market, since)
    if not report.nats.connected:
        return Verdict("False", Reason.DISCONNECTED, report.nats.message or "not connected to NATS")
    if not report.nats.acknowledged:
        return Verdict("False", Reason.NOT_ACKNOWLEDGED, report.nats.message or "no publish is acknowledged yet")
    return Verdict("True", Reason.CONNECTED, "publishes are acknowledged")


def _stream_in_sync(market: MarketSeen, since: int, observes: bool) -> Verdict:
    report = market.report(since)
    if report is None:
        return _unknown(market, since)
    nats = report.nats
    if nats.stream_in_sync is None:
        return Verdict("Unknown", Reason.NOT_LOOKED, nats.message or "the stream has not been looked at yet")
    if nats.stream_in_sync:
        return Verdict("True", Reason.IN_SYNC, f"{nats.stream} is as the spec wants it")
    reason = Reason.MANAGED_ELSEWHERE if observes else Reason.DISAGREES
    return Verdict("False", reason, nats.message or f"{nats.stream} differs from the spec")


def _complete(market: MarketSeen, since: int) -> Verdict:
    report = market.report(since)
    if report is None:
        return _unknown(market, since)
    gaps = report.gaps
    if gaps.unfillable:
        return Verdict("False", Reason.GAPS_UNFILLABLE, f"{gaps.unfillable} gaps that nothing can fill")
    if gaps.open:
        return Verdict("False", Reason.GAPS_OPEN, f"{gaps.open} gaps are not filled yet")
    if gaps.open is None or gaps.unfillable is None:
        return Verdict("Unknown", Reason.NOT_COUNTED, "gaps are not counted")
    return Verdict("True", Reason.NO_GAPS, "no gap is open or unfillable")


def _stalled(seen: Seen) -> Verdict:
    if stalled := [(market.title, market.stalled) for market in seen.markets if market.stalled is not None]:
        told = "; ".join(f"{title}: {trouble.message}" for title, trouble in stalled)
        return Verdict("True", stalled[0][1].reason, f"{told}; the old pod goes on")
    if seen.rotation_suspended:
        return Verdict("False", Reason.ROTATION_SUSPENDED, "spec.rotation.suspend is true")
    return Verdict("False", Reason.ON_SCHEDULE, "successors become ready in time")
