"""``metdc export`` against a real nats-server."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import nats
import polars as pl
import pytest

from tests.harness import NatsServer, nats_server

BTC = "trades.binance.spot.BTC.USDT"
ETH = "trades.binance.spot.ETH.USDT"
PHEMEX = "trades.phemex.futures.BTC.USDT"
PATIENCE = 60
SECOND = 1_000_000_000
NOW = time.time_ns() // SECOND * SECOND
BEGIN, END = NOW - 60 * SECOND, NOW - 30 * SECOND
Work = Callable[[Any], Any]


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with nats_server() as running:
        on_server(running, make("binance"))
        on_server(running, make("phemex"))
        yield running


def on_server(server: NatsServer, work: Work) -> None:
    async def connected() -> None:
        client = await nats.connect(server.url)
        try:
            await work(client.jetstream())
        finally:
            await client.close()

    asyncio.run(asyncio.wait_for(connected(), PATIENCE))


def make(exchange: str, **limits: Any) -> Work:
    async def work(jetstream: Any) -> None:
        await jetstream.add_stream(name=f"TRADES_{exchange.upper()}", subjects=[f"trades.{exchange}.>"], **limits)

    return work


def payload(subject: str, number: int, at: int, **other: Any) -> bytes:
    _, exchange, market, base, quote = subject.split(".")
    record = {"v": 1, "exchange": exchange, "market": market, "symbol": f"{base}-{quote}", "instrument": base + quote}
    record |= {"id": str(number), "seq": str(number), "price": "80227.01", "quantity": "0.5", "side": "buy"}
    return json.dumps(record | {"time": at, "received": at + 1} | other, separators=(",", ":")).encode()


def publish(server: NatsServer, *messages: tuple[str, bytes]) -> None:
    async def work(jetstream: Any) -> None:
        for subject, data in messages:
            await jetstream.publish(subject, data)

    on_server(server, work)


def text(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // SECOND))


def export(server: NatsServer, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "metdc_collector.cli.main", "export", "--nats", server.url]
    command += ["--from", text(BEGIN), "--to", text(END), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)


def numbers(lines: str) -> list[int]:
    return [int(json.loads(line)["id"]) for line in lines.splitlines()]


def parquet(server: NatsServer, folder: Path) -> pl.DataFrame:
    file = folder / "trades.parquet"
    result = export(server, "--format", "parquet", "--output", file)
    assert result.returncode == 0, result.stderr
    assert list(folder.iterdir()) == [file]
    return pl.read_parquet(file)


def test_what_was_traded_in_the_span_is_written_whenever_it_was_stored(server: NatsServer) -> None:
    times = (BEGIN - 1, BEGIN, END - 1, END)
    publish(server, *((BTC, payload(BTC, number, at)) for number, at in enumerate(times)))
    publish(server, (PHEMEX, payload(PHEMEX, 9, BEGIN + 5, late=True, backfilled=True)))
    result = export(server)
    assert numbers(result.stdout) == [1, 9, 2]
    assert result.returncode == 0
    assert result.stderr == "metdc export: wrote 3 trades to stdout, of 5 messages read\n"


def test_lines_are_payloads_byte_for_byte_ordered_by_time_and_market(server: NatsServer, tmp_path: Path) -> None:
    first, second, third, fourth = (
        (BTC, payload(BTC, 9, BEGIN)),
        (ETH, payload(ETH, 1, BEGIN)),
        (PHEMEX, payload(PHEMEX, 1, BEGIN)),
        (BTC, payload(BTC, 10, BEGIN + 1)),
    )
    publish(server, fourth, third, second, first)
    assert export(server, "--output", tmp_path / "a.jsonl").returncode == 0
    assert (tmp_path / "a.jsonl").read_bytes() == b"".join(data + b"\n" for _, data in (first, second, third, fourth))


def test_only_what_the_subject_names_is_written(server: NatsServer) -> None:
    publish(server, *((subject, payload(subject, 1, BEGIN)) for subject in (BTC, ETH, PHEMEX)))
    result = export(server, "--subject", "trades.*.*.BTC.*")
    assert [json.loads(line)["exchange"] for line in result.stdout.splitlines()] == ["binance", "phemex"]


def test_parquet_holds_every_member_exactly(server: NatsServer, tmp_path: Path) -> None:
    odd = {"sent": BEGIN + 123, "kind": "insurance", "contracts": "7", "multiplier": "0.001", "unit_factor": "1000"}
    odd |= {"price": "0.000000000000000001", "quantity": "99999999999999999999.999999999999999999"}
    odd |= {"aggregate": {"first_id": "3", "last_id": "4"}, "late": True, "seq": None}
    publish(server, (PHEMEX, payload(PHEMEX, 2, BEGIN + 1, **odd)), (BTC, payload(BTC, 1, BEGIN)))
    frame = parquet(server, tmp_path).with_columns(pl.col("time", "received", "sent").dt.epoch("ns"))
    plain, special = frame.to_dicts()
    nothing = dict.fromkeys(("sent", "kind", "contracts", "multiplier", "unit_factor", "first_id", "last_id"), None)
    shared = {"symbol": "BTC-USDT", "instrument": "BTCUSDT", "side": "buy", "backfilled": False}
    assert plain == shared | nothing | {
        "exchange": "binance", "market": "spot", "id": "1", "seq": "1", "price": Decimal("80227.01"),
        "quantity": Decimal("0.5"), "time": BEGIN, "received": BEGIN + 1, "late": False,
    }  # fmt: skip
    assert special == shared | {
        "exchange": "phemex", "market": "futures", "id": "2", "seq": None, "price": Decimal("0.000000000000000001"),
        "quantity": Decimal("99999999999999999999.999999999999999999"), "time": BEGIN + 1, "received": BEGIN + 2,
        "sent": BEGIN + 123, "kind": "insurance", "contracts": Decimal(7), "multiplier": Decimal("0.001"),
        "unit_factor": Decimal(1000), "first_id": "3", "last_id": "4", "late": True,
    }  # fmt: skip


def test_parquet_without_a_trade_has_the_same_columns(server: NatsServer, tmp_path: Path) -> None:
    empty = parquet(server, tmp_path)
    publish(server, (BTC, payload(BTC, 1, BEGIN)))
    full = parquet(server, tmp_path)
    assert (empty.height, full.height) == (0, 1)
    assert empty.schema == full.schema
    assert full.schema["price"] == pl.Decimal(38, 18)
    assert full.schema["time"] == pl.Datetime("ns", "UTC")


def test_a_value_that_no_column_holds_ends_it_in_one_line_and_leaves_the_old_file(
    server: NatsServer, tmp_path: Path
) -> None:
    old = tmp_path / "a.parquet"
    old.write_text("old")
    publish(server, (BTC, payload(BTC, 1, BEGIN, price="0." + "0" * 18 + "1")))
    result = export(server, "--format", "parquet", "--output", old)
    assert result.returncode == 1
    assert result.stderr.startswith("metdc: price 0.0000000000000000001 of binance.spot.BTCUSDT.1 does not fit")
    assert result.stderr.count("\n") == 1
    assert old.read_text() == "old"
    assert list(tmp_path.iterdir()) == [old]


def test_what_is_no_trade_is_left_out_and_named(server: NatsServer) -> None:
    publish(server, (BTC, b"hello"), (BTC, payload(BTC, 1, BEGIN)))
    result = export(server)
    assert (result.returncode, numbers(result.stdout)) == (0, [1])
    assert f"left out 1 messages that are no trades; the first is {BTC}, number 1: not JSON" in result.stderr


def test_without_a_stream_it_fails_in_one_line(server: NatsServer) -> None:
    result = export(server, "--subject", "trades.okx.>")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "metdc: no stream holds trades.okx.> yet; is a collector running against this server?\n"


def test_a_stream_that_has_lost_its_beginning_is_named(server: NatsServer) -> None:
    on_server(server, make("okx", max_msgs=1))
    subject = "trades.okx.spot.BTC.USDT"
    publish(server, *((subject, payload(subject, number, BEGIN)) for number in (1, 2)))
    result = export(server, "--subject", "trades.okx.>")
    assert numbers(result.stdout) == [2]
    assert "TRADES_OKX no longer holds what was stored before" in result.stderr


def test_many_trades_of_two_streams_come_whole_and_sorted(server: NatsServer, tmp_path: Path) -> None:
    count = 51_000  # more than is sorted in memory

    async def work(jetstream: Any) -> None:
        for number in range(count):
            subject = (BTC, PHEMEX)[number % 2]
            # One acknowledgement for all: messages of a connection are stored in turn.
            send = jetstream.publish if number >= count - 2 else jetstream._nc.publish
            await send(subject, payload(subject, number, BEGIN + (number * 7_919) % count))

    on_server(server, work)
    frame = parquet(server, tmp_path)
    base = datetime.fromisoformat(text(BEGIN))
    assert frame.height == count
    assert frame["time"].is_sorted()
    assert frame["id"].n_unique() == count
    assert frame["time"].max() == base + timedelta(microseconds=(count - 1) // 1_000)
