"""An ExchangeCollector as the rest of the operator reads it: its identity, and its spec with the schema's defaults."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from metdc_collector.wire.durations import parse
from metdc_operator.times import parse as parse_time

API_VERSION = "metdc.io/v1alpha1"
KIND = "ExchangeCollector"
ROTATE_AFTER = "metdc.io/rotate-after"


@dataclass(frozen=True, slots=True)
class Part:
    """One market's shard: what one Deployment carries."""

    market: str
    shard: int
    shards: int


@dataclass(frozen=True, slots=True)
class Resource:
    """One ExchangeCollector; ``spec`` has passed the schema, which filled its defaults."""

    namespace: str
    name: str
    uid: str
    spec: Mapping[str, Any]
    generation: int = 1
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"

    @property
    def exchange(self) -> str:
        """The exchange, ``spec.exchange``."""
        return str(self.spec["exchange"])

    @property
    def interval(self) -> int:
        """``spec.rotation.interval`` in ns."""
        return parse(self.spec["rotation"]["interval"])

    @property
    def overlap(self) -> int:
        """``spec.rotation.overlap`` in ns."""
        return parse(self.spec["rotation"]["overlap"])

    @property
    def rotate_after(self) -> int | None:
        """The order to rotate in the annotation ``metdc.io/rotate-after``, ns; null without one that can be read."""
        try:
            return parse_time(self.annotations[ROTATE_AFTER])
        except (KeyError, ValueError):
            return None

    def parts(self) -> Iterator[Part]:
        """Every market's shards, in the order of the spec."""
        for market in self.spec["markets"]:
            for shard in range(market["shards"]):
                yield Part(market["name"], shard, market["shards"])

    def identity(self, part: Part) -> str:
        """What the part's phase follows from: stable over re-creation of the resource."""
        return f"{self.key}/{part.market}/{part.shard}"

    def market(self, name: str) -> Mapping[str, Any]:
        """The market's entry in ``spec.markets``."""
        entry: Mapping[str, Any] = next(each for each in self.spec["markets"] if each["name"] == name)
        return entry
