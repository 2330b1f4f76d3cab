"""What several commands read from their arguments: markets, NATS, times; wrong ones are bad usage (exit 2)."""

import os
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from metdc_collector.access import trust
from metdc_collector.exchanges.base import Venue
from metdc_collector.exchanges.registry import MARKETS, UnknownMarketError, venue
from metdc_collector.universe import UpbitKRW
from metdc_collector.wire import durations

_DAYS = re.compile(r"([0-9]{1,5})d")
F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_NATS = "nats://127.0.0.1:4222"
MARKET_HELP = "\b\nEXCHANGE and MARKET:\n" + "\n".join(
    f"  {exchange:<10}{', '.join(markets)}" for exchange, markets in MARKETS.items()
)


def the_venue(exchange: str, market: str) -> Venue:
    """Return the market's adapter.

    Raises:
        click.UsageError: naming the exchanges or markets that exist.
    """
    try:
        return venue(exchange, market)
    except UnknownMarketError as error:
        raise click.UsageError(str(error), click.get_current_context(silent=True)) from None


def market_arguments(command: F) -> F:
    """Add the arguments ``EXCHANGE MARKET``."""
    return click.argument("exchange")(click.argument("market")(command))


def selection_options(command: F) -> F:
    """Add ``--quote``, ``--include`` and ``--exclude``."""
    for option in reversed(
        (
            click.option(
                "--quote",
                "quotes",
                metavar="COIN",
                multiple=True,
                help="Quote coin to collect; may be repeated.  [default: USDT, on Upbit KRW]",
            ),
            click.option(
                "--include",
                metavar="NAME",
                multiple=True,
                help="Only these: BTCUSDT (the exchange's name), BTC-USDT or BTC; may be repeated.",
            ),
            click.option("--exclude", metavar="NAME", multiple=True, help="None of these; may be repeated."),
        )
    ):
        command = option(command)
    return command


def krw_option(command: F) -> F:
    """Add ``--upbit-krw``."""
    return click.option(
        "--upbit-krw",
        type=click.Choice(get_args(UpbitKRW), case_sensitive=False),
        help="Of these, only coins that Upbit lists in KRW, or only those that it doesn't.  [default: ignore]",
    )(command)


def base_address(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return a base address without its trailing slash: of HTTP, or of ``--web-socket``.

    Raises:
        click.BadParameter: when it is of another kind.
    """
    schemes = ("ws://", "wss://") if parameter.name == "web_socket" else ("http://", "https://")
    if value is not None and not value.startswith(schemes):
        raise click.BadParameter(f"{value!r} must begin with {' or '.join(schemes)}", ctx, parameter)
    return value and value.rstrip("/")


def trusted(*addresses: str) -> ssl.SSLContext | None:
    """Return by whom these addresses are trusted, with the authorities of ``METDC_EXTRA_CA``.

    Raises:
        click.UsageError: when that file cannot be used.
    """
    file = os.environ.get("METDC_EXTRA_CA")
    try:
        return trust(addresses, Path(file) if file else None)
    except OSError as error:
        message = f"METDC_EXTRA_CA: {file} cannot be used: {error.strerror}"
        raise click.UsageError(message, click.get_current_context()) from None


def split(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return what an option names; several may stand in one value: ``BTC,ETH``."""
    return tuple(part for value in values for part in value.replace(",", " ").split())


def nats_option(command: F) -> F:
    """Add ``--nats``."""
    option = click.option(
        "--nats",
        "nats_urls",
        metavar="URL",
        multiple=True,
        envvar="NATS_URL",
        default=(DEFAULT_NATS,),
        help=f"NATS server; may be repeated (environment: NATS_URL).  [default: {DEFAULT_NATS}]",
    )
    return option(command)


def credentials_option(command: F) -> F:
    """Add ``--creds``."""
    option = click.option(
        "--creds",
        "credentials",
        type=click.Path(exists=True, path_type=Path),
        envvar="METDC_NATS_CREDENTIALS",
        help=(
            "NATS credentials: a .creds file, or a folder with user.creds, nkey.seed, token or username and password,"
            " and ca.crt, tls.crt, tls.key (environment: METDC_NATS_CREDENTIALS)."
        ),
    )
    return option(command)


def clock(time: int) -> str:
    """Return a time, ns since the epoch, as tables show it: UTC, to the second."""
    return f"{datetime.fromtimestamp(time // durations.SECOND, UTC):%Y-%m-%d %H:%M:%S}"


def moment(text: str, *, now: int) -> int:
    """Return the moment that ``10m`` or ``7d`` (so long before ``now``) or an RFC 3339 time with its offset means; ns.

    Raises:
        click.BadParameter: when the text is neither.
    """
    with suppress(ValueError):
        return now - _span(text)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a duration (90s, 10m, 1h30m, 7d) nor a time (2026-11-23T10:00:00Z)"
        ) from None
    if time.tzinfo is None:
        raise click.BadParameter(f"{text!r} names no time zone: add Z for UTC, or an offset such as +01:00")
    seconds = int(time.replace(microsecond=0).timestamp())
    return seconds * durations.SECOND + time.microsecond * 1_000


def _span(text: str) -> int:
    """Return a duration in ns; what is typed may begin with days, which those of Kubernetes can't."""
    days = _DAYS.match(text)
    if days is None:
        return durations.parse(text)
    rest = text[days.end() :]
    return int(days[1]) * 86_400 * durations.SECOND + (durations.parse(rest) if rest else 0)


def trades_pattern(pattern: str) -> str:
    """Return a subject pattern below ``trades.``, which may be left out.

    Raises:
        click.UsageError: when it is no NATS subject, or reaches beyond trades.
    """
    full = pattern if pattern.startswith(("trades.", "*", ">")) else f"trades.{pattern}"
    tokens = full.split(".")
    if any(not token or any(letter.isspace() for letter in token) for token in tokens) or ">" in tokens[:-1]:
        raise click.UsageError(
            f"{pattern!r} is no NATS subject such as trades.binance.spot.BTC.USDT or trades.*.spot.>"
        )
    if tokens[0] != "trades":
        raise click.UsageError(f"{pattern!r} reaches beyond trades; begin it with trades, such as trades.>")
    return full
