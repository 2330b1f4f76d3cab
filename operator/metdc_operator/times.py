"""Times as Kubernetes writes them (RFC 3339), here as integer ns since the epoch."""

from datetime import UTC, datetime

from metdc_collector.wire.durations import SECOND


def render(moment: int) -> str:
    """Return a time as RFC 3339 in UTC, with as many decimals as it needs."""
    seconds, rest = divmod(moment, SECOND)
    whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return whole + (f".{rest:09d}".rstrip("0") if rest else "") + "Z"


def parse(text: str) -> int:
    """Read an RFC 3339 time, as :func:`render` or a person writes it.

    Raises:
        ValueError: when it is none, or has no zone.
    """
    head, dot, tail = text.strip().upper().partition(".")
    digits = ""
    if dot:
        digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
        head += tail[len(digits) :]
    moment = datetime.fromisoformat(head)
    if moment.tzinfo is None or (dot and not digits):
        raise ValueError(f"{text!r} is no time: write it as 2026-11-23T10:00:00Z")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * SECOND + int(digits[:9].ljust(9, "0") or 0)
