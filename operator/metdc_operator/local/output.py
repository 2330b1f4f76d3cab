"""What a run says: one JSON object a line for programs, lines for logs, a live table for a person."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TextIO

from metdc_collector.wire.report import Handover
from metdc_operator.handover import handover_message
from metdc_operator.observation import Rotation
from metdc_operator.status import turned

Status = Mapping[str, Any]


class Output(Protocol):
    """Hears of a run."""

    def shown(self) -> AbstractContextManager[object]:
        """What is open while the run goes on."""
        ...

    def line(self, text: str) -> None:
        """A word in between: what a process says, or where the server is."""
        ...

    def ready(self) -> None:
        """Every market carries its data, for the first time."""
        ...

    def rotated(self, resource: str, exchange: str, market: str, rotation: Rotation) -> None:
        """A process has been replaced."""
        ...

    def status(self, resource: str, status: Status, before: Status) -> None:
        """A resource's status as it would be written in a cluster, and the one before."""
        ...

    def turn(self, statuses: Mapping[str, Status]) -> None:
        """Every status as of now."""
        ...

    def stopped(self, codes: Sequence[int]) -> None:
        """Every process has ended, with these exit codes."""
        ...


class _Lines:
    """Writes lines; what is said in between goes to standard error."""

    def __init__(self, stream: TextIO | None = None, errors: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._errors = errors or sys.stderr

    def shown(self) -> AbstractContextManager[object]:
        return nullcontext()

    def line(self, text: str) -> None:
        print(text, file=self._errors, flush=True)

    def turn(self, statuses: Mapping[str, Status]) -> None:
        """Lines tell changes, not moments."""

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Json(_Lines):
    """One JSON object a line on standard output."""

    def _event(self, event: str, **record: Any) -> None:
        self._print(json.dumps({"event": event} | record, ensure_ascii=False))

    def ready(self) -> None:
        """``{"event":"ready"}``."""
        self._event("ready")

    def rotated(self, resource: str, exchange: str, market: str, rotation: Rotation) -> None:
        """``{"event":"rotated",…}``, with what the new process has proven; nothing of that where it has not told."""
        self._event(
            "rotated",
            resource=resource,
            exchange=exchange,
            market=market,
            **_proof(rotation.handover),
        )

    def status(self, resource: str, status: Status, before: Status) -> None:
        """``{"event":"status",…}`` with the status as the resource definition describes it."""
        self._event("status", resource=resource, status=status)

    def stopped(self, codes: Sequence[int]) -> None:
        """``{"event":"stopped","exitCodes":[…]}``."""
        self._event("stopped", exitCodes=list(codes))


class Plain(_Lines):
    """A line for each change, for a log."""

    def ready(self) -> None:
        """Say so."""
        self._print("ready: every market carries its data")

    def rotated(self, resource: str, exchange: str, market: str, rotation: Rotation) -> None:
        """Say which, and how it went."""
        self._print(f"{resource} {handover_message(market, rotation)}")

    def status(self, resource: str, status: Status, before: Status) -> None:
        """Say which conditions have turned, and what flows."""
        kinds = turned(before, status)
        for each in status["conditions"]:
            if each["type"] in kinds:
                self._print(f"{resource} {each['type']}: {each['status']} ({each['reason']}) {each['message']}")
        totals = status["totals"]
        if "symbols" in totals:
            symbols, rate, backlog = totals["symbols"], totals["tradesPerSecond"], totals["backlogTrades"]
            self._print(f"{resource}: {symbols} instruments, {rate} trades/s, backlog {backlog}")

    def stopped(self, codes: Sequence[int]) -> None:
        """Say whether all was delivered."""
        self._print(ending(codes))


def _proof(handover: Handover | None) -> dict[str, Any]:
    if handover is None:
        return {}
    return {
        "overlapSeconds": round(handover.overlap / 10**9, 3),
        "symbols": handover.symbols,
        "provenById": handover.by_id,
        "provenByRows": handover.by_rows,
        "provenBySubscription": handover.by_subscription,
        "provenByREST": handover.by_rest,
        "backfilled": handover.backfilled,
        "unfilled": handover.unfilled,
        "lost": handover.lost,
        "duplicates": handover.duplicates,
    }


def ending(codes: Sequence[int]) -> str:
    """Return the end of a run in words."""
    if not any(codes):
        return "stopped: every accepted trade is acknowledged"
    return f"stopped; not every collector delivered what it had accepted (exit codes {', '.join(map(str, codes))})"


def choose(kind: str) -> Output:
    """Return the output of a format: ``json``, ``plain`` or ``table``."""
    if kind == "table":
        from metdc_operator.local.table import Table

        return Table()
    formats: Mapping[str, Callable[[], Output]] = {"json": Json, "plain": Plain}
    return formats[kind]()
