"""Every example of docs/consuming.md, as it stands there, against a real nats-server."""

import asyncio
import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import orjson
import pytest
from nats.aio.client import Client

from metdc_collector.wire import streams, trade
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade
from tests.harness import ROOT, NatsServer, NotInTime, Process, eventually, metdc, nats_server

SPOT = Instrument("binance", "spot", "BTCUSDT", "BTC", "USDT")
FUTURES = Instrument("phemex", "futures", "BTCUSDT", "BTC", "USDT")
PATIENCE = 30
PAGE = (ROOT / "docs/consuming.md").read_text(encoding="utf-8")


def example(heading: str, language: str = "python") -> str:
    """The one block of a language below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(found)


def a_trade(instrument: Instrument, number: str, price: str = "80220.74") -> Trade:
    now = time.time_ns() - 1_000_000_000
    return Trade(instrument, number, number, price, "0.00196", "sell", now, now)


@pytest.fixture
def server() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


@pytest.fixture
async def nc(server: NatsServer) -> AsyncIterator[Client]:
    """A client; both streams are there."""
    client = await nats.connect(server.url)
    for exchange in ("binance", "phemex"):
        wanted = streams.desired(streams.trades_stream(exchange, ["spot"], max_bytes=1 << 20))
        await client.request(f"$JS.API.STREAM.CREATE.{wanted['name']}", orjson.dumps(wanted))
    yield client
    await client.close()


async def publish(nc: Client, *entries: Trade) -> None:
    for entry in entries:
        headers = {"Nats-Msg-Id": entry.message_id}
        await nc.jetstream().publish(entry.instrument.subject, trade.encode(entry), headers=headers)


async def followed(nc: Client, *names: str) -> None:
    """Return when each stream has a consumer."""
    for _ in range(10 * PATIENCE):
        replies = [await nc.request(f"$JS.API.STREAM.INFO.{name}") for name in names]
        if all(orjson.loads(reply.data)["state"]["consumer_count"] for reply in replies):
            return
        await asyncio.sleep(0.1)
    raise NotInTime(f"a consumer on {', '.join(names)}")


def start(heading: str, *arguments: str | Path) -> Process:
    return Process([sys.executable, "-c", example(heading), *arguments], name=heading)


async def lines(process: Process, count: int) -> list[str]:
    return [await asyncio.to_thread(process.line, PATIENCE) for _ in range(count)]


async def test_the_subject_line_matches_one_exchanges_spot_trades(nc: Client) -> None:
    words = shlex.split(example("Any NATS client", "sh"))
    assert words[:2] + words[3:4] == ["nats", "--server", "subscribe"]
    subscription = await nc.subscribe(words[4])
    await publish(nc, a_trade(FUTURES, "1"), a_trade(SPOT, "2"))
    message = await subscription.next_msg(PATIENCE)
    assert trade.decode(message.data).id == "2"


async def test_the_live_subscriber_shows_what_comes_from_now_on(nc: Client, server: NatsServer) -> None:
    await publish(nc, a_trade(SPOT, "1", "1"))
    with start("A live subscriber", server.url) as subscriber:
        await followed(nc, "TRADES_BINANCE")
        await publish(nc, a_trade(FUTURES, "2"), a_trade(SPOT, "3"))
        assert await lines(subscriber, 1) == ["BTC-USDT sell 0.00196 at 80220.74"]


async def test_the_reader_goes_on_where_it_stopped_in_every_stream(
    nc: Client, server: NatsServer, tmp_path: Path
) -> None:
    place = tmp_path / "place.json"
    await publish(nc, a_trade(SPOT, "1"), a_trade(FUTURES, "1"), a_trade(SPOT, "2"))
    with start("A reader that resumes", server.url, place) as reader:
        first = await lines(reader, 3)

        def written() -> bool:
            return place.exists() and json.loads(place.read_text()) == {"TRADES_BINANCE": 2, "TRADES_PHEMEX": 1}

        await asyncio.to_thread(eventually, written, PATIENCE, "the last numbers in the file")
    await publish(nc, a_trade(SPOT, "3"), a_trade(FUTURES, "2"))
    with start("A reader that resumes", server.url, place) as reader:
        second = await lines(reader, 2)
    assert sorted(first) == ["binance.spot.BTCUSDT.1", "binance.spot.BTCUSDT.2", "phemex.futures.BTCUSDT.1"]
    assert sorted(second) == ["binance.spot.BTCUSDT.3", "phemex.futures.BTCUSDT.2"]


async def test_the_file_is_exported_and_polars_reads_it(nc: Client, server: NatsServer, tmp_path: Path) -> None:
    await publish(
        nc,
        a_trade(SPOT, "1", "80220.74"),
        a_trade(SPOT, "2", "80221.24"),
        a_trade(SPOT, "3", "1")._replace(kind="block"),
        a_trade(FUTURES, "4", "80219"),
    )
    for line in example("A file", "sh").splitlines():
        words = shlex.split(line)
        assert words[0] == "metdc"
        command = [*map(str, metdc()), *words[1:], "--nats", server.url]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, done.stderr
    assert len((tmp_path / "trades.jsonl").read_text().splitlines()) == 4
    with start("Polars", tmp_path / "trades.parquet") as report:
        assert await lines(report, 2) == [
            "binance.spot: 2 trades, average 80220.99",
            "phemex.futures: 1 trades, average 80219.00",
        ]


async def test_one_coin_is_followed_on_all_venues(nc: Client, server: NatsServer) -> None:
    await publish(nc, a_trade(SPOT, "1"), a_trade(FUTURES, "1", "80219"))
    with start("One coin on all venues", server.url) as subscriber:
        await lines(subscriber, 2)
        await publish(nc, a_trade(FUTURES, "2", "80225.5"))
        assert await lines(subscriber, 1) == ["2 markets, binance.spot 80220.74 to phemex.futures 80225.5"]


def test_every_example_in_python_is_run_here() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    run = Path(__file__).read_text(encoding="utf-8")
    with_examples = [name for name in headings if "```" in PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]]
    assert [name for name in with_examples if f'"{name}"' not in run] == []
