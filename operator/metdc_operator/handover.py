"""What a pod tells of how it took over from the one before it: as a finished rotation, and in words. Pure."""

from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.report import Handover, Report
from metdc_operator.observation import Rotation

_PROVEN = (
    ("by_id", "proven by id"),
    ("by_rows", "by overlapping rows"),
    ("by_subscription", "by subscription"),
    ("by_rest", "by REST"),
)


def handed_over(report: Report | None) -> Rotation | None:
    """Return the replacement that a pod's report tells of; null before its hand-over is final, or without one.

    ``old`` and ``new`` are the same where a process was started again in its pod.
    """
    if report is None or report.handover is None or not report.handover.final:
        return None
    record = report.handover
    assert record.finished is not None, "of all that were judged"
    return Rotation(report.slot, record.predecessor, report.pod, record.finished, record)


def handover_message(market: str, rotation: Rotation) -> str:
    """Return a replacement in words, for an event or a line of a log; ``market`` as it is to be called there.

    For instance ``binance.spot: pod-b took over from pod-a: 31.0 s of overlap, 402 symbols proven by id, 31 by
    subscription, 2 back-filled, 0 lost``.
    """
    return f"{market}: {rotation.new} took over from {rotation.old}: {_told(rotation.handover)}"


def _told(record: Handover | None) -> str:
    if record is None:
        return "it has not told what it has proven"
    parts = [f"{record.overlap / SECOND:.1f} s of overlap"]
    if not record.farewell:
        parts[0] += " (it left no last report)"
    proven = [(getattr(record, name), words) for name, words in _PROVEN]
    shown = [(count, words) for count, words in proven if count] or [(0, _PROVEN[0][1])]
    for place, (count, words) in enumerate(shown):
        parts.append(f"{count} {_symbols(count)} {_first(words)}" if place == 0 else f"{count} {words}")
    parts.append(f"{record.backfilled} back-filled")
    parts.append(_lost(record))
    return ", ".join(parts)


def _first(words: str) -> str:
    return words if words.startswith("proven") else f"proven {words}"


def _symbols(count: int) -> str:
    return "symbol" if count == 1 else "symbols"


def _lost(record: Handover) -> str:
    if not record.unfilled:
        return "0 lost"
    trades = "trades that cannot be counted" if record.lost is None else f"{record.lost} trades"
    return f"{trades} of {record.unfilled} {_symbols(record.unfilled)} lost"
