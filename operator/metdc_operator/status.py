"""Observations to the resource's status: what is really flowing, or that it is not known, and how old that is. Pure.

Integers carry their unit in the name. What is not known is absent; what the exchange makes uncountable is null.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.report import Report
from metdc_operator.conditions import conditions
from metdc_operator.observation import MarketSeen, Pod, Rotation, Seen
from metdc_operator.times import render

REPORT_INTERVAL = 15 * SECOND
STALE = 3 * REPORT_INTERVAL
"""The age from which a report counts no more."""
WRITE_INTERVAL = 30 * SECOND
"""A status is written at most so often, unless a condition turns."""
_MOST_REFUSED = 50
_MOST_PODS = 8  # evicted pods may lie about by the hundred, and the definition takes no longer list
_LONGEST = 1024


def status(seen: Seen, now: int, *, stale: int = STALE, previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the status; ``previous`` is the one that the resource has, for the times of transition."""
    since = now - stale
    markets = [_market(market, now, since) for market in seen.markets]
    record: dict[str, Any] = {
        "observedGeneration": seen.generation,
        "conditions": conditions(seen, now, stale=stale, previous=(previous or {}).get("conditions", ())),
        "totals": _totals(seen, since),
        "markets": markets,
    }
    # What every line of this status rests on: the oldest of the reports, of which a stale one is still the last word.
    last_words = [
        pod.report.at
        for market in seen.markets
        if (pod := market.leading(since)) is not None and pod.report is not None
    ]
    if last_words:
        record["reportedAt"] = _moment(min(last_words))
    return record


