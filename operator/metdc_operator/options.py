"""What the operator is told: by flags, else by the environment."""

import argparse
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from metdc_operator.installation import Installation, InvalidInstallation, parse
from metdc_operator.logs import Format

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_LEVELS = ("debug", "info", "warning", "error")


class InvalidOptions(ValueError):
    """The operator cannot do what it is told; the text names the flag."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator is told.

    Attributes:
        namespaces: those that are served; empty for all.
        installation: what resources leave out, and the installation's name.
        listen: host and port of ``/healthz`` and ``/metrics``.
        nodes: whether nodes are watched, so that pods leave cordoned ones before they are evicted.
        lease_namespace: where the Lease is.
        identity: this process among the operators of the installation.
        log_level, log_format: of standard error.
    """

    namespaces: tuple[str, ...] = ()
    installation: Installation = field(default_factory=Installation)
    listen: tuple[str, int] = ("0.0.0.0", 8080)
    nodes: bool = True
    lease_namespace: str = "default"
    identity: str = ""
    log_level: str = "info"
    log_format: Format = "json"


def read(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Return what flags and environment say.

    Raises:
        InvalidOptions: when something of it is wrong.
    """
    given = _parser(environment).parse_args(arguments)
    installation = _installation(given.installation)
    if given.operator:
        installation = replace(installation, operator=given.operator)
    namespaces = tuple(dict.fromkeys(name for name in given.namespaces.replace(",", " ").split()))
    return Options(
        namespaces=namespaces,
        installation=installation,
        listen=_address(given.listen),
        nodes=_boolean(given.nodes),
        lease_namespace=given.lease_namespace or _own_namespace(),
        identity=given.identity or socket.gethostname(),
        log_level=given.log_level,
        log_format=given.log_format or ("text" if sys.stderr.isatty() else "json"),
    )


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m metdc_operator", description="The operator of ExchangeCollectors.")

    def flag(name: str, variable: str, text: str, default: str = "", **more: Sequence[str]) -> None:
        default = environment.get(variable) or default
        parser.add_argument(name, default=default, help=f"{text} [{variable}]", **more)  # type: ignore[arg-type]

    flag("--namespaces", "METDC_NAMESPACES", "namespaces to serve, separated by commas; all by default")
    flag("--installation", "METDC_INSTALLATION", "YAML file with what resources leave out")
    flag("--operator", "METDC_OPERATOR", "name of the installation; what another one has made is left alone")
    flag("--listen", "METDC_LISTEN", "address of /healthz and /metrics", "0.0.0.0:8080")
    flag("--nodes", "METDC_NODES", "whether nodes may be watched, true or false", "true")
    flag("--lease-namespace", "METDC_LEASE_NAMESPACE", "namespace of the Lease; the pod's own by default")
    flag("--identity", "METDC_POD", "name of this operator in the Lease; the host's name by default")
    flag("--log-level", "METDC_LOG_LEVEL", "debug, info, warning or error", "info", choices=_LEVELS)
    flag("--log-format", "METDC_LOG_FORMAT", "json or text", choices=("json", "text"))
    return parser


def _installation(path: str) -> Installation:
    if not path:
        return Installation()
    try:
        return parse(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, InvalidInstallation) as error:
        raise InvalidOptions(f"--installation: {path}: {error}") from None


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InvalidOptions(f"--listen: {text!r} is no address such as 0.0.0.0:8080")
    return host.strip("[]") or "0.0.0.0", int(port)


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise InvalidOptions(f"--nodes: {text!r} is neither true nor false")
    return text == "true"


def _own_namespace() -> str:
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except OSError:
        return "default"
