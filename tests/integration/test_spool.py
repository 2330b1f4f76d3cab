"""NATS away for longer than memory lasts: trades wait on disk, also for the next process, and are stored once."""

import contextlib
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.harness import NatsServer, folder
from tests.integration.rig import (
    BINANCE_SPOT,
    PHEMEX_SPOT,
    Collector,
    Market,
    Simulator,
    collector,
    configuration,
    held,
    settled,
)

pytestmark = pytest.mark.timeout(180)
_BOUND = 512 * 1024
_PROGRAM = f"""
import sys
from metdc_collector.__main__ import main
from metdc_collector.publisher import window
window.MOST_BYTES = {_BOUND}
sys.exit(main())
"""
_SMALL = [sys.executable, "-c", _PROGRAM]
"""A collector that keeps half a MiB of trades in memory instead of 64, so that a test need not send 200,000."""


def spooled(running: Collector, place: Path, least: int) -> dict[str, object]:
    """Wait until so many bytes are on disk."""

    def look(report: dict[str, object]) -> bool:
        return sum(file.stat().st_size for file in place.rglob("*.trades")) >= least

    return running.until(look, f"{least} bytes on disk")


def streams(exchange: Simulator, market: Market, *collectors: Collector, rate: float) -> None:
    """Let a market trade, and wait until each collector has let its instruments in."""
    exchange.rate(market, rate)
    for running in collectors:
        running.until(lambda report: report["trades"]["stored"] + report["trades"]["duplicates"] > 1000, "it stores")


def sent(exchange: Simulator, market: Market, more: int) -> None:
    """Wait until so many more trades have been sent."""
    exchange.sent(market, exchange.state(market)["sent"] + more)


@pytest.mark.parametrize("market", [BINANCE_SPOT, PHEMEX_SPOT], ids=lambda market: market.exchange)
def test_trades_past_the_memory_bound_are_stored_once_when_nats_is_back(
    exchange: Simulator, nats: NatsServer, market: Market
) -> None:
    with (
        folder() as place,
        collector(configuration(exchange, market, nats.url), spool=place, command=_SMALL) as running,
    ):
        running.until_ready()
        streams(exchange, market, running, rate=2000)
        nats.kill()
        spooled(running, place, 2 * _BOUND)
        received = running.report()["trades"]["received"]
        running.until(lambda report: report["trades"]["received"] > received + 1000, "sockets are read on")
        nats.start()
        sent(exchange, market, 2000)
        verdict = settled(exchange, nats.url, running)
        held(verdict, market, least=6000)
        assert running.lines("delivered")
        running.stop()
        assert not list(place.rglob("*.trades"))


def test_while_nats_stands_still_sockets_are_read_on(exchange: Simulator, nats: NatsServer) -> None:
    with (
        folder() as place,
        collector(configuration(exchange, BINANCE_SPOT, nats.url), spool=place, command=_SMALL) as running,
    ):
        running.until_ready()
        streams(exchange, BINANCE_SPOT, running, rate=2000)
        nats.process.signal(signal.SIGSTOP)
        try:
            spooled(running, place, 2 * _BOUND)
        finally:
            nats.process.signal(signal.SIGCONT)
        sent(exchange, BINANCE_SPOT, 2000)
        held(settled(exchange, nats.url, running), BINANCE_SPOT, least=6000)


def test_a_killed_collectors_spool_is_delivered_by_the_next(exchange: Simulator, nats: NatsServer) -> None:
    with folder() as place:
        config = configuration(exchange, BINANCE_SPOT, nats.url)
        with collector(config, spool=place, command=_SMALL) as first:
            first.until_ready()
            streams(exchange, BINANCE_SPOT, first, rate=2000)
            nats.kill()
            spooled(first, place, 3 * _BOUND)
            first.process.kill()
        kept = sum(1 for file in place.rglob("*.trades") for _ in range(file.read_bytes().count(b'{"v":1')))
        nats.start()
        with collector(config | {"pod": "pod-b"}, spool=place, command=_SMALL) as second:
            second.until_ready()
            second.until(lambda report: second.lines("delivered"), "the spool is delivered")
            verdict = settled(exchange, nats.url, second)
            tally = verdict.tallies[BINANCE_SPOT.key]
            record = verdict.record()
            assert (tally.duplicated, tally.misordered, tally.wrong, tally.extra) == (0, 0, 0, 0), record
            # What the first one had in memory went with it, and what was sent while nobody listened.
            assert tally.lost < tally.sent - kept
            second.stop()
        assert [path.name for path in place.rglob("*.trades")] == []
        assert kept > 3000


def test_two_with_equal_spools_store_each_trade_once(exchange: Simulator, nats: NatsServer) -> None:
    config = configuration(exchange, BINANCE_SPOT, nats.url)
    with contextlib.ExitStack() as stack:
        one, other = stack.enter_context(folder()), stack.enter_context(folder())
        first = stack.enter_context(collector(config, spool=one, command=_SMALL))
        first.until_ready()
        streams(exchange, BINANCE_SPOT, first, rate=1000)
        second = stack.enter_context(collector(config | {"pod": "pod-b"}, spool=other, command=_SMALL))
        second.until_ready()
        streams(exchange, BINANCE_SPOT, second, rate=1500)
        nats.kill()
        spooled(first, one, 2 * _BOUND)
        spooled(second, other, 2 * _BOUND)
        nats.start()
        sent(exchange, BINANCE_SPOT, 1500)
        held(settled(exchange, nats.url, first, second), BINANCE_SPOT, least=6000)
        assert first.lines("delivered")
        assert second.lines("delivered")


def test_what_a_full_spool_gives_up_is_a_gap_that_rest_fills(exchange: Simulator, nats: NatsServer) -> None:
    config = configuration(exchange, BINANCE_SPOT, nats.url, spool={"maxBytes": "64Ki"})
    with folder() as place, collector(config, spool=place, command=_SMALL) as running:
        running.until_ready()
        streams(exchange, BINANCE_SPOT, running, rate=2000)
        nats.kill()
        running.logged("the oldest trades are given up", 30)
        sent(exchange, BINANCE_SPOT, 500)
        running.process.signal(signal.SIGSTOP)  # files that come and go can't be added up
        taken = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        running.process.signal(signal.SIGCONT)
        assert taken <= 64 * 1024
        nats.start()
        running.until(lambda report: report["gaps"]["filled"] > 0 == report["gaps"]["open"], "REST gives it again")
        verdict = settled(exchange, nats.url, running)
    held(verdict, BINANCE_SPOT, least=2500)


def test_a_collector_that_is_stopped_while_nats_is_away_leaves_everything_on_disk(
    exchange: Simulator, nats: NatsServer
) -> None:
    with folder() as place:
        config = configuration(exchange, BINANCE_SPOT, nats.url)
        with collector(config, spool=place) as first:
            first.until_ready()
            streams(exchange, BINANCE_SPOT, first, rate=1000)
            nats.kill()
            first.until(lambda report: report["backlog"]["trades"] > 500, "trades wait in memory")
            exchange.rate(BINANCE_SPOT, 0)
            time.sleep(0.5)
            assert first.process.terminate(60) == 0, first.process.log
        nats.start()
        with collector(config | {"pod": "pod-b"}, spool=place) as second:
            second.until_ready()
            second.until(lambda report: second.lines("delivered"), "the spool is delivered")
            held(settled(exchange, nats.url, second), BINANCE_SPOT, least=1000)