def turned(previous: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Return the types of the conditions whose status or reason differ."""
    before = {each["type"]: (each["status"], each["reason"]) for each in previous.get("conditions", ())}
    return [
        each["type"] for each in current["conditions"] if before.get(each["type"]) != (each["status"], each["reason"])
    ]


def to_be_written(
    previous: Mapping[str, Any], current: Mapping[str, Any], *, age: int, interval: int = WRITE_INTERVAL
) -> bool:
    """Return whether a status is to be written over one that was written ``age`` ns ago."""
    return bool(turned(previous, current)) or (age >= interval and previous != current)


def _moment(nanoseconds: int) -> str:
    """To the second, as the API server's own times are."""
    return render(nanoseconds // SECOND * SECOND)


def _present(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def _market(market: MarketSeen, now: int, since: int) -> dict[str, Any]:
    record: dict[str, Any] = {"name": market.market, "shard": market.shard, "shards": market.shards}
    record["pods"] = [_pod(pod, since) for pod in market.ranked(since)[:_MOST_PODS]]
    report = market.report(since)
    if report is not None:
        record |= _reported(report, now)
    if message := _message(market, report):
        record["message"] = message[:_LONGEST]
    if market.last is not None:
        record["lastRotation"] = _rotation(market.last)
    if market.next is not None:
        record["nextRotationAt"] = _moment(market.next)
    return record


def _message(market: MarketSeen, report: Report | None) -> str | None:
    troubles = [market.stalled, market.trouble, *(pod.trouble for pod in market.pods)]
    told = [trouble.message for trouble in troubles if trouble is not None]
    if report is not None:
        told += [report.nats.message] if report.nats.message else []
        told += report.waiting
    return "; ".join(dict.fromkeys(told)) or None


def _pod(pod: Pod, since: int) -> dict[str, Any]:
    report = pod.report
    waiting = "; ".join(report.waiting) if report is not None else ""
    return _present(
        {
            "name": pod.name,
            "ready": pod.ready,
            "state": report.state if report is not None and pod.fresh(since) is not None else "Unknown",
            "slot": pod.slot or None,
            "startedAt": _moment(pod.started) if pod.started is not None else None,
            "reportedAt": _moment(report.at) if report is not None else None,
            "node": pod.node,
            "restarts": pod.restarts,
            "message": (pod.trouble.message if pod.trouble is not None else waiting)[:_LONGEST] or None,
        }
    )


def _reported(report: Report, now: int) -> dict[str, Any]:
    symbols, connections, trades, backlog = report.symbols, report.connections, report.trades, report.backlog
    record = _present(
        {
            "reportedAt": _moment(report.at),
            "channel": report.channel,
            "symbolsListedAt": _moment(symbols.listed_at) if symbols.listed_at is not None else None,
            "lastTradeAt": _moment(report.last_trade) if report.last_trade is not None else None,
        }
    )
    named = {each.instrument: each.reason[:_LONGEST] for each in symbols.refused}
    return record | {
        "symbolsWanted": symbols.wanted,
        "symbolsStreaming": symbols.streaming,
        "symbolsRefused": len(named),
        "refused": [{"instrument": name, "reason": why} for name, why in list(named.items())[:_MOST_REFUSED]],
        "connectionsActive": connections.active,
        "connectionsReconnecting": connections.reconnecting,
        "connectionsInCooldown": connections.cooldown,
        "connectionsFailed": connections.failed,
        "tradesPerSecond": round(trades.per_second),
        "tradesReceivedSinceRotation": trades.received,
        "tradesStoredSinceRotation": trades.stored,
        "tradesDuplicateSinceRotation": trades.duplicates,
        "tradesLateSinceRotation": trades.late,
        "tradesExpiredSinceRotation": trades.expired,
        "framesMalformedSinceRotation": report.frames.malformed,
        "framesOutOfScopeSinceRotation": report.frames.out_of_scope,
        "backlogTrades": backlog.trades,
        "backlogBytes": backlog.bytes,
        "backlogAgeMilliseconds": max(0, now - backlog.oldest) // 10**6 if backlog.oldest is not None else 0,
        "gapsOpen": report.gaps.open,
        "gapsFilled": report.gaps.filled,
        "gapsUnfillable": report.gaps.unfillable,
        "healthScorePercent": int(report.score * 100),
    }


def _rotation(rotation: Rotation) -> dict[str, Any]:
    """What was replaced, and its proof as far as the new pod has told it."""
    record = {
        "slot": rotation.slot,
        "from": rotation.old,
        "to": rotation.new,
        "finishedAt": _moment(rotation.finished),
    }
    proof = rotation.handover
    if proof is None:
        return record
    return record | {
        "farewell": proof.farewell,
        "overlapMilliseconds": proof.overlap // 10**6,
        "symbolsProvenById": proof.by_id,
        "symbolsProvenByRows": proof.by_rows,
        "symbolsProvenBySubscription": proof.by_subscription,
        "symbolsProvenByREST": proof.by_rest,
        "symbolsBackfilled": proof.backfilled,
        "symbolsUnfilled": proof.unfilled,
        "tradesLost": proof.lost,
        "duplicates": proof.duplicates,
    }


def _totals(seen: Seen, since: int) -> dict[str, Any]:
    reports = list(seen.reports(since))
    names = dict.fromkeys(market.market for market in seen.markets)
    totals: dict[str, Any] = {"markets": ",".join(names)}
    nexts = [market.next for market in seen.markets if market.next is not None]
    lasts = [market.last.finished for market in seen.markets if market.last is not None]
    trades = [report.last_trade for report in reports if report.last_trade is not None]
    for name, moment in (
        ("lastTradeAt", max(trades, default=None)),
        ("lastRotationAt", max(lasts, default=None)),
        ("nextRotationAt", min(nexts, default=None)),
    ):
        if moment is not None:
            totals[name] = _moment(moment)
    # A sum in which a market is missing would look like a fall of what flows.
    if not reports or len(reports) < len(seen.markets):
        return totals
    wanted, streaming = sum(each.symbols.wanted for each in reports), sum(each.symbols.streaming for each in reports)
    return totals | {
        "symbols": f"{streaming}/{wanted}",
        "symbolsWanted": wanted,
        "symbolsStreaming": streaming,
        "symbolsRefused": sum(len(each.symbols.refused) for each in reports),
        "tradesPerSecond": round(sum(each.trades.per_second for each in reports)),
        "backlogTrades": sum(each.backlog.trades for each in reports),
        "gapsOpen": _sum(each.gaps.open for each in reports),
        "gapsUnfillable": _sum(each.gaps.unfillable for each in reports),
    }


def _sum(counts: Iterable[int | None]) -> int | None:
    """A sum with something uncountable in it is uncountable."""
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total
