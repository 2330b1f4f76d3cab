"""A ListingCapture as the operator reads it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metdc_collector.wire.durations import parse
from metdc_operator import records, times
from metdc_operator.installation import Installation
from metdc_operator.records import Meta, Raw

KIND = "ListingCapture"


@dataclass(frozen=True, slots=True)
class Capture:
    """A ListingCapture; ``spec`` has passed the schema, which filled its defaults. Times and spans are ns."""

    meta: Meta
    spec: Mapping[str, Any]
    status: Raw = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.meta.namespace, self.meta.name

    @property
    def at(self) -> int:
        """The moment of the announcement: ``spec.at``, else when the resource was created."""
        return times.parse(self.spec["at"]) if "at" in self.spec else self.meta.created

    @property
    def start(self) -> int:
        """Where the window begins."""
        return self.at - parse(self.spec["before"])

    @property
    def end(self) -> int:
        """Where the window ends."""
        return self.at + parse(self.spec["after"])

    @property
    def over(self) -> bool:
        """Whether nothing will change any more: the result is final, or there will be none."""
        return self.status.get("phase") == "Failed" or self.status.get("completeness") == "Final"


def capture(raw: Raw) -> Capture:
    """Read a ListingCapture."""
    return Capture(records.meta(raw), raw["spec"], raw.get("status") or {})


def nats(found: Capture, installation: Installation) -> dict[str, Any]:
    """Return the capture's NATS; without addresses of its own, the installation's with what the capture adds."""
    own = dict(found.spec.get("nats", {}))
    return own if "urls" in own else {**(installation.captures.nats or installation.nats), **own}
