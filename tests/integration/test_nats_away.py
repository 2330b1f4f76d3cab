"""NATS crashes, stands still, is not there yet: trades are kept, within bounds, and stored afterwards."""

import signal
import sys

import pytest

from tests.harness import NatsServer, folder
from tests.integration.rig import (
    BINANCE_FUTURES,
    BINANCE_SPOT,
    PHEMEX_FUTURES,
    Simulator,
    collector,
    configuration,
    held,
    settled,
    simulator,
    streaming,
)

pytestmark = pytest.mark.timeout(120)
MIB = 1024 * 1024
_BOUND = 2 * MIB
_PROGRAM = f"""
import sys
from metdc_collector.__main__ import main
from metdc_collector.publisher import window
window.MOST_BYTES = {_BOUND}
sys.exit(main())
"""
_SMALL = [sys.executable, "-c", _PROGRAM]
"""A collector that keeps 2 MiB of trades instead of 64, so that a test need not send a hundred thousand."""


def test_a_crash_of_nats_under_load_loses_and_duplicates_nothing(exchange: Simulator, nats: NatsServer) -> None:
    with (
        streaming(exchange, BINANCE_SPOT, nats.url) as binance,
        streaming(exchange, PHEMEX_FUTURES, nats.url) as phemex,
    ):
        exchange.rate(BINANCE_SPOT, 1000)
        exchange.rate(PHEMEX_FUTURES, 1000)
        exchange.sent(BINANCE_SPOT, 2000)
        nats.kill()
        down = binance.until(lambda report: not report["nats"]["connected"], "it notices")
        binance.until(lambda report: report["backlog"]["trades"] > 500, "it keeps what it receives")
        nats.start()
        exchange.sent(BINANCE_SPOT, exchange.state(BINANCE_SPOT)["sent"] + 2000)
        verdict = settled(exchange, nats.url, binance, phemex)
        said = binance.lines("cannot be reached")
        assert 1 <= len(said) == len(set(said)) <= 3, "each reason of an outage once: the loss, a broken pipe, refusals"
        assert len(binance.lines("connected to NATS")) == 2
    assert down["nats"]["message"]
    held(verdict, BINANCE_SPOT, PHEMEX_FUTURES, least=4000)


@pytest.mark.parametrize("by", [1, 20], ids=["connection kept", "connection given up"])
def test_while_nats_stands_still_sockets_wait_and_memory_stays_bounded(nats: NatsServer, by: float) -> None:
    with (
        simulator(by=1) as exchange,
        collector(configuration(exchange, BINANCE_SPOT, nats.url), by=by, command=_SMALL) as running,
    ):
        running.until_ready()
        exchange.rate(BINANCE_SPOT, 4000)
        running.until(lambda report: report["trades"]["stored"] > 2000, "trades are stored")
        nats.process.signal(signal.SIGSTOP)
        try:
            full = running.until(lambda report: report["backlog"]["bytes"] >= _BOUND, "its memory is full")
            received = full["trades"]["received"]
            exchange.sent(BINANCE_SPOT, exchange.state(BINANCE_SPOT)["sent"] + 8000)
            waiting = running.report()
        finally:
            nats.process.signal(signal.SIGCONT)
        assert waiting["backlog"]["bytes"] < 1.25 * _BOUND
        assert waiting["trades"]["received"] - received < 2000, "sockets are read though there is no room"
        assert running.get("/livez")[0] == 200
        held(settled(exchange, nats.url, running), BINANCE_SPOT, least=12_000)
        assert running.resident() < 128 * MIB


def test_a_collector_that_starts_before_nats_waits_and_says_so_once(exchange: Simulator) -> None:
    with folder() as store:
        server = NatsServer(store)
        with collector(configuration(exchange, BINANCE_FUTURES, server.url)) as running:
            running.logged(f"NATS at {server.url} cannot be reached", 20)
            running.until(lambda report: report["symbols"]["streaming"] > 0, "it streams all the same")
            exchange.rate(BINANCE_FUTURES, 200)
            running.until(lambda report: report["backlog"]["trades"] > 200, "it keeps what it receives")
            status, waiting = running.get("/readyz")
            assert status == 503
            assert "NATS to acknowledge a message" in waiting
            server.start()
            try:
                running.until_ready()
                held(settled(exchange, server.url, running), BINANCE_FUTURES, least=200)
                running.stop()
            finally:
                server.stop()
            assert len(running.lines("cannot be reached")) == 1


def test_wrong_credentials_are_named_once_and_tried_until_they_fit(exchange: Simulator) -> None:
    users = 'authorization {{ user: "metdc", password: "{}" }}'
    with folder() as store, folder() as credentials:
        (credentials / "username").write_text("metdc\n")
        (credentials / "password").write_text("right\n")
        server = NatsServer(store, configuration=users.format("other"))
        server.start()
        try:
            config = configuration(exchange, BINANCE_FUTURES, server.url)
            with collector(config, credentials=credentials) as running:
                running.logged("cannot be reached", 20)
                exchange.rate(BINANCE_FUTURES, 200)
                running.until(lambda report: report["backlog"]["trades"] > 200, "it keeps what it receives")
                assert server.process.log.count("authentication error") > 3, "it does not try again"
                assert len(running.lines("Authorization Violation")) == 1
                assert len(running.lines("cannot be reached")) <= 2, (
                    "the server also resets connections that it refuses"
                )
                server.stop()
                server = replaced(server, users.format("right"))
                running.until_ready()
                verdict = settled(exchange, server.url.replace("//", "//metdc:right@"), running)
                held(verdict, BINANCE_FUTURES, least=200)
                running.stop()
                assert running.lines("connected to NATS")
        finally:
            server.stop()


def replaced(server: NatsServer, configuration: str) -> NatsServer:
    """Start a server with another configuration on the same port and store."""
    successor = NatsServer(server.store, configuration=configuration)
    successor.port = server.port
    successor.start()
    return successor
