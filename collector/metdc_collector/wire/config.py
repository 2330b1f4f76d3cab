"""A pod's configuration: the JSON that rides in the annotation ``metdc.io/config`` of its own template.

::

    {"version":1,"namespace":"default","name":"binance","uid":"8a1f…","market":"spot","shard":0,"shards":1,
     "pod":"binance-spot-0-7c9d-x2x4k","slot":"2026-11-23T10:00:00Z","limitShare":"1/8","spec":{…}}

``spec`` is the ExchangeCollector's, defaults filled and the installation's parts merged in. ``pod`` may be absent: in a
cluster the pod's name is not known before it exists and comes from the environment.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from metdc_collector.wire.errors import InvalidMessage

VERSION = 1
_SHARE = re.compile(r"[0-9]{1,9}(/[0-9]{1,9}|\.[0-9]{1,9})?", re.ASCII)
_TEXTS = ("namespace", "name", "uid", "market", "slot")

DEFAULT_SHARE = Fraction(1, 8)
"""Of each per-address limit, for a process that is told no other share."""


@dataclass(frozen=True, slots=True)
class PodConfig:
    """What one collector process is to do.

    Attributes:
        namespace, name, uid: of the ExchangeCollector.
        market: ``spot`` or ``futures``.
        shard, shards: which part of the market's instruments, of how many.
        slot: start of the rotation slot that this process belongs to, RFC 3339.
        limit_share: the part of each per-address limit that this process may use, above 0, at most 1.
        spec: the resource's ``spec``.
        pod: the pod's name; empty where it comes from the environment.
    """

    namespace: str
    name: str
    uid: str
    market: str
    slot: str
    shard: int = 0
    shards: int = 1
    limit_share: Fraction = DEFAULT_SHARE
    spec: dict[str, Any] = field(default_factory=dict)
    pod: str = ""

    @property
    def exchange(self) -> str:
        """The venue, ``spec.exchange``."""
        return str(self.spec["exchange"])


def encode(config: PodConfig) -> str:
    """Return the configuration as JSON text; equal configurations give equal text."""
    record = {
        "version": VERSION,
        "namespace": config.namespace,
        "name": config.name,
        "uid": config.uid,
        "market": config.market,
        "shard": config.shard,
        "shards": config.shards,
        "slot": config.slot,
        "limitShare": str(config.limit_share),
        "spec": config.spec,
    }
    if config.pod:
        record["pod"] = config.pod
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def decode(text: str | bytes) -> PodConfig:
    """Read a configuration.

    Raises:
        InvalidMessage: naming the field that is missing, unknown or wrong.
    """
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"pod configuration: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InvalidMessage("pod configuration: not a JSON object")
    if type(record.get("version")) is not int or record["version"] != VERSION:
        raise InvalidMessage(f"pod configuration: version: {record.get('version')!r} is not {VERSION}")
    known = {*_TEXTS, "version", "shard", "shards", "limitShare", "spec", "pod"}
    if unknown := sorted(record.keys() - known):
        raise InvalidMessage(f"pod configuration: {unknown[0]}: no such field")
    for name in _TEXTS:
        if not isinstance(record.get(name), str) or not record[name]:
            raise InvalidMessage(f"pod configuration: {name}: must be a text that is not empty")
    shard, shards = _integer(record, "shard", 0), _integer(record, "shards", 1)
    if shard >= shards:
        raise InvalidMessage(f"pod configuration: shard: {shard} is not below shards, {shards}")
    if not isinstance(record.get("pod", ""), str):
        raise InvalidMessage("pod configuration: pod: must be a text")
    return PodConfig(
        **{name: record[name] for name in _TEXTS},
        shard=shard,
        shards=shards,
        limit_share=_share(record.get("limitShare", str(DEFAULT_SHARE))),
        spec=_spec(record.get("spec")),
        pod=record.get("pod", ""),
    )


def _integer(record: dict[str, Any], name: str, least: int) -> int:
    value = record.get(name, least)
    if type(value) is not int or value < least:
        raise InvalidMessage(f"pod configuration: {name}: must be an integer of at least {least}")
    return value


def _share(text: object) -> Fraction:
    share = Fraction(0)
    if _SHARE.fullmatch(str(text)):  # bounded: Fraction("1e-999999999") would compute for ever
        with suppress(ZeroDivisionError):
            share = Fraction(str(text))
    if not 0 < share <= 1:
        raise InvalidMessage(f"pod configuration: limitShare: {text!r} is not a fraction above 0 and at most 1")
    return share


def _spec(spec: object) -> dict[str, Any]:
    if not isinstance(spec, dict):
        raise InvalidMessage("pod configuration: spec: must be an object")
    if not isinstance(spec.get("exchange"), str):
        raise InvalidMessage("pod configuration: spec.exchange: must be the name of an exchange")
    return spec
