"""One edit of each field of a resource's spec, and what the field's description says that happens then."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.specs.definition import fields, root

Spec = dict[str, Any]
KWOK = {"key": "kwok.x-k8s.io/node", "operator": "Exists"}
BASE: Spec = {
    "exchange": "binance",
    "markets": [{"name": "spot"}],
    "nodeSelector": {"type": "kwok"},
    "tolerations": [KWOK],
    # The schedule rests, so that nothing but the edit replaces a pod; the short interval gives room for all at once.
    "rotation": {"interval": "1m", "overlap": "1s", "suspend": True},
}


@dataclass(frozen=True, slots=True)
class Edit:
    """Fields of a spec beside those of :data:`BASE`, before and after."""

    before: Spec
    after: Spec

    @property
    def path(self) -> str:
        """The one field of the definition that the edit changes."""
        found = changed(BASE | self.before, BASE | self.after)
        assert len(found) == 1, f"{self.before} and {self.after} differ in {sorted(found)}"
        return found.pop()


def leaves() -> set[str]:
    """Every field of the spec that holds a value of its own."""
    every = {path: schema for path, schema in fields(root()) if path.startswith("spec.")}
    parents = ("properties", "items", "additionalProperties")
    return {path for path, schema in every.items() if not any(name in schema for name in parents)}


def changed(before: Spec, after: Spec) -> set[str]:
    """The fields of the definition, by their leaves, in which two specs differ."""
    one, other = dict(_values({"spec": before})), dict(_values({"spec": after}))
    differing = {place for place in one.keys() | other.keys() if one.get(place) != other.get(place)}
    known = leaves()
    return {next(leaf for leaf in known if _is_below(path, leaf)) for path, _ in differing}


def _is_below(path: str, leaf: str) -> bool:
    return path == leaf or path.startswith((f"{leaf}.", f"{leaf}["))


def _values(value: object, path: str = "", place: str = "") -> Iterator[tuple[tuple[str, str], object]]:
    """Each value with the field of the definition that it belongs to, and its own place."""
    if isinstance(value, Mapping):
        mapped = any(known == f"{path}{{}}" for known in leaves())
        for name, each in value.items():
            yield from _values(each, f"{path}{{}}" if mapped else f"{path}.{name}".removeprefix("."), f"{place}.{name}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, each in enumerate(value):
            yield from _values(each, f"{path}[]", f"{place}.{index}")
    else:
        yield (path, place), value


def _of(path: str, before: object, after: object) -> Edit:
    """An edit of ``a.b``; a before of None leaves the field out."""

    def wrapped(value: object) -> Spec:
        if value is None:
            return {}
        for name in reversed(path.split(".")):
            value = {name: value}
        assert isinstance(value, dict)
        return value

    return Edit(wrapped(before), wrapped(after))


def _in_market(before: Spec, after: Spec) -> Edit:
    def market(more: Spec) -> Spec:
        return {"markets": [{"name": "spot"} | more]}

    return Edit(market(before), market(after))


_SYMBOLS: list[tuple[Spec, Spec]] = [
    ({"quotes": ["USDT"]}, {"quotes": ["USDT", "USDC"]}),
    ({"include": ["BTC"]}, {"include": ["BTC", "ETH"]}),
    ({"exclude": ["BTC"]}, {"exclude": ["ETH"]}),
    ({"upbitKRW": "Ignore"}, {"upbitKRW": "Include"}),
]
_RESOURCES: list[tuple[Spec, Spec]] = [
    ({"requests": {"cpu": "10m"}}, {"requests": {"cpu": "20m"}}),
    ({"limits": {"memory": "256Mi"}}, {"limits": {"memory": "512Mi"}}),
]
_ENDPOINTS: list[tuple[Spec, Spec]] = [
    ({"rest": "https://a.example.com"}, {"rest": "https://b.example.com"}),
    ({"webSocket": "wss://a.example.com"}, {"webSocket": "wss://b.example.com"}),
]
_SPREAD: Spec = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
_HARD = _SPREAD | {"whenUnsatisfiable": "DoNotSchedule"}
_TAINT: Spec = {"key": "team", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 10}


def _matching(**expression: Any) -> Spec:
    return _SPREAD | {
        "labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]} | expression]}
    }


def _nats() -> Iterator[Edit]:
    yield _of("nats.urls", ["nats://a:4222"], ["nats://b:4222"])
    yield _of("nats.credentialsSecretRef.name", "a", "b")
    yield _of("nats.tls.caSecretRef", {"name": "a"}, {"name": "b"})
    yield _of("nats.tls.caSecretRef", {"name": "a", "key": "a"}, {"name": "a", "key": "b"})
    yield _of("nats.tls.certSecretRef.name", "a", "b")
    yield _of("nats.tls.handshakeFirst", before=False, after=True)
    for name, before, after in (
        ("name", "A", "B"),
        ("management", "Ensure", "Observe"),
        ("replicas", 1, 3),
        ("maxAge", "24h", "12h"),
        ("maxBytes", "1Gi", "2Gi"),
        ("duplicateWindow", "2m", "3m"),
    ):
        yield _of(f"nats.stream.{name}", before, after)
    yield _of("nats.inboxPrefix", "a", "b")
    yield _of("nats.jetStreamDomain", "a", "b")


def _placing() -> Iterator[Edit]:
    yield Edit({}, {"nodeSelector": {"type": "kwok", "kubernetes.io/os": "linux"}})
    for before, after in (
        ({"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}),
        ({"key": "a", "operator": "Equal"}, {"key": "a", "operator": "Exists"}),
        ({"key": "a", "value": "a"}, {"key": "a", "value": "b"}),
        ({"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "PreferNoSchedule"}),
        (_TAINT, _TAINT | {"tolerationSeconds": 20}),
    ):
        yield Edit({"tolerations": [KWOK, before]}, {"tolerations": [KWOK, after]})
    preferred = {"weight": 1, "preference": {"matchExpressions": [{"key": "type", "operator": "Exists"}]}}
    node = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}}
    yield _of("affinity", None, node)
    for before, after in (
        (_SPREAD, _SPREAD | {"maxSkew": 2}),
        (_SPREAD, _SPREAD | {"topologyKey": "type"}),
        (_SPREAD, _HARD),
        (_HARD | {"minDomains": 1}, _HARD | {"minDomains": 2}),
        (_SPREAD | {"nodeAffinityPolicy": "Honor"}, _SPREAD | {"nodeAffinityPolicy": "Ignore"}),
        (_SPREAD | {"nodeTaintsPolicy": "Honor"}, _SPREAD | {"nodeTaintsPolicy": "Ignore"}),
        (
            _SPREAD | {"labelSelector": {"matchLabels": {"a": "1"}}},
            _SPREAD | {"labelSelector": {"matchLabels": {"a": "2"}}},
        ),
        (_matching(), _matching(key="b")),
        (_matching(), _matching(operator="NotIn")),
        (_matching(), _matching(values=["2"])),
    ):
        yield Edit({"topologySpreadConstraints": [before]}, {"topologySpreadConstraints": [after]})
    yield _of("priorityClassName", None, "system-cluster-critical")


def _container() -> Iterator[Edit]:
    yield _of("image", "metdc/collector:dev", "metdc/collector:other")
    yield _of("imagePullPolicy", "IfNotPresent", "Always")
    yield _of("imagePullSecrets", [{"name": "a"}], [{"name": "b"}])
    yield _of("podLabels", {"team": "a"}, {"team": "b"})
    yield _of("podAnnotations", {"team": "a"}, {"team": "b"})
    yield _of("env", [{"name": "A", "value": "1"}], [{"name": "B", "value": "1"}])
    yield _of("env", [{"name": "A", "value": "1"}], [{"name": "A", "value": "2"}])
    for kind in ("secretKeyRef", "configMapKeyRef"):
        for more in ({"name": "b"}, {"key": "b"}, {"optional": False}):
            reference: Spec = {"name": "a", "key": "a", "optional": True}
            before, after = (
                {"name": "A", "valueFrom": {kind: reference}},
                {"name": "A", "valueFrom": {kind: reference | more}},
            )
            yield _of("env", [before], [after])
    fields_of_pod = ("status.hostIP", "status.podIP")
    yield _of("env", *([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}] for path in fields_of_pod))
    for kind in ("configMapRef", "secretRef"):
        yield _of(f"extraCA.{kind}", {"name": "a", "key": "a"}, {"name": "b", "key": "a"})
        yield _of(f"extraCA.{kind}", {"name": "a", "key": "a"}, {"name": "a", "key": "b"})
    yield _of("exchangeCredentialsSecretRef.name", "a", "b")
    yield _of("spool.maxBytes", "1Gi", "2Gi")


def replacing() -> list[Edit]:
    """Edits that replace the pod, with overlap."""
    found = [*_nats(), *_placing(), *_container()]
    for name, pairs in (("symbols", _SYMBOLS), ("resources", _RESOURCES), ("endpoints", _ENDPOINTS)):
        found += [_of(name, before, after) for before, after in pairs]
        found += [_in_market({name: before}, {name: after}) for before, after in pairs]
    return found


def _rotation(**more: Any) -> Spec:
    return {"rotation": BASE["rotation"] | more}


KEEPING = {
    "interval": Edit(_rotation(interval="24h", suspend=False), _rotation(interval="48h", suspend=False)),
    "overlap": Edit(_rotation(interval="24h"), _rotation(interval="24h", overlap="2s")),
    "suspend": Edit(_rotation(interval="24h"), _rotation(interval="24h", suspend=False)),
}
"""Edits of the rotation: they hold from then on, and replace no pod."""
REDUNDANCY = Edit({}, {"redundancy": 2})
ELSEWHERE = {
    "spec.exchange": "immutable, test_specs",
    "spec.markets[].name": "made and removed, test_objects",
    "spec.markets[].shards": "grown and shrunk, test_rotation",
    "spec.suspend": "ends the pods, test_objects",
}
"""Fields whose edits are tested in other modules."""
