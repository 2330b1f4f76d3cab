"""``metdc collect``: one market into JetStream, by the same code as a pod."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from metdc_collector import logs
from metdc_collector.__main__ import start
from metdc_collector.cli.arguments import (
    DEFAULT_NATS,
    MARKET_HELP,
    credentials_option,
    krw_option,
    nats_option,
    selection_options,
    split,
    the_venue,
)
from metdc_collector.stored.connecting import as_folder
from metdc_collector.wire import config as pod
from metdc_collector.wire.config import PodConfig
from metdc_collector.wire.errors import InvalidMessage

EPILOG = f"""{MARKET_HELP}

\b
Try it:
  metdc collect binance spot
  metdc collect phemex futures --include BTC,ETH --nats nats://nats:4222
  metdc collect gate spot --upbit-krw include
  metdc collect binance spot --rest http://127.0.0.1:9401 --web-socket ws://127.0.0.1:9401
  metdc collect --config pod.json

\b
Trades go to trades.EXCHANGE.MARKET.BASE.QUOTE, in the stream TRADES_EXCHANGE unless --stream names
another; it is made when it is missing. Ctrl-C (or SIGTERM) stops: what was received is stored first.
An exchange or a NATS that is away is waited for. `metdc trades` shows what arrives.

\b
Exit codes:
  0  stopped, every received trade is stored     1  stopped, some may not be     2  bad usage
"""


@click.command(epilog=EPILOG, short_help="Stream one market's trades into NATS JetStream, exactly once.")
@click.argument("exchange", required=False)
@click.argument("market", required=False)
@selection_options
@krw_option
@nats_option
@credentials_option
@click.option("--stream", metavar="NAME", help="Store in this stream.  [default: TRADES_EXCHANGE]")
@click.option("--max-age", metavar="DURATION", help="Keep trades so long (90m, 48h).  [default: 24h]")
@click.option("--max-bytes", metavar="SIZE", help="Reserve so much disk for a new stream (512Mi, 8Gi).  [default: 8Gi]")
@click.option("--rest", metavar="URL", help="Another REST base address: a gateway or a simulator.")
@click.option("--web-socket", metavar="URL", help="Another WebSocket base address.")
@click.option(
    "--http",
    metavar="HOST:PORT",
    default="127.0.0.1:0",
    show_default=True,
    help="Where /report, /metrics, /livez and /readyz are; port 0 takes a free one, which the log names.",
)
@click.option("--http-port-file", metavar="FILE", help="Write that port to this file once it is listened on.")
@click.option(
    "--config",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A pod's configuration (JSON) to begin with; arguments and options win over it.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="Least level that is logged, on stderr.",
)
@click.pass_context
def collect(
    ctx: click.Context,
    /,
    *,
    credentials: Path | None,
    http: str,
    http_port_file: str | None,
    log_level: str,
    **options: Any,
) -> None:
    """Stream the public trades of EXCHANGE MARKET into NATS JetStream, each exactly once, until Ctrl-C."""
    configuration = _configuration(ctx, options)
    the_venue(configuration.exchange, configuration.market)
    logs.configure(log_level)
    with as_folder(credentials) as folder:
        if folder is not None:
            os.environ["METDC_NATS_CREDENTIALS"] = str(folder)
        ctx.exit(start(configuration, http=http, port_file=http_port_file))


def _configuration(ctx: click.Context, options: dict[str, Any]) -> PodConfig:
    exchange, market = options["exchange"], options["market"]
    if exchange is not None and market is None:
        raise click.UsageError(f"name the MARKET of {exchange}, such as spot", ctx)
    if options["file"] is None and exchange is None:
        raise click.UsageError("name EXCHANGE and MARKET, such as binance spot, or give --config FILE", ctx)
    base = _fresh(exchange, market) if options["file"] is None else _read(options["file"])
    spec = dict(base.spec)
    if exchange is not None:
        spec["exchange"] = exchange
    # What is asked for here replaces the file's symbols as a whole.
    symbols: dict[str, Any] = {
        name: list(split(options[name])) for name in ("quotes", "include", "exclude") if options[name]
    }
    if options["upbit_krw"] is not None:
        symbols["upbitKRW"] = options["upbit_krw"]
    endpoints = {"rest": options["rest"], "webSocket": options["web_socket"]}
    # A market's own entry wins over the resource's, so what is asked for here goes into both.
    spec["markets"] = [dict(entry) for entry in spec.get("markets") or []]
    for part in (spec, *spec["markets"]):
        _lay(part, "endpoints", endpoints)
        if symbols:
            part["symbols"] = symbols
    nats = dict(spec.get("nats") or {})
    if "urls" not in nats or ctx.get_parameter_source("nats_urls") is not click.core.ParameterSource.DEFAULT:
        nats["urls"] = list(options["nats_urls"])
    _lay(nats, "stream", {"name": options["stream"], "maxAge": options["max_age"], "maxBytes": options["max_bytes"]})
    return replace(base, spec=spec | {"nats": nats}, market=market or base.market)


def _lay(record: dict[str, Any], name: str, values: dict[str, Any]) -> None:
    given = {key: value for key, value in values.items() if value is not None}
    if given:
        record[name] = (record.get(name) or {}) | given


def _fresh(exchange: str, market: str) -> PodConfig:
    return PodConfig(
        namespace="default",
        name=exchange,
        uid=f"local-{os.getpid()}",
        market=market,
        slot=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        pod=f"{exchange}-{market}-0-{os.uname().nodename.partition('.')[0]}-{os.getpid()}",
        spec={"exchange": exchange, "nats": {"urls": [DEFAULT_NATS]}},
    )


def _read(file: Path) -> PodConfig:
    try:
        return pod.decode(file.read_bytes())
    except (OSError, InvalidMessage) as error:
        raise click.UsageError(f"--config {file}: {error}") from None
