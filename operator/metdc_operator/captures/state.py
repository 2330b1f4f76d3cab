"""What a capture's Job and pods show, to its status. Pure.

What a pod has told of a result stays in the status, also when another pod has to begin anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metdc_collector.wire.capture import CaptureReport, decode
from metdc_collector.wire.errors import InvalidMessage
from metdc_operator.captures.capture import Capture
from metdc_operator.conditions import conditions_of
from metdc_operator.observation import Trouble
from metdc_operator.records import PodRecord, Raw
from metdc_operator.times import render
from metdc_operator.trouble import last_words

_LONGEST = 1024
_MOST_MARKETS, _MOST_LACKS, _MOST_MISSING = 100, 20, 32
_FACTS = (
    *("completeness", "capturedAt", "summary", "totalTrades", "instrumentsTraded", "marketsMissing", "gapsInWindow"),
    *("result", "markets", "missing"),
)
"""What the status holds of a result."""
_STAGES = {
    "waiting": ("Waiting", "the window is not over, or not proven yet"),
    "reading": ("Reading", "the streams are being read"),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is seen of a capture.

    Attributes:
        report: what the newest pod that says something says; null when none does.
        failure: reason and message of the Job that has failed; null while it has not.
        trouble: what keeps the pod from running, or the Job from being made.
    """

    report: CaptureReport | None = None
    failure: tuple[str, str] | None = None
    trouble: Trouble | None = None


def failure(job: Raw) -> tuple[str, str] | None:
    """Return why a Job has failed for good, null when it has not."""
    for each in (job.get("status") or {}).get("conditions", ()):
        if each["type"] == "Failed" and each["status"] == "True":
            return each.get("reason", ""), each.get("message", "")
    return None


def said(found: Capture, words: bytes | str | None) -> CaptureReport | None:
    """Read what a pod says; null when it is no report of this capture."""
    if not words:
        return None
    try:
        report = decode(words.encode() if isinstance(words, str) else words)
    except InvalidMessage:
        return None
    # An address may have passed to another pod since it was looked up.
    return report if (report.base, report.at) == (found.spec["base"], found.at) else None


def newest(found: Capture, pods: Sequence[tuple[PodRecord, Raw]]) -> CaptureReport | None:
    """Return the last words of the newest pod that has left some."""
    for _, raw in reversed(pods):
        if (report := said(found, last_words(raw.get("status") or {}))) is not None:
            return report
    return None


def status(found: Capture, seen: Seen, now: int) -> dict[str, Any]:
    """Return the status; what ``found`` has is what it was before."""
    facts = _facts(seen.report) or {name: found.status[name] for name in _FACTS if name in found.status}
    phase, reason, message = _phase(seen, facts)
    verdicts = {
        "Captured": ("True" if phase == "Captured" else "False", reason, message),
        "Complete": _complete(facts),
    }
    return {
        "observedGeneration": found.meta.generation,
        "phase": phase,
        "at": render(found.at),
        "windowFrom": render(found.start),
        "windowTo": render(found.end),
        **facts,
        "conditions": conditions_of(verdicts, found.meta.generation, now, found.status.get("conditions", ())),
    }


def _facts(report: CaptureReport | None) -> dict[str, Any]:
    """What a report tells of a result; nothing while there is none."""
    if report is None or report.made is None:
        return {}
    facts: dict[str, Any] = {
        "completeness": report.completeness,
        "capturedAt": render(report.made),
        "summary": report.summary[:_LONGEST],
        "totalTrades": report.trades,
        "instrumentsTraded": report.traded,
        "marketsMissing": report.absent,
        "gapsInWindow": report.gaps,
        "result": {"bucket": report.bucket, "folder": report.name},
    }
    liveliest = sorted(report.markets, key=lambda one: -one.trades)[:_MOST_MARKETS]
    markets = [
        {"market": one.market, "instrument": one.instrument, "symbol": one.symbol, "trades": one.trades}
        | ({"lacks": [_span(each) for each in one.lacks[:_MOST_LACKS]]} if one.lacks else {})
        for one in sorted(liveliest, key=lambda one: (one.market, one.instrument))
    ]
    missing = [
        {"market": one.market, "reason": one.reason} | ({"message": one.text[:512]} if one.text else {})
        for one in report.missing[:_MOST_MISSING]
    ]
    return facts | {"markets": markets, "missing": missing}


def _span(span: Any) -> dict[str, Any]:
    return {"reason": span.reason, "from": render(span.start), "to": render(span.end), "open": span.open}


def _phase(seen: Seen, facts: Mapping[str, Any]) -> tuple[str, str, str]:
    """Phase, and why it is captured or not: in one word and in words."""
    report = seen.report
    if facts:
        counted = f"{facts['totalTrades']} trades of {facts['instrumentsTraded']} instruments"
        return "Captured", "Captured", f"{counted} are in {facts['result']['folder']}"
    if report is not None and report.state == "refused":
        return "Failed", report.reason or "Refused", report.message
    if seen.failure is not None:
        reason, message = seen.failure
        last = f"; last: {report.message}" if report is not None and report.message else ""
        return "Failed", reason or "JobFailed", f"{message or 'the Job has failed'}{last}"
    if seen.trouble is not None:
        return "Pending", str(seen.trouble.reason), seen.trouble.message
    if report is not None and report.state == "failed":
        return "Pending", "Retrying", f"an attempt has failed, and is made again: {report.message}"
    if report is not None and report.state in _STAGES:
        stage, message = _STAGES[report.state]
        return stage, stage, message
    return "Pending", "Starting", "no pod has said anything yet"


def _complete(facts: Mapping[str, Any]) -> tuple[str, str, str]:
    if not facts:
        return "Unknown", "NotCaptured", "there is no result yet"
    gaps = facts["gapsInWindow"]
    if facts["completeness"] != "Final":
        return "False", "Provisional", f"{gaps} spans of the window may lack trades, and may still be filled"
    if gaps:
        return "False", "Lacking", f"{gaps} spans of the window may lack trades, for good"
    return "True", "NothingLacks", "the window is whole on every market that is captured"
