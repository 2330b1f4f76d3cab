"""Resources, reports and pods as the tests of the operator use them."""

from dataclasses import replace
from typing import Any

from metdc_collector.wire import report as reports
from metdc_operator.observation import Pod
from metdc_operator.resource import Resource
from metdc_operator.validate import parse_text

SECOND = 10**9
NOW = 1_790_000_000 * SECOND
HEAD = "apiVersion: metdc.io/v1alpha1\nkind: ExchangeCollector\n"


def resource(spec: str = "", *, name: str = "binance", metadata: str = "") -> Resource:
    """A resource for Binance's spot market, with further lines of its spec (indented by two)."""
    markets = "" if "markets:" in spec else "  markets: [{name: spot}]\n"
    exchange = "" if "exchange:" in spec else "  exchange: binance\n"
    text = f"{HEAD}metadata: {{name: {name}, uid: 8a1f, {metadata}}}\nspec:\n{exchange}{markets}{spec}\n"
    found, problems = parse_text(text)
    assert not problems, problems
    return found[0]


HANDOVER = reports.Handover(
    "old",
    farewell=True,
    final=True,
    started=NOW - 1_400_000_000,
    finished=NOW,
    overlap=1_400_000_000,
    symbols=431,
    by_id=400,
    by_subscription=29,
    backfilled=2,
    duplicates=412,
)


def report(**parts: Any) -> reports.Report:
    """What a healthy pod says at NOW, but for some parts."""
    healthy = reports.Report(
        namespace="default",
        collector="binance",
        exchange="binance",
        market="spot",
        shard=0,
        shards=1,
        pod="binance-spot-0-a",
        uid="8a1f",
        slot="2026-09-21T14:00:00Z",
        started=NOW - 60 * SECOND,
        at=NOW,
        state="streaming",
        ready=True,
        nats=reports.Nats(connected=True, acknowledged=True, stream="TRADES_BINANCE", stream_in_sync=True),
        connections=reports.Connections(active=4),
        symbols=reports.Symbols(wanted=431, streaming=431, listed_at=NOW - 30 * SECOND),
        channel="trade",
        trades=reports.Trades(received=1000, stored=900, duplicates=90, late=7, expired=3, per_second=411.5),
        frames=reports.Frames(malformed=2, out_of_scope=1),
        backlog=reports.Backlog(trades=12, bytes=3400, oldest=NOW - SECOND // 4),
        gaps=reports.Gaps(open=0, filled=2, unfillable=0),
        last_trade=NOW - 3,
        score=0.999,
        last_ids={"BTCUSDT": "5312345678"},
    )
    return replace(healthy, **parts)


def pod(name: str = "binance-spot-0-a", **parts: Any) -> Pod:
    """A ready pod with a healthy report, but for some parts."""
    healthy = Pod(name=name, ready=True, slot="2026-09-21T14:00:00Z", started=NOW - 60 * SECOND, report=report())
    return replace(healthy, **parts)
