"""Streams: what their configuration should be, and what may be changed about one that exists. Pure.

``Ensure`` creates a stream, adds its subjects and changes safe fields; it never removes subjects, lowers limits or
deletes data. ``Observe`` changes nothing. What differs and may not be changed is a disagreement, in words with both
values. Configurations are the JetStream API's own JSON objects, so that fields this code doesn't know are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Management = Literal["Ensure", "Observe"]
SECOND = 1_000_000_000
EVENTS = "METDC_EVENTS"
EVENT_SUBJECTS = ("gaps.>", "listings.>", "instruments.>")
EVENT_AGE = 90 * 86_400
EVENT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """``spec.nats.stream``, defaults filled; times in seconds, sizes in bytes."""

    name: str
    subjects: Sequence[str]
    management: Management = "Ensure"
    replicas: int = 1
    max_age: int = 86_400
    max_bytes: int = 8 * 1024**3
    duplicate_window: int = 120


def trades_stream(exchange: str, markets: Sequence[str], name: str | None = None, **sizes: Any) -> StreamSpec:
    """Return the stream of an exchange's trades: its own by default, or the named one with its markets' subjects."""
    if name is None:
        return StreamSpec(name=f"TRADES_{exchange.upper()}", subjects=(f"trades.{exchange}.>",), **sizes)
    return StreamSpec(name=name, subjects=tuple(f"trades.{exchange}.{market}.>" for market in markets), **sizes)


def events_stream(trades: StreamSpec) -> StreamSpec:
    """Return the stream of gap, listing and instrument records, managed and replicated as the trades are."""
    return StreamSpec(
        name=EVENTS,
        subjects=EVENT_SUBJECTS,
        management=trades.management,
        replicas=trades.replicas,
        max_age=EVENT_AGE,
        max_bytes=EVENT_BYTES,
    )


def desired(spec: StreamSpec) -> dict[str, Any]:
    """Return the configuration to create the stream with."""
    return {
        "name": spec.name,
        "description": "METDC: public trades" if spec.name != EVENTS else "METDC: gaps, listings, instruments",
        "subjects": list(spec.subjects),
        "retention": "limits",
        "discard": "old",
        "storage": "file",
        "compression": "s2",
        "num_replicas": spec.replicas,
        "max_age": spec.max_age * SECOND,
        "max_bytes": spec.max_bytes,
        "duplicate_window": min(spec.duplicate_window, spec.max_age) * SECOND,
        "allow_direct": True,
    }


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a stream that exists differs from the desired one.

    Attributes:
        update: the whole configuration to update it with, null when nothing may or need be changed.
        disagreements: what stays different, in words, both values shown.
        fatal: disagreements with which trades cannot be published safely.
    """

    update: dict[str, Any] | None = None
    disagreements: Sequence[str] = ()
    fatal: Sequence[str] = field(default=())


# Without the one no trade could be looked up, with the other none would be known to be stored. What the server leaves
# out is off.
_REQUIRED: Mapping[str, Any] = {"allow_direct": True, "no_ack": False}
# Limits that a stream of trades does not have: they would end trades early.
_UNLIMITED = ("max_msgs", "max_msgs_per_subject", "max_msg_size")
_FIXED = ("retention", "discard", "storage", "num_replicas")
_GROWING = ("max_age", "max_bytes", "duplicate_window")


def compare(spec: StreamSpec, actual: Mapping[str, Any]) -> Comparison:
    """Compare a stream's configuration as the server gives it with the desired one."""
    wanted = desired(spec)
    update = dict(actual)
    subjects = actual.get("subjects") or []
    missing = [subject for subject in wanted["subjects"] if not _covered(subject, subjects)]
    if missing:
        # The server refuses subjects of a stream that overlap; one within a wider new one stays covered by that.
        update["subjects"] = [*(subject for subject in subjects if not _covered(subject, missing)), *missing]
    for name in _GROWING:
        if _lower(actual.get(name, 0), wanted[name]):
            update[name] = wanted[name]
    for name in ("compression", "allow_direct"):
        update[name] = wanted[name]
    if spec.management == "Observe" or update == actual:
        effective, change = actual, None
    else:
        effective, change = update, update
    fatal = [f"subject {name} is not among its subjects" for name in missing if change is None]
    fatal += [
        _differ(key, effective.get(key, False), value)
        for key, value in _REQUIRED.items()
        if effective.get(key, False) != value
    ]
    return Comparison(update=change, disagreements=[*fatal, *_disagreements(wanted, effective)], fatal=fatal)


def _disagreements(wanted: Mapping[str, Any], effective: Mapping[str, Any]) -> list[str]:
    names = (*_FIXED, *_GROWING, "compression")
    differing = [name for name in names if effective.get(name) != wanted[name]]
    limited = [name for name in _UNLIMITED if effective.get(name, -1) > 0]
    return [
        *(_differ(name, effective.get(name), wanted[name]) for name in differing),
        *(f"{name} is {effective[name]!r}, the specification sets no such limit" for name in limited),
    ]


def _differ(name: str, actual: Any, wanted: Any) -> str:
    return f"{name} is {actual!r}, the specification says {wanted!r}"


def _lower(actual: int, wanted: int) -> bool:
    """Whether a limit is lower than wanted; 0 and -1 mean unlimited."""
    return 0 < actual < wanted


def _covered(subject: str, by: Sequence[str]) -> bool:
    return any(covers(pattern, subject) for pattern in by)


def covers(pattern: str, subject: str) -> bool:
    """Whether every subject that matches ``subject`` (which may hold wildcards) matches ``pattern``."""
    left, right = pattern.split("."), subject.split(".")
    for place, part in enumerate(left):
        if part == ">":
            return len(right) > place
        if place >= len(right) or right[place] == ">" or part not in ("*", right[place]):
            return False
    return len(left) == len(right)
