"""``metdc run``: ExchangeCollector resources on one machine, as a cluster would run them."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import click

from metdc_operator.local.engine import CREDENTIALS, EXCHANGE_CREDENTIALS, Engine, Options
from metdc_operator.local.output import Output, choose
from metdc_operator.local.server import ServerFailed
from metdc_operator.local.support import refused, without_effect
from metdc_operator.local.timers import InvalidTimers, Timers
from metdc_operator.problem import InvalidManifest, Problem
from metdc_operator.resource import Resource
from metdc_operator.validate import load

_INVALID = 2
_SCHEMES = ("nats://", "tls://")

HELP = """Run ExchangeCollector resources on this machine, as a cluster would.

The same files that `kubectl apply` takes, judged by the same resource definition. Each market is a process of its own
that streams its trades into NATS JetStream; it is replaced every rotation interval by a successor that carries the data
before the old one stops. Where a resource names no NATS, a nats-server comes along and keeps the trades on this
machine's disk, for 24 hours.

\b
Examples:
  metdc run -f config/samples/binance.yaml         Binance, spot and futures, NATS included
  metdc run -f config/samples/all.yaml --nats nats://nats.example.com:4222
  metdc run -f a.yaml -f b.yaml --format json      one JSON object a line, for programs

\b
Ctrl-C stops: the collectors deliver what they have accepted, up to 60 s; pressed three times, that is given up.
Exit codes: 0 everything was delivered, 1 not, 2 a file or an option is wrong.
"""


class _ToLine(logging.Handler):
    """Log records of the run itself, beside what its processes say."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.line(self.format(record))


@click.command(name="run", help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "files",
    "-f",
    "--filename",
    multiple=True,
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A file with resources (YAML or JSON, several in one are fine); may be given again.",
)
@click.option("--nats", metavar="URL", help="NATS for the resources that name none, in place of the embedded server.")
@click.option(
    "--nats-port",
    metavar="PORT",
    type=click.IntRange(1, 65535),
    help="Port of the embedded server on 127.0.0.1; any free one unless given.",
)
@click.option(
    "--data",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the embedded server keeps trades (default: metdc/nats below $XDG_STATE_HOME or ~/.local/state).",
)
@click.option(
    "--credentials",
    metavar="FOLDER",
    envvar=CREDENTIALS,
    show_envvar=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="What a Secret holds in a cluster, as files: user.creds, nkey.seed, token, username, password, ca.crt, "
    "tls.crt, tls.key.",
)
@click.option(
    "--exchange-credentials",
    metavar="FOLDER",
    envvar=EXCHANGE_CREDENTIALS,
    show_envvar=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="What exchangeCredentialsSecretRef names in a cluster, as files: apiKey. For the resources that have one.",
)
@click.option(
    "kind",
    "--format",
    type=click.Choice(["table", "plain", "json"]),
    help="A live table, lines, or a JSON object a line (default: table on a terminal, else plain).",
)
@click.option("-v", "--verbose", is_flag=True, help="Show also what the processes say by the way.")
def run(
    *,
    files: tuple[Path, ...],
    nats: str | None,
    nats_port: int | None,
    data: Path | None,
    credentials: Path | None,
    exchange_credentials: Path | None,
    kind: str | None,
    verbose: bool,
) -> int:
    """Run resources until a signal."""
    if nats is not None and not nats.startswith(_SCHEMES):
        raise click.BadParameter(f"{nats!r} must begin with {' or '.join(_SCHEMES)}", param_hint="--nats")
    try:
        resources = _resources(files, credentials, exchange_credentials)
        timers = Timers.of(os.environ)
    except (InvalidManifest, InvalidTimers) as error:
        click.echo(str(error), err=True)
        return _INVALID
    output = choose(kind or ("table" if sys.stdout.isatty() else "plain"))
    logging.basicConfig(level=logging.WARNING, handlers=[_ToLine(output)], format="%(message)s", force=True)
    options = Options(
        environment=os.environ,
        nats=nats,
        nats_port=nats_port,
        data=data,
        credentials=credentials,
        exchange_credentials=exchange_credentials,
        timers=timers,
        verbose=verbose,
    )
    with output.shown():
        for resource in resources:
            if fields := without_effect(resource):
                output.line(f"{resource.key}: no effect without a cluster: {', '.join(fields)}")
        try:
            return asyncio.run(_run(Engine(resources, options, output)))
        except ServerFailed as error:
            output.line(str(error))
            return 1


def _resources(files: tuple[Path, ...], credentials: Path | None, exchange_credentials: Path | None) -> list[Resource]:
    """Read the files; refuse what can't be done."""
    resources = load(files)
    problems: list[Problem] = []
    for resource in resources:
        problems += refused(
            resource,
            credentials=credentials is not None,
            exchange_credentials=exchange_credentials is not None,
        )
    if problems:
        raise InvalidManifest(problems)
    return resources


async def _run(engine: Engine) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, engine.stop)
    return await engine.run()
