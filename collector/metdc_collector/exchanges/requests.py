"""The requests of one connection that await their answer, and the subscriptions that came of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from metdc_collector.exchanges.base import Kind, Parsed, Refusal


class Request(NamedTuple):
    """What was asked: to subscribe to these instruments, or to end it."""

    subscribe: bool
    names: tuple[str, ...]


@dataclass(slots=True)
class Requests:
    """Numbers requests from 1 and matches answers to them.

    Attributes:
        subscriptions: instruments asked for and neither refused nor given up since.
    """

    subscriptions: set[str] = field(default_factory=set)
    _open: dict[int, Request] = field(default_factory=dict)
    _last: int = 0

    def subscribe(self, names: Sequence[str]) -> int:
        """Note a request to subscribe; return its number."""
        self.subscriptions.update(names)
        return self._note(Request(subscribe=True, names=tuple(names)))

    def unsubscribe(self, names: Sequence[str]) -> int:
        """Note a request to end subscriptions; return its number."""
        self.subscriptions.difference_update(names)
        return self._note(Request(subscribe=False, names=tuple(names)))

    def accepted(self, number: object) -> Parsed:
        """Return what a success with this number means; one that nobody awaits means nothing."""
        request = self._take(number)
        acknowledged = request.names if request is not None and request.subscribe else ()
        return Parsed(Kind.CONTROL, acknowledged=acknowledged)

    def rejected(self, number: object, reason: str) -> Parsed:
        """Return what an error with this number means.

        An error without a number belongs to the one request that is open; with several open it could be any, so none
        is blamed: the one that stays unanswered will run into its time-out.
        """
        if number is None and len(self._open) == 1:
            number = next(iter(self._open))
        request = self._take(number)
        if request is None or not request.subscribe:
            return Parsed(Kind.CONTROL, reason=reason)
        self.subscriptions.difference_update(request.names)
        refused = [Refusal(name, reason) for name in request.names]
        return Parsed(Kind.CONTROL, refused=refused, reason=reason)

    def _note(self, request: Request) -> int:
        self._last += 1
        self._open[self._last] = request
        return self._last

    def _take(self, number: object) -> Request | None:
        return self._open.pop(number, None) if type(number) is int else None


def batches(names: Sequence[str], size: int) -> list[Sequence[str]]:
    """Return the names in runs of at most ``size``, in their order: as many as one request may name."""
    return [names[start : start + size] for start in range(0, len(names), size)]
