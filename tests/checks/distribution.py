"""The built distribution: sdist → wheel → a fresh environment for each extra, each judged by what it can and cannot do.

``python -m tests.checks.distribution`` prints what it does on stderr; exit 0 when everything held, 1 otherwise.
uv makes the environments from the locks, hashes required, in a temporary folder that sees nothing of the working tree.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CEILING = 300  # seconds for any one command

# Run in the fresh environment: `PROBE absent,… package,… left-out-prefix,…`. It prints what is wrong, a line each.
PROBE = """
import importlib, importlib.resources, importlib.util, pkgutil, sys
absent, packages, skipped = (argument.split(",") for argument in sys.argv[1:])
for name in filter(None, absent):
    if importlib.util.find_spec(name):
        print(f"{name} can be imported and must not be there")
for package in filter(None, packages):
    root = importlib.import_module(package)
    for found in pkgutil.walk_packages(root.__path__, package + "."):
        if not any(found.name == name or found.name.startswith(name + ".") for name in filter(None, skipped)):
            try:
                importlib.import_module(found.name)
            except Exception as error:
                print(f"{found.name} cannot be imported: {error!r}")
folder = importlib.resources.files("metdc_operator") / "crds"
files = [entry for entry in folder.iterdir() if entry.name.endswith(".yaml")] if folder.is_dir() else []
if not any("kind: CustomResourceDefinition" in entry.read_text() for entry in files):
    print("no custom resource definition in metdc_operator/crds")
if not importlib.resources.files("metdc_collector").joinpath("py.typed").is_file():
    print("py.typed is missing")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What one extra must bring and must not bring.

    Attributes:
        extra: its name; empty is the bare wheel.
        absent: top-level modules that must not be importable, since an image would pay for them.
        packages: every module below these imports, but for those under ``skipped``.
        commands: (words, exit code, text that stdout or stderr must hold).
    """

    extra: str
    absent: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    commands: tuple[tuple[tuple[str, ...], int, str], ...] = ()


# Without the extra, the command says in a sentence how to get it.
UNEQUIPPED = (("metdc", "--help"), 2, "metdc[cli]")
EXPORT = ("metdc", "export", "--from=2m", "--to=1m", "--format=parquet", "--output=trades.parquet", "--nats")

ENVIRONMENTS = (
    Environment(extra="", absent=("websockets", "nats", "kopf", "click", "yaml"), commands=(UNEQUIPPED,)),
    Environment(
        extra="collector",
        absent=("kopf", "kubernetes", "aiohttp", "click", "rich", "yaml", "jsonschema"),
        packages=("metdc_collector",),
        skipped=("metdc_collector.cli", "metdc_collector.__main__"),
        commands=((("python", "-m", "metdc_collector", "--help"), 0, "--config"), UNEQUIPPED),
    ),
    Environment(
        extra="operator",
        absent=("websockets", "nats", "rich", "jsonschema"),
        packages=("metdc_collector.wire", "metdc_operator"),
        skipped=tuple(f"metdc_operator.{name}" for name in ("cli", "local", "validate", "schema", "cel")),
    ),
    Environment(
        extra="cli",
        absent=("kopf", "kubernetes", "aiohttp", "pyarrow"),
        packages=("metdc_collector", "metdc_operator"),
        skipped=(
            "metdc_collector.__main__",
            *(
                f"metdc_operator.{name}"  # what the operator's pod does over the network
                for name in ("__main__", "app", "captures.loop", "cluster", "lease", "reconcile", "reports", "server")
            ),
        ),
        commands=(
            (("metdc", "--help"), 0, "collect"),
            *(
                (("metdc", name, "--help"), 0, name)
                for name in ("collect", "parse", "trades", "export", "capture", "captures", "symbols", "run")
            ),
            ((*EXPORT, "nats://127.0.0.1:1"), 2, "metdc[parquet]"),
            (("nats-server", "--version"), 0, "nats-server"),
        ),
    ),
    Environment(
        extra="parquet",
        absent=("kopf", "kubernetes", "aiohttp", "polars"),
        packages=("pyarrow.parquet",),
        commands=(((*EXPORT, "nats://127.0.0.1:1"), 1, "cannot be reached"),),
    ),
    Environment(
        extra="listings",
        absent=("kopf", "kubernetes", "aiohttp", "rich", "yaml", "jsonschema"),
        packages=("metdc_collector.captures", "metdc_collector.listings", "pyarrow.parquet"),
        commands=(
            (("metdc", "listings", "--help"), 0, "--recent"),
            (("metdc", "capture", "SOMI", "--at=1m", "--nats=nats://127.0.0.1:1"), 1, "cannot be reached"),
        ),
    ),
)


def run(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return it, whatever its exit code; its output is text."""
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, timeout=CEILING, check=False
    )


def require(*words: str | Path, cwd: Path | None = None) -> None:
    """Run a command that has to succeed.

    Raises:
        RuntimeError: it didn't; the text holds the command and the end of what it said.
    """
    done = run(*words, cwd=cwd)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def build(folder: Path) -> Path:
    """Build an sdist and, from nothing but that, the wheel; return the wheel's path."""
    require(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(environment: Environment, *, wheel: Path, folder: Path) -> Path:
    """Make a fresh virtual environment with the extra's lock and the wheel; return its folder of programs."""
    uv = Path(sys.executable).with_name("uv")
    require(uv, "venv", "--quiet", "--no-config", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    pip = (uv, "pip", "install", "--quiet", "--no-config", "--python", python)
    if environment.extra:
        require(*pip, "--require-hashes", "-r", f"requirements/{environment.extra}.txt")
    require(*pip, "--no-deps", wheel)
    # What the wheel asks for by itself is in the lock, too.
    require(uv, "pip", "check", "--quiet", "--no-config", "--python", python)
    return folder / "bin"


def violations(environment: Environment, *, programs: Path, folder: Path) -> Iterator[str]:
    """Yield what an installed environment can't do, or can do and must not."""
    words = (",".join(part) for part in (environment.absent, environment.packages, environment.skipped))
    probe = run(programs / "python", "-W", "error", "-c", PROBE, *words, cwd=folder)
    yield from probe.stdout.splitlines()
    if probe.returncode:
        yield f"the probe ended with {probe.returncode}: {probe.stderr[-1000:]}"
    for (program, *arguments), code, text in environment.commands:
        done = run(programs / program, *arguments, cwd=folder)
        spoken = " ".join((program, *arguments))
        if done.returncode != code:
            yield f"`{spoken}` ended with {done.returncode} instead of {code}: {done.stderr[-1000:]}"
        elif text not in done.stdout + done.stderr:
            yield f"`{spoken}` says nothing of {text!r}"


def main() -> int:
    """Build once, judge each environment."""
    broken = 0
    with tempfile.TemporaryDirectory(prefix="metdc-dist-") as name:
        folder = Path(name)
        try:
            wheel = build(folder / "dist")
            for environment in ENVIRONMENTS:
                label = f"metdc[{environment.extra}]" if environment.extra else "metdc"
                home = folder / (environment.extra or "bare")
                programs = install(environment, wheel=wheel, folder=home)
                found = list(violations(environment, programs=programs, folder=folder))
                for line in found:
                    print(f"{label}: {line}", file=sys.stderr)
                print(f"{label}: {'broken' if found else 'holds'}", file=sys.stderr)
                broken += len(found)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
