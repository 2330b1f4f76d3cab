"""What the installation gives to resources that leave it out: chart values in a cluster, or embedded parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

GIBIBYTE = 1024**3


@dataclass(frozen=True, slots=True)
class Installation:
    """Defaults of one installation.

    Attributes:
        operator: identity of the installation; children of another one are left alone.
        nats: ``spec.nats`` of resources that name no NATS of their own: ``urls``, credentials, TLS.
        replicas, max_age, max_bytes, duplicate_window: of streams whose resource says nothing; text and bytes as in
            ``spec.nats.stream``.
        limit_share: the part of each per-address limit that one pod may use.
        image: of the collectors.
        image_pull_policy: of that image.
        resources: of a collector's container.
    """

    operator: str = "metdc"
    nats: Mapping[str, Any] = field(default_factory=dict)
    replicas: int = 1
    max_age: str = "24h"
    max_bytes: int = 8 * GIBIBYTE
    duplicate_window: str = "2m"
    limit_share: Fraction = Fraction(1, 8)
    image: str = "metdc/collector"
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: Sequence[Mapping[str, Any]] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
