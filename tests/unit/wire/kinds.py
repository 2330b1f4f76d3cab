"""The kinds of message: how each is written and read, a sound one, and the members without which it is refused."""

from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from metdc_collector.wire import capture, gap, instrument, listing, report, schemas, trade
from metdc_collector.wire.capture import Absent, Captured, CaptureReport, Span
from metdc_collector.wire.listing import Listing
from metdc_collector.wire.report import Report
from tests.unit.wire import examples


class Kind(NamedTuple):
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    values: st.SearchStrategy[Any]


KINDS = {
    "trade": Kind(trade.encode, trade.decode, examples.trades),
    "gap": Kind(gap.encode, gap.decode, examples.gaps),
    "instrument": Kind(instrument.encode, instrument.decode, examples.instruments),
    "report": Kind(report.encode, report.decode, examples.reports),
    "listing": Kind(listing.encode, listing.decode, examples.listings),
    "capture": Kind(capture.encode, capture.decode, examples.captures),
}
VALIDATORS = {name: Draft202012Validator(schemas.load(name)) for name in KINDS}
SOUND = {
    "trade": trade.encode(examples.TRADE),
    "gap": gap.encode(examples.GAP),
    "instrument": instrument.encode(examples.BTC),
    "listing": listing.encode(
        Listing(
            exchange="upbit",
            market="krw",
            base="POD",
            quote="KRW",
            instrument="KRW-POD",
            source="announcements",
            first_seen=1790001514803112402,
        )
    ),
    "capture": capture.encode(
        CaptureReport(
            name="SOMI-20261127T020000Z",
            base="SOMI",
            at=1795744800000000000,
            start=1795744780000000000,
            end=1795744820000000000,
            state="captured",
            completeness="Provisional",
            made=1795744821200000000,
            markets=(
                Captured(
                    market="binance.spot",
                    instrument="SOMIUSDT",
                    symbol="SOMI-USDT",
                    trades=4711,
                    lacks=(Span("gap", 1795744800000000000, 1795744801000000000, open=True),),
                ),
            ),
            missing=(Absent(market="okx.futures", reason="not_listed"),),
        )
    ),
    "report": report.encode(
        Report(
            namespace="default",
            collector="binance",
            exchange="binance",
            market="spot",
            shard=0,
            shards=1,
            pod="binance-spot-0-abc",
            uid="8a1f",
            slot="2026-11-23T10:00:00Z",
            started=1790001000000000000,
            at=1790001515000000000,
        )
    ),
}
REQUIRED = {
    "trade": (
        [
            "v",
            "exchange",
            "market",
            "symbol",
            "instrument",
            "id",
            "seq",
            "price",
            "quantity",
            "side",
            "time",
            "received",
        ]
    ),
    "gap": [
        "v",
        "gap",
        "exchange",
        "market",
        "symbol",
        "instrument",
        "before",
        "after",
        "from",
        "to",
        "cause",
        "state",
        "at",
    ],
    "instrument": ["v", "exchange", "market", "symbol", "instrument", "base", "quote"],
    "listing": ["v", "exchange", "market", "symbol", "instrument", "source", "first_seen"],
    "capture": ["v", "name", "base", "at", "start", "end"],
    "report": [
        "v",
        "namespace",
        "collector",
        "exchange",
        "market",
        "shard",
        "shards",
        "pod",
        "uid",
        "slot",
        "started",
        "at",
    ],
}
NAMED = {"v": "version", "from": "start", "to": "end", "instrument": "instrument|name"}
