"""What the watches have shown, condensed: the state that everything is decided by.

A record replaces an older one of the same object only, so that watches, lists and answers to our own writes may come
in any order.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from metdc_operator import records
from metdc_operator.judgement import Read
from metdc_operator.observation import Trouble
from metdc_operator.plan import Check

Key = tuple[str, str]
"""Namespace and name."""


class Record(Protocol):
    """A condensed object."""

    @property
    def meta(self) -> records.Meta:
        """Its metadata."""
        ...


R = TypeVar("R", bound=Record)


class Shelf(Generic[R]):
    """The objects of one kind, by namespace and name, and by the resource that they belong to."""

    def __init__(self, kind: str, condense: Callable[[Mapping[str, Any]], R]) -> None:
        self.kind = kind
        self.condense = condense
        self._records: dict[Key, R] = {}
        self._of: dict[Key, dict[Key, R]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._records.values()))

    def get(self, key: Key) -> R | None:
        """Return the object of that namespace and name."""
        return self._records.get(key)

    def of(self, parent: Key) -> list[R]:
        """Return the objects of a resource, by name."""
        found = self._of.get(parent, {})
        return [found[key] for key in sorted(found)]

    def put(self, record: R) -> R | None:
        """Keep a record unless a newer one of the object is known; return the one that it replaced, itself if none.

        Null tells that it changed nothing.
        """
        key = (record.meta.namespace, record.meta.name)
        known = self._records.get(key)
        if known is not None and known.meta.version >= record.meta.version:
            return None
        if known is not None:
            self._forget(key, known)
        self._records[key] = record
        self._of.setdefault(record.meta.parent, {})[key] = record
        return known if known is not None else record

    def drop(self, record: R) -> R | None:
        """Forget an object that has gone; return what was known of it, null when a later one has its name."""
        key = (record.meta.namespace, record.meta.name)
        known = self._records.get(key)
        if known is None or (known.meta.uid != record.meta.uid and known.meta.version > record.meta.version):
            return None
        del self._records[key]
        self._forget(key, known)
        return known

    def _forget(self, key: Key, known: R) -> None:
        children = self._of.get(known.meta.parent, {})
        children.pop(key, None)
        if not children:
            self._of.pop(known.meta.parent, None)

    def differences(self, listed: Iterable[R], version: int) -> tuple[list[R], list[R]]:
        """Compare with a list of all objects made at ``version``: what is newer there, and what has gone."""
        there = {(record.meta.namespace, record.meta.name): record for record in listed}
        newer = [
            record
            for key, record in there.items()
            if (known := self._records.get(key)) is None or known.meta.version < record.meta.version
        ]
        gone = [known for key, known in self._records.items() if key not in there and known.meta.version <= version]
        return newer, gone


@dataclass(slots=True)
class Store:
    """Everything that is known, and what was found out about it."""

    collectors: Shelf[records.Collector] = field(default_factory=lambda: Shelf("collectors", records.collector))
    deployments: Shelf[records.Deployment] = field(default_factory=lambda: Shelf("deployments", records.deployment))
    pods: Shelf[records.PodRecord] = field(default_factory=lambda: Shelf("pods", records.pod))
    budgets: Shelf[records.Child] = field(default_factory=lambda: Shelf("budgets", records.child))
    policies: Shelf[records.Child] = field(default_factory=lambda: Shelf("policies", records.child))
    nodes: Shelf[records.Node] = field(default_factory=lambda: Shelf("nodes", records.node))
    reads: dict[str, Read] = field(default_factory=dict)
    missing: dict[str, Trouble] = field(default_factory=dict)
    checks: dict[str, Check] = field(default_factory=dict)
    foreign: dict[tuple[str, Key], str] = field(default_factory=dict)
    left: dict[tuple[Key, str, int], records.PodRecord] = field(default_factory=dict)
    cordoned: dict[str, int] = field(default_factory=dict)

    @property
    def shelves(self) -> tuple[Shelf[Any], ...]:
        """All kinds."""
        return self.collectors, self.deployments, self.pods, self.budgets, self.policies, self.nodes

    def forget(self, uid: str) -> None:
        """Forget what was found out about an object that has gone."""
        for found in (self.reads, self.missing, self.checks):
            found.pop(uid, None)
