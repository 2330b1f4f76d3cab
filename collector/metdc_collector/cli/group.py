"""The command ``metdc`` and the table of its commands, each imported only when it runs.

``metdc --help`` so takes no longer than click itself. Errors are one line with the remedy.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import click


class Entry(NamedTuple):
    """Where a command is (``module:attribute``), and its purpose in one line."""

    where: str
    purpose: str


COMMANDS: Mapping[str, Entry] = {
    "run": Entry("metdc_operator.cli:run", "Run ExchangeCollector resources on this machine, as a cluster would."),
    "collect": Entry(
        "metdc_collector.cli.collect_command:collect", "Stream one market's trades into NATS JetStream, exactly once."
    ),
    "trades": Entry("metdc_collector.cli.trades_command:trades", "Show stored trades, live or from a time on."),
    "export": Entry(
        "metdc_collector.cli.export_command:export", "Write the stored trades of a span of time to a file, in order."
    ),
    "gaps": Entry(
        "metdc_collector.cli.gaps_command:gaps_command", "Show what could not be streamed, and what became of it."
    ),
    "listings": Entry(
        "metdc_collector.cli.listings_command:listings", "Watch Upbit for new listings in KRW, and publish each once."
    ),
    "capture": Entry(
        "metdc_collector.cli.capture_command:capture",
        "Capture a coin's trades around a moment on all markets, and analyse them.",
    ),
    "captures": Entry("metdc_collector.cli.captures_command:captures", "List, fetch and show what was captured."),
    "symbols": Entry(
        "metdc_collector.cli.symbols_command:symbols", "Show what would be subscribed, and why not the rest."
    ),
    "record": Entry("metdc_collector.cli.record_command:record", "Write an exchange's raw frames to a file."),
    "verify": Entry(
        "metdc_collector.cli.verify_command:verify", "Compare what we assume of the exchanges with what they do."
    ),
    "parse": Entry("metdc_collector.cli.parse_command:parse", "Turn an exchange's recorded frames into trades."),
}
"""The commands, in the order in which a person meets them."""

EPILOG = """\b
Try it:
  metdc run -f config/samples/binance.yaml      everything on one machine, NATS included
  metdc symbols binance spot                    what would be collected
  metdc trades --base BTC                       one coin, all exchanges, live

\b
Exit codes, unless a command says otherwise:
  0  done     1  failed, and the last line says why     2  bad usage
"""


class Metdc(click.Group):
    """A group that finds its commands in :data:`COMMANDS` and prints each error as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; null when there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.where.partition(":")
        try:
            command: click.Command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            raise click.UsageError(
                f"{cmd_name} needs {error.name}, which this installation lacks: pip install 'metdc[cli]'"
            ) from None
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name, or say which there are."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"unknown command {args[0]!r}; there are: {', '.join(COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader of its output that has had enough ends it in silence, as done."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered would fail once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.purpose) for name, entry in COMMANDS.items()])

    def main(  # type: ignore[override]  # click overloads it by standalone_mode
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run the command line; as a program it ends the process with the command's exit code."""
        if not extra.pop("standalone_mode", True):
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            click.echo(_one_line(error), err=True)
            sys.exit(error.exit_code)
        except click.exceptions.Abort:
            sys.exit(130)
        sys.exit(code if isinstance(code, int) else 0)


def _one_line(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{error.ctx.command_path}: {text} (help: {error.ctx.command_path} --help)"
    return f"metdc: {text}"


def _version() -> str:
    try:
        return version("metdc")
    except PackageNotFoundError:
        return "not installed"


@click.group(
    cls=Metdc, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(_version(), message="metdc %(version)s", help="Show the version.")
def metdc() -> None:
    """Every public trade of crypto exchanges, in NATS JetStream, exactly once."""
