"""The images under test: built into the cluster from the working tree, or named by the environment."""

import os
import subprocess
from dataclasses import dataclass, replace

from tests.cluster.kube import TOOLS, NoCluster
from tests.harness import ROOT, say

BUILD = 900.0
"""Seconds for one image, its base included."""
DOCKERFILES = {
    "collector": ("collector/Dockerfile", "METDC_COLLECTOR_IMAGE"),
    "operator": ("operator/Dockerfile", "METDC_OPERATOR_IMAGE"),
    "listings": ("collector/listings.Dockerfile", "METDC_LISTINGS_IMAGE"),
    "simulator": ("tests/simulator/Dockerfile", "METDC_SIMULATOR_IMAGE"),
}
NATS = "nats:2.12-alpine"


@dataclass(frozen=True, slots=True)
class Images:
    """Names by which pods run them, with imagePullPolicy IfNotPresent."""

    collector: str
    operator: str
    listings: str
    simulator: str


def parts(name: str) -> dict[str, str]:
    """Return an image's name as the chart's values have it."""
    repository, _, tag = name.rpartition(":")
    return {"repository": repository, "tag": tag}


def provide(*, tag: str, before: Images | None = None) -> Images:
    """Return the images that the environment names; build those that it doesn't.

    With others ``before``: of the same sources under other names, which the environment names in ``…_IMAGE_NEXT``. The
    simulator, which nobody upgrades, stays.

    Raises:
        NoCluster: one is to be built, and there is nothing here that brings it into the cluster.
    """
    variables = {image: name for image, (_, name) in DOCKERFILES.items()}
    if before is not None:
        variables = {image: f"{name}_NEXT" for image, name in variables.items() if image != "simulator"}
    named = {image: os.environ.get(variable) for image, variable in variables.items()}
    built = {image: name or _build(image, f"metdc/{image}:{tag}", variables[image]) for image, name in named.items()}
    if before is not None:
        return replace(before, **built)
    if not all(named.values()):
        _image("--base", NATS)
    return Images(**built)


def named(*, tag: str) -> dict[str, str]:
    """Provide the images; return the environment that names them, so that processes of one run don't build them again.

    Raises:
        NoCluster: as :func:`provide`.
    """
    provided = provide(tag=tag)
    return {variable: getattr(provided, image) for image, (_, variable) in DOCKERFILES.items()}


def _build(image: str, name: str, variable: str) -> str:
    file, _ = DOCKERFILES[image]
    if not (TOOLS / "image").is_file():
        raise NoCluster(f"the image of {file} is in the cluster under no known name: set {variable}")
    say(f"building {name}")
    _image("-t", name, "-f", ROOT / file, ROOT)
    return name


def _image(*words: object) -> None:
    command = [str(word) for word in (TOOLS / "image", *words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD, check=False)
    if done.returncode:
        raise NoCluster(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
