"""The operator in a namespace of its own, serving that namespace alone: several test on one cluster."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.cluster.images import Images
from tests.cluster.kube import Json
from tests.cluster.place import Place
from tests.harness import ROOT

_CLUSTERED = {"Namespace", "CustomResourceDefinition"}


@dataclass(frozen=True, slots=True)
class Operator:
    """An installed operator."""

    place: Place

    def pod(self) -> Json:
        """Return its pod, the newest."""
        return self.place.pods({"app.kubernetes.io/name": "metdc-operator"})[-1]

    def metrics(self) -> str:
        """Return what it tells Prometheus; empty while it doesn't answer."""
        return self.place.answer(self.pod()["metadata"]["name"], "/metrics") or ""


def install_definition(where: Place) -> None:
    """Apply the resource definitions, and wait until the API server serves them."""
    where.cluster.apply(*where.cluster.kustomize(ROOT / "crds"))
    names = ("crd/exchangecollectors.metdc.io", "crd/listingcaptures.metdc.io")
    where.kubectl("wait", "--for=condition=Established", *names, "--timeout=30s")


@contextlib.contextmanager
def operator(where: Place, images: Images, **installation: Any) -> Iterator[Operator]:
    """Install config/namespaced in a namespace; ``installation`` are fields of its defaults, as in the file."""
    install_definition(where)
    defaults = {"operator": where.name, "image": images.collector, "captures": {"image": images.listings}}
    defaults |= installation
    where.apply(*(_moved(thing, where, images, defaults) for thing in _objects(where)))
    where.rolled_out("metdc-operator")
    yield Operator(where)


def _objects(where: Place) -> list[Json]:
    found = where.cluster.kustomize(ROOT / "config" / "namespaced")
    return [thing for thing in found if thing["kind"] not in _CLUSTERED]


def _moved(thing: Json, where: Place, images: Images, defaults: Mapping[str, Any]) -> Json:
    thing["metadata"]["namespace"] = where.name
    if thing["kind"] == "RoleBinding":
        for subject in thing["subjects"]:
            subject["namespace"] = where.name
    elif thing["kind"] == "ConfigMap":
        thing["data"] = {"installation.yaml": yaml.safe_dump(dict(defaults))}
    elif thing["kind"] == "Deployment":
        (container,) = thing["spec"]["template"]["spec"]["containers"]
        container["image"] = images.operator
        container["args"] = [
            f"--namespaces={where.name}" if word.startswith("--namespaces=") else word for word in container["args"]
        ]
    return thing
