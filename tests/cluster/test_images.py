"""What the images hold, and how they run: any uid, read-only root, nothing compiled at the start."""

import json

import pytest

from tests.checks.distribution import ENVIRONMENTS
from tests.cluster.conftest import NewPlace
from tests.cluster.images import Images
from tests.cluster.place import Place

MEBIBYTE = 1024**2
ABSENT = {environment.extra: environment.absent for environment in ENVIRONMENTS}
SIZE = """
import os
print(sum(os.lstat(os.path.join(folder, name)).st_size for folder, _, names in os.walk("/opt/metdc") for name in names))
"""
COMPILED = """
import importlib, json, os, sys
importlib.import_module("{module}")
caches = {{name: module.__spec__.cached for name, module in sys.modules.items() if getattr(module, "__spec__", None)}}
print(json.dumps(sorted(name for name, cache in caches.items() if cache and not os.path.exists(cache))))
"""
FOUND = """
import importlib.util, json
print(json.dumps([name for name in {names!r} if importlib.util.find_spec(name)]))
"""
READ_ONLY = """
import os, sys, tempfile
def refused(path):
    try:
        open(path, "w")
    except OSError as error:
        return error.strerror
print(os.getuid(), refused("/opt/metdc/lib/new"), refused("/tmp/new"))
"""


@pytest.fixture(scope="module")
def where(new_place: NewPlace) -> Place:
    return new_place("images")


@pytest.mark.parametrize(("extra", "most"), [("collector", 90), ("operator", 200), ("listings", 260)])
def test_an_image_is_small_on_top_of_its_base(where: Place, images: Images, extra: str, most: int) -> None:
    size = int(where.python(getattr(images, extra), SIZE, name=f"size-{extra}"))
    assert size < most * MEBIBYTE, f"{size / MEBIBYTE:.0f} MiB"


@pytest.mark.parametrize("extra", ["collector", "operator", "listings"])
def test_an_image_holds_nothing_that_the_other_one_needs(where: Place, images: Images, extra: str) -> None:
    code = FOUND.format(names=ABSENT[extra])
    assert json.loads(where.python(getattr(images, extra), code, name=f"absent-{extra}")) == []


@pytest.mark.parametrize(
    ("image", "module"),
    [
        ("collector", "metdc_collector.__main__"),
        ("operator", "metdc_operator.__main__"),
        ("listings", "metdc_collector.cli.capture_command"),
        ("simulator", "tests.simulator.__main__"),
    ],
)
def test_an_image_compiles_nothing_at_its_start(where: Place, images: Images, image: str, module: str) -> None:
    code = COMPILED.format(module=module)
    assert json.loads(where.python(getattr(images, image), code, name=f"compiled-{image}")) == []


@pytest.mark.parametrize("uid", [12345, 1_000_680_000])
def test_a_collector_runs_as_any_user_on_a_read_only_root(where: Place, images: Images, uid: int) -> None:
    said = where.python(images.collector, READ_ONLY, name=f"uid-{uid}", uid=uid)
    assert said.split(maxsplit=1)[0] == str(uid)
    assert said.count("Read-only file system") == 2
