"""``metdc capture`` and ``metdc captures`` against a real nats-server, with trades and records put in by the test."""

import asyncio
import gzip
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nats
import polars as pl
import pytest

from metdc_collector.wire.capture import CaptureReport, decode
from tests.harness import NatsServer, eventually, nats_server

PATIENCE = 60
SECOND = 1_000_000_000
MS = 1_000_000
Work = Callable[[Any], Any]
Messages = Sequence[tuple[str, bytes]]
BINANCE, OKX, BITCOIN = ("trades.binance.spot.SOMI.USDT", "trades.okx.futures.SOMI.USDT", "trades.okx.spot.SOMI.BTC")


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with nats_server() as running:
        on_server(running, streams)
        yield running


def on_server(server: NatsServer, work: Work) -> None:
    async def connected() -> None:
        client = await nats.connect(server.url)
        try:
            await work(client.jetstream())
        finally:
            await client.close()

    asyncio.run(asyncio.wait_for(connected(), PATIENCE))


async def streams(jetstream: Any) -> None:
    for exchange in ("binance", "okx"):
        await jetstream.add_stream(name=f"TRADES_{exchange.upper()}", subjects=[f"trades.{exchange}.>"])
    await jetstream.add_stream(name="METDC_EVENTS", subjects=["gaps.>", "listings.>", "instruments.>"])
    for bucket in ("metdc_proofs", "metdc_universe"):
        await jetstream.create_key_value(bucket=bucket, history=1)


def publish(server: NatsServer, messages: Messages) -> None:
    async def work(jetstream: Any) -> None:
        for subject, data in messages[:-1]:
            await jetstream._nc.publish(subject, data)  # one acknowledgement for all: a connection's are stored in turn
        await jetstream.publish(*messages[-1])

    on_server(server, work)


def trade(subject: str, at: int, price: str = "1", **other: Any) -> tuple[str, bytes]:
    _, exchange, market, base, quote = subject.split(".")
    record = {"v": 1, "exchange": exchange, "market": market, "symbol": f"{base}-{quote}", "instrument": base + quote}
    record |= {"id": str(at), "seq": str(at), "price": price, "quantity": "0.5", "side": "buy"}
    return subject, json.dumps(record | {"time": at, "received": at + 40 * MS} | other, separators=(",", ":")).encode()


def instrument(subject: str) -> dict[str, Any]:
    _, exchange, market, base, quote = subject.split(".")
    record = {"v": 1, "exchange": exchange, "market": market, "symbol": f"{base}-{quote}", "instrument": base + quote}
    record |= {"base": base, "quote": quote, "tick": None, "lot": None, "multiplier": None, "unit_factor": None}
    return record | {"status": "trading", "listed": None, "delisted": None}


def gap(subject: str, begin: int, end: int, state: str, at: int) -> tuple[str, bytes]:
    _, exchange, market, base, quote = subject.split(".")
    record = {"v": 1, "gap": f"{base}{quote}:1", "exchange": exchange, "market": market, "symbol": f"{base}-{quote}"}
    record |= {
        "instrument": base + quote,
        "before": {"id": "1", "time": begin},
        "after": None,
        "from": begin,
        "to": end,
    }
    record |= {"first_missing": "2", "last_missing": "3", "cause": "disconnected", "state": state, "at": at}
    return subject.replace("trades.", "gaps."), json.dumps(record | {"missing": 2, "filled": 0}).encode()


def proofs(until: int, *subjects: str) -> Messages:
    """What collectors that have listened to these since long ago tell at this time."""
    found: list[tuple[str, bytes]] = []
    for subject in subjects:
        _, exchange, market, base, quote = subject.split(".")
        key, pod = f"$KV.metdc_proofs.default.{exchange}.{market}.0.{base}{quote}", f"{exchange}-{market}-{quote}"
        names = {"v": 1, "pod": pod, "exchange": exchange, "market": market, "names": [base + quote]}
        proof = {"v": 1, "pod": pod, "since": 1, "at": until, "told": until, "except": {}, "held": {}}
        found += [(f"{key}.names", json.dumps(names).encode()), (key, json.dumps(proof).encode())]
    return found


