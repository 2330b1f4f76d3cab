"""Health reports: the key they are kept under, and older and newer pods."""

import json
from dataclasses import replace

from metdc_collector.wire import report
from metdc_collector.wire.report import Refused, Report, Symbols

REPORT = Report(
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
    symbols=Symbols(wanted=2, streaming=1, refused=(Refused("XUSDT", "delisted"),)),
)


def test_a_report_is_kept_under_its_pod() -> None:
    assert REPORT.key == "default.binance.spot.0.binance-spot-0-abc"


def test_refused_instruments_come_back_with_their_reasons() -> None:
    assert report.decode(report.encode(REPORT)).symbols.refused == (Refused("XUSDT", "delisted"),)


def test_a_report_can_be_read_without_the_ids_that_only_pods_compare() -> None:
    told = replace(REPORT, last_ids={"BTCUSDT": "17"})
    assert report.decode(report.encode(told), ids=False) == replace(told, last_ids={})
    record = json.loads(report.encode(told))
    del record["last_ids"]
    assert report.decode(json.dumps(record).encode(), ids=False) == replace(told, last_ids={})


def test_a_report_of_a_newer_pod_is_read_without_what_is_new() -> None:
    record = json.loads(report.encode(REPORT))
    record["nats"]["invented_later"] = True
    assert report.decode(json.dumps(record).encode()) == REPORT


def test_a_report_of_an_older_pod_has_the_defaults_for_what_it_lacks() -> None:
    record = json.loads(report.encode(REPORT))
    del record["gaps"]
    assert report.decode(json.dumps(record).encode()) == REPORT
