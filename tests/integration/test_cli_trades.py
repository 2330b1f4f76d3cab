"""``metdc trades`` against a real nats-server."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nats
import pytest

from tests.harness import NatsServer, Process, nats_server, python

BINANCE = "trades.binance.spot.BTC.USDT"
PHEMEX = "trades.phemex.futures.BTC.USDT"
PATIENCE = 30


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


def payload(subject: str, number: int) -> bytes:
    _, exchange, market, base, quote = subject.split(".")
    record = {"v": 1, "exchange": exchange, "market": market, "symbol": f"{base}-{quote}", "instrument": base + quote}
    record |= {"id": str(number), "seq": str(number), "price": "80227.01", "quantity": "0.5", "side": "buy"}
    return json.dumps(record | {"time": 1790001515463000000 + number, "received": 1790001515463000000}).encode()


def on_server(server: NatsServer, work: Any) -> None:
    async def connected() -> None:
        client = await nats.connect(server.url)
        try:
            await work(client.jetstream())
        finally:
            await client.close()

    asyncio.run(asyncio.wait_for(connected(), PATIENCE))


def make(server: NatsServer, *exchanges: str) -> None:
    async def work(jetstream: Any) -> None:
        for exchange in exchanges:
            await jetstream.add_stream(name=f"TRADES_{exchange.upper()}", subjects=[f"trades.{exchange}.>"])

    on_server(server, work)


def remove(server: NatsServer, exchange: str) -> None:
    async def work(jetstream: Any) -> None:
        await jetstream.delete_stream(f"TRADES_{exchange.upper()}")

    on_server(server, work)


def publish(server: NatsServer, *messages: tuple[str, int]) -> None:
    async def work(jetstream: Any) -> None:
        for subject, number in messages:
            await jetstream.publish(subject, payload(subject, number))

    on_server(server, work)


def trades(server: NatsServer, *arguments: str) -> Process:
    command = python("metdc_collector.cli.main", "trades", "--nats", server.url, *arguments)
    return Process(command, name="metdc trades")


def finished(server: NatsServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "metdc_collector.cli.main", "trades", "--nats", server.url, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)


def shown(lines: Sequence[str]) -> list[tuple[str, int]]:
    records = [json.loads(line) for line in lines]
    return [(record["exchange"], int(record["id"])) for record in records]


def take(process: Process, count: int) -> list[tuple[str, int]]:
    return shown([process.line(PATIENCE) for _ in range(count)])


def follow(server: NatsServer, *arguments: str) -> Process:
    """Start a reader and wait until it reads, by the one trade that it must show."""
    process = trades(server, *arguments, "--since", "1h")
    assert len(take(process, 1)) == 1
    return process


def test_the_trades_of_all_streams_come_in_the_order_in_which_they_were_stored(server: NatsServer) -> None:
    make(server, "binance", "phemex")
    messages = [(BINANCE, 1), (PHEMEX, 2), (PHEMEX, 3), (BINANCE, 4), (PHEMEX, 5), (BINANCE, 6)]
    publish(server, *messages)
    result = finished(server, "--since", "1h", "--no-follow")
    assert shown(result.stdout.splitlines()) == [(subject.split(".")[1], number) for subject, number in messages]
    assert (result.returncode, result.stderr) == (0, "")


def test_a_line_is_the_stored_payload_byte_for_byte(server: NatsServer) -> None:
    make(server, "binance")
    publish(server, (BINANCE, 1))
    assert finished(server, "--from", "1", "--no-follow").stdout.encode() == payload(BINANCE, 1) + b"\n"


def test_a_table_shows_the_same_trades(server: NatsServer) -> None:
    make(server, "binance")
    publish(server, (BINANCE, 1))
    rows = finished(server, "--from", "1", "--no-follow", "--format", "table").stdout.splitlines()
    assert rows[1].split()[2:] == ["binance", "spot", "BTC-USDT", "buy", "80227.01", "0.5"]


def test_only_what_the_filter_names_is_shown(server: NatsServer) -> None:
    make(server, "binance", "phemex")
    publish(server, (BINANCE, 1), (PHEMEX, 2), ("trades.binance.spot.ETH.USDT", 3))
    assert shown(finished(server, "--since", "1h", "--no-follow", "--base", "ETH").stdout.splitlines()) == [
        ("binance", 3)
    ]
    assert shown(finished(server, "phemex.>", "--since", "1h", "--no-follow").stdout.splitlines()) == [("phemex", 2)]


def test_a_number_begins_at_that_message_of_the_stream(server: NatsServer) -> None:
    make(server, "binance", "phemex")
    publish(server, *((BINANCE, number) for number in range(1, 5)))
    result = finished(server, "--from", "3", "--no-follow", "--exchange", "binance")
    assert shown(result.stdout.splitlines()) == [("binance", 3), ("binance", 4)]


def test_a_number_in_two_streams_is_refused_with_their_names(server: NatsServer) -> None:
    make(server, "binance", "phemex")
    result = finished(server, "--from", "3", "--no-follow")
    assert result.returncode == 1
    assert "there are TRADES_BINANCE, TRADES_PHEMEX: name one's exchange" in result.stderr


def test_a_limit_ends_the_reading(server: NatsServer) -> None:
    make(server, "binance")
    publish(server, *((BINANCE, number) for number in range(5)))
    result = finished(server, "--since", "1h", "--limit", "2")
    assert shown(result.stdout.splitlines()) == [("binance", 0), ("binance", 1)]
    assert result.returncode == 0


def test_a_long_history_comes_whole_and_in_order(server: NatsServer) -> None:
    make(server, "binance")
    count = 20_000

    async def work(jetstream: Any) -> None:
        for start in range(0, count, 1_000):
            await asyncio.gather(
                *(jetstream.publish(BINANCE, payload(BINANCE, start + number)) for number in range(1_000))
            )

    on_server(server, work)
    result = finished(server, "--from", "1", "--no-follow")
    assert shown(result.stdout.splitlines()) == [("binance", number) for number in range(count)]


def test_a_history_is_shown_and_then_what_comes_live(server: NatsServer) -> None:
    make(server, "binance")
    publish(server, (BINANCE, 1))
    with follow(server) as process:
        publish(server, (BINANCE, 2), (BINANCE, 3))
        assert take(process, 2) == [("binance", 2), ("binance", 3)]


def test_without_a_stream_it_says_so_once_and_shows_what_comes_later(server: NatsServer) -> None:
    with trades(server) as process:
        process.logged("no stream holds trades.*.*.*.* yet; waiting for one", PATIENCE)
        make(server, "binance")
        publish(server, (BINANCE, 1))
        assert take(process, 1) == [("binance", 1)]
        assert process.log.count("\n") == 0


def test_without_a_stream_and_without_following_it_fails_in_one_line(server: NatsServer) -> None:
    result = finished(server, "--since", "1h", "--no-follow")
    assert result.returncode == 1
    assert result.stderr == ("metdc: no stream holds trades.*.*.*.* yet; is a collector running against this server?\n")


def test_a_stream_made_anew_is_read_from_its_beginning(server: NatsServer) -> None:
    make(server, "binance")
    publish(server, (BINANCE, 1))
    with follow(server) as process:
        remove(server, "binance")
        process.logged("TRADES_BINANCE: JetStream refuses: stream not found; trying again", PATIENCE)
        make(server, "binance")
        publish(server, (BINANCE, 2))
        assert take(process, 1) == [("binance", 2)]


def test_a_server_that_is_killed_and_comes_back_costs_no_trade_and_doubles_none(server: NatsServer) -> None:
    make(server, "binance")
    publish(server, (BINANCE, 1))
    with follow(server) as process:
        server.restart()
        process.logged("connected to NATS again", PATIENCE)
        publish(server, *((BINANCE, number) for number in range(2, 5)))
        assert take(process, 3) == [("binance", 2), ("binance", 3), ("binance", 4)]
        assert process.log.count("the connection to NATS is lost") == 1


def test_ctrl_c_ends_it_in_silence(server: NatsServer) -> None:
    make(server, "binance")
    publish(server, (BINANCE, 1))
    with follow(server) as process:
        process.signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert process.log == ""


def test_a_reader_that_has_enough_ends_it_in_silence(server: NatsServer) -> None:
    make(server, "binance")
    publish(server, (BINANCE, 1))
    command = [sys.executable, "-m", "metdc_collector.cli.main", "trades", "--nats", server.url, "--since", "1h"]
    reading, writing = os.pipe()
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, text=True) as process:
        os.close(writing)
        with os.fdopen(reading) as pipe:
            assert shown([pipe.readline()]) == [("binance", 1)]
        publish(server, (BINANCE, 2))
        _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")


def test_wrong_credentials_are_told_in_one_line(tmp_path: Path) -> None:
    with nats_server(configuration='authorization { user: "reader", password: "right" }') as guarded:
        (tmp_path / "username").write_text("reader")
        (tmp_path / "password").write_text("wrong")
        result = finished(guarded, "--creds", str(tmp_path))
        assert result.returncode == 1
        assert f"NATS at {guarded.url} cannot be reached: " in result.stderr
        assert "uthorization" in result.stderr
        assert result.stderr.count("\n") == 1


def test_right_credentials_are_let_in(tmp_path: Path) -> None:
    with nats_server(configuration='authorization { user: "reader", password: "right" }') as guarded:
        (tmp_path / "username").write_text("reader")
        (tmp_path / "password").write_text("right\n")
        result = finished(guarded, "--creds", str(tmp_path), "--since", "1h", "--no-follow")
        assert "no stream holds" in result.stderr


def test_a_server_without_jetstream_is_told_in_one_line(tmp_path: Path) -> None:
    accounts = "accounts { PLAIN { users: [{user: a, password: b}] } }\nno_auth_user: a"
    with nats_server(configuration=accounts) as plain:
        result = finished(plain, "--since", "1h", "--no-follow")
        assert result.returncode == 1
        assert result.stderr.startswith("metdc: JetStream ")
        assert result.stderr.count("\n") == 1