def instruments_of(exchange: str, market: str, *subjects: str) -> tuple[str, bytes]:
    """The last good list of a market."""
    lines = [{"v": 1, "at": 1}, *map(instrument, subjects)]
    return f"$KV.metdc_universe.{exchange}.{market}", gzip.compress("\n".join(map(json.dumps, lines)).encode())


def calm_and_jump(subject: str, at: int, delay: int, height: str, base: str = "1") -> Messages:
    """A price that stays for a minute and jumps ``delay`` ms after the moment; times end in 7 ms."""
    before = [trade(subject, at + ms * MS, base) for ms in range(-79_993, delay, 500)]
    return before + [trade(subject, at + ms * MS, height) for ms in range(delay, 19_990, 100)]


def text(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // SECOND))


def metdc(server: NatsServer, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "metdc_collector.cli.main", *map(str, words), "--nats", server.url]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)


def kept(server: NatsServer, folder: Path) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """Metadata and analysis of the one capture, and where its files are."""
    result = metdc(server, "captures", "get", "SOMI", "--output", folder)
    assert result.returncode == 0, result.stderr
    where = Path(result.stdout.strip())
    return *(json.loads((where / name).read_text()) for name in ("metadata.json", "analysis.json")), where


def moment(seconds_ago: int) -> int:
    return (time.time_ns() // SECOND - seconds_ago) * SECOND


@pytest.fixture
def listing(server: NatsServer) -> tuple[int, Messages]:
    """The moment of a listing two minutes ago, and what was traded: three markets that jump one after the other."""
    at = moment(120)
    bitcoin = calm_and_jump(BITCOIN, at, 2_207, "0.0000054", "0.000005")
    late = trade(BINANCE, at + 5 * SECOND + 8 * MS, "1.08", id="late", late=True, backfilled=True)
    jumps = [*bitcoin, *calm_and_jump(OKX, at, 1_607, "1.1"), *calm_and_jump(BINANCE, at, 1_207, "1.08"), late]
    others = [trade(BINANCE.replace("SOMI", "ETH"), at), trade(BINANCE, at + 20 * SECOND), (BINANCE, b"hello")]
    publish(server, [instruments_of("binance", "spot", BINANCE), instruments_of("gate", "spot"), *jumps, *others])
    publish(server, proofs(moment(60), BINANCE, OKX, BITCOIN))
    return at, jumps


def named(at: int) -> str:
    return time.strftime("SOMI-%Y%m%dT%H%M%SZ", time.gmtime(at // SECOND))


def test_the_window_of_all_markets_and_quotes_is_kept_as_it_was_stored(
    server: NatsServer, listing: tuple[int, Messages], tmp_path: Path
) -> None:
    at, messages = listing
    result = metdc(server, "capture", "SOMI", "--at", text(at))
    assert result.returncode == 0, result.stderr
    metadata, _, where = kept(server, tmp_path)
    for subject in (BINANCE, OKX, BITCOIN):
        stem = where / "trades" / subject.removeprefix("trades.")
        lines = stem.with_name(f"{stem.name}.jsonl").read_bytes().splitlines()
        assert sorted(lines) == sorted(data for of, data in messages if of == subject and in_window(data, at))
        assert [json.loads(line)["time"] for line in lines] == sorted(json.loads(line)["time"] for line in lines)
        frame = pl.read_parquet(stem.with_name(f"{stem.name}.parquet"))
        assert frame["id"].to_list() == [json.loads(line)["id"] for line in lines]
    assert metadata["messages"]["refused"] == 1
    assert [(one["exchange"], one["reason"]) for one in metadata["missing"]] == [("gate", "not_listed")]
    assert all(one["lacks"] == [] for one in metadata["markets"])


def test_the_analysis_finds_who_moved_first_and_how_far(
    server: NatsServer, listing: tuple[int, Messages], tmp_path: Path
) -> None:
    result = metdc(server, "capture", "SOMI", "--at", text(listing[0]))
    assert result.stdout.splitlines()[1] == "binance.spot.SOMI-USDT moved first, +1.207 s from the announcement."
    _, analysis, where = kept(server, tmp_path)
    assert [(one["market"], one["delay"] // MS, one["rank"]) for one in analysis["by_time"]] == [
        ("binance.spot.SOMI-USDT", 1_207, [1, 1]),
        ("okx.futures.SOMI-USDT", 1_607, [2, 2]),
        ("okx.spot.SOMI-BTC", 2_207, [3, 3]),
    ]
    assert [one["peak"]["return"] for one in analysis["markets"]] == ["0.08", "0.1", "0.08"]
    page = (where / "report.html").read_text()
    assert "moved first" in page
    assert "http" not in page


def test_captures_are_listed_and_shown(server: NatsServer, listing: tuple[int, Messages]) -> None:
    at, _ = listing
    result = metdc(server, "capture", "SOMI", "--at", text(at))
    assert result.stdout.startswith(f"{named(at)}: Final, ")
    shown = metdc(server, "captures", "show", named(at))
    assert shown.returncode == 0, shown.stderr
    assert "binance.spot.SOMI-USDT" in shown.stdout
    assert "gate.spot: SOMI was not listed there at that time" in shown.stdout
    listed = metdc(server, "captures", "list", "--json")
    assert [json.loads(line)["name"] for line in listed.stdout.splitlines()] == [named(at)]
    assert named(at) in metdc(server, "captures", "list").stdout


def test_a_stored_listing_event_is_in_the_metadata_and_told(
    server: NatsServer, listing: tuple[int, Messages], tmp_path: Path
) -> None:
    at, _ = listing
    event = {"v": 1, "exchange": "upbit", "market": "krw", "symbol": "SOMI-KRW", "instrument": "KRW-SOMI"}
    event |= {"announced": at, "first_seen": at + 913 * MS, "trade_start": at + 7_200 * SECOND}
    event |= {"source": "announcements", "notice": "7", "title": "솜니아(SOMI) KRW 마켓 디지털 자산 추가", "url": None}
    publish(server, [("listings.upbit.krw.SOMI", json.dumps(event).encode()), ("listings.upbit.krw.SOMI", b"hello")])
    assert metdc(server, "capture", "SOMI", "--at", text(at)).returncode == 0
    metadata, _, where = kept(server, tmp_path)
    assert metadata["listing"] == {name: event[name] for name in event if name not in ("v", "symbol")}
    shown = metdc(server, "captures", "show", "SOMI").stdout
    assert "UTC, to the second, first seen +0.913 s from then (announcements); trading was to start " in shown
    assert "Notice 7: 솜니아(SOMI) KRW 마켓 디지털 자산 추가" in (where / "report.html").read_text()


def in_window(data: bytes, at: int) -> bool:
    return bool(at - 20 * SECOND <= json.loads(data)["time"] < at + 20 * SECOND)


def test_a_window_that_is_not_over_is_waited_for_and_final_once_collectors_have_proven_it(
    server: NatsServer, tmp_path: Path
) -> None:
    """Trades and proofs go on coming while it waits, as those of collectors do."""
    at = moment(0)
    done = threading.Event()

    def collect() -> None:
        while not done.wait(0.05):
            now = time.time_ns()
            publish(server, [trade(BINANCE, now, "1.1" if now > at + SECOND else "1"), *proofs(now, BINANCE)])

    publish(server, [instruments_of("binance", "spot", BINANCE), trade(BINANCE, at - 9 * SECOND)])
    collecting = threading.Thread(target=collect)
    collecting.start()
    try:
        result = metdc(server, "capture", "SOMI", "--at", text(at), "--after", "3s")
    finally:
        done.set()
        collecting.join()
    assert result.returncode == 0, result.stderr
    assert ": Final, " in result.stdout
    metadata, _, _ = kept(server, tmp_path)
    assert metadata["made"] >= at + 4 * SECOND
    assert metadata["markets"][0]["trades"] > 10


def test_with_an_open_gap_it_is_provisional_and_final_once_that_is_filled(server: NatsServer, tmp_path: Path) -> None:
    at = moment(60)
    publish(server, calm_and_jump(BINANCE, at, 1_207, "1.08"))
    publish(server, [*proofs(moment(0), BINANCE), gap(BINANCE, at + SECOND, at + 2 * SECOND, "open", at + 3 * SECOND)])
    assert ": Provisional, " in metdc(server, "capture", "SOMI", "--at", text(at)).stdout
    (market,) = kept(server, tmp_path)[0]["markets"]
    assert [(one["reason"], one["from"], one["to"], one["open"]) for one in market["lacks"]] == [
        ("gap", at + SECOND, at + 2 * SECOND, True)
    ]
    filled = trade(BINANCE, at + 1_500 * MS, "1.08", id="filled", late=True, backfilled=True)
    later = [filled, gap(BINANCE, at + SECOND, at + 2 * SECOND, "filled", at + 9 * SECOND)]
    filling = threading.Timer(3, publish, (server, later))
    filling.start()
    result = metdc(server, "capture", "SOMI", "--at", text(at), "--wait")
    filling.join()
    assert result.returncode == 0, result.stderr
    assert [line.split(": ")[1].split(",")[0] for line in result.stdout.splitlines() if line.startswith("SOMI-")] == [
        "Provisional", "Final",
    ]  # fmt: skip
    metadata, _, where = kept(server, tmp_path)
    assert metadata["markets"][0]["lacks"] == []
    assert '"id":"filled"' in (where / "trades" / "binance.spot.SOMI.USDT.jsonl").read_text()


def test_the_process_says_how_far_it_is_and_leaves_its_last_words(server: NatsServer, tmp_path: Path) -> None:
    at = moment(60)
    publish(server, calm_and_jump(BINANCE, at, 1_207, "1.08"))
    publish(server, [*proofs(moment(0), BINANCE), gap(BINANCE, at + SECOND, at + 2 * SECOND, "open", at + 3 * SECOND)])
    port, words = tmp_path / "port", tmp_path / "words"
    command = [sys.executable, "-m", "metdc_collector.cli.main", "capture", "SOMI", "--at", text(at), "--wait"]
    command += ["--http", "127.0.0.1:0", "--http-port-file", str(port), "--last-words", str(words)]
    with subprocess.Popen([*command, "--nats", server.url]) as process:

        def told() -> CaptureReport | None:
            if not port.exists() or not (number := port.read_text().strip()):
                return None
            with urllib.request.urlopen(f"http://127.0.0.1:{number}/report", timeout=PATIENCE) as answer:
                found = decode(answer.read())
            return found if found.state == "captured" else None

        provisional = eventually(told, PATIENCE, "a provisional result is told")
        publish(server, [gap(BINANCE, at + SECOND, at + 2 * SECOND, "empty", at + 9 * SECOND)])
        assert process.wait(PATIENCE) == 0
    (market,) = provisional.markets
    assert (provisional.completeness, provisional.gaps, market.lacks[0].reason) == ("Provisional", 1, "gap")
    final = decode(words.read_bytes())
    assert (final.name, final.completeness, final.gaps, final.trades) == (named(at), "Final", 0, market.trades)
    assert "binance.spot.SOMI-USDT moved first" in final.summary


def test_last_words_say_why_there_is_nothing_to_capture(server: NatsServer, tmp_path: Path) -> None:
    words = tmp_path / "words"
    result = metdc(server, "capture", "SOMX", "--at", text(moment(60)), "--wait", "--last-words", words)
    assert result.returncode == 3
    left = decode(words.read_bytes())
    assert (left.state, left.reason) == ("refused", "UnknownCoin")
    assert "nothing is known of SOMX" in left.message


def test_with_wait_a_window_without_a_trade_is_looked_at_again_while_collectors_may_fill_it(
    server: NatsServer, tmp_path: Path
) -> None:
    at = moment(0)
    publish(server, [instruments_of("binance", "spot", BINANCE), *proofs(at - 30 * SECOND, BINANCE)])
    publish(server, [trade(BINANCE, at - 40 * SECOND)])
    later = [trade(BINANCE, at + SECOND), *proofs(at + 9 * SECOND, BINANCE)]
    filling = threading.Timer(9, publish, (server, later))
    filling.start()
    result = metdc(server, "capture", "SOMI", "--at", text(at), "--after", "3s", "--wait")
    filling.join()
    assert (result.returncode, ": Final, 1 trades" in result.stdout) == (0, True), result.stderr


def test_a_collector_that_is_down_leaves_the_time_unproven(server: NatsServer, tmp_path: Path) -> None:
    at = moment(60)
    publish(server, [*calm_and_jump(BINANCE, at, 1_207, "1.08"), *proofs(at + 5 * SECOND, BINANCE)])
    assert ": Provisional, " in metdc(server, "capture", "SOMI", "--at", text(at)).stdout
    (market,) = kept(server, tmp_path)[0]["markets"]
    assert [(one["reason"], one["from"], one["to"]) for one in market["lacks"]] == [
        ("not_proven", at + 4 * SECOND, at + 20 * SECOND)
    ]


@pytest.mark.parametrize(
    ("base", "ago", "code", "says"),
    [
        ("SOMX", 60, 3, "nothing is known of SOMX"),
        ("SOMI", -60, 2, "the window is in the future"),
        ("SOMI", 0, 3, "SOMI was traded nowhere in the window of SOMI-"),
        ("SOMI", 60, 0, "kept SOMI-"),
    ],
)
def test_what_cannot_be_captured_is_told(server: NatsServer, base: str, ago: int, code: int, says: str) -> None:
    publish(server, [trade(BINANCE, moment(60)), *proofs(moment(-60), BINANCE)])
    result = metdc(server, "capture", base, "--at", text(moment(ago)), "--before", "1s", "--after", "1s")
    assert (result.returncode, says in result.stderr) == (code, True), result.stderr
    assert metdc(server, "captures", "list", "--json").stdout.count("\n") == (code == 0)


def test_what_the_streams_no_longer_hold_is_told(server: NatsServer) -> None:
    publish(server, [trade(BINANCE, moment(7_200)), trade(OKX, moment(7_200))])

    async def forget(jetstream: Any) -> None:
        for exchange in ("BINANCE", "OKX"):
            await jetstream.purge_stream(f"TRADES_{exchange}")

    on_server(server, forget)
    publish(server, [trade(BINANCE, moment(0))])
    result = metdc(server, "capture", "SOMI", "--at", text(moment(3_600)))
    assert result.returncode == 3
    assert "the streams hold nothing that was stored in the window" in result.stderr
    assert "TRADES_BINANCE, TRADES_OKX" in result.stderr


def test_without_streams_or_nats_it_fails_in_one_line(server: NatsServer) -> None:
    async def remove(jetstream: Any) -> None:
        for exchange in ("BINANCE", "OKX"):
            await jetstream.delete_stream(f"TRADES_{exchange}")

    on_server(server, remove)
    result = metdc(server, "capture", "SOMI", "--at", text(moment(60)))
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert "no stream holds trades.*.*.SOMI.* yet" in result.stderr


def test_a_capture_that_is_not_there_is_told_with_those_that_are(server: NatsServer) -> None:
    result = metdc(server, "captures", "show", "SOMI")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "metdc: there is no capture SOMI; there are: none\n"
    assert metdc(server, "captures", "list", "--json").stdout == ""
    publish(server, [trade(BINANCE, moment(60)), *proofs(moment(0), BINANCE)])
    assert metdc(server, "capture", "SOMI", "--at", text(moment(60))).returncode == 0
    result = metdc(server, "captures", "get", "ETH")
    assert "there is no capture ETH; there are: SOMI-" in result.stderr
