"""What is wrong outside of the collector is said in words, once, and everything else goes on."""

from collections.abc import Iterator
from typing import Any

import pytest
from nats.js import JetStreamContext

from tests.harness import NatsServer, http, nats_server
from tests.integration.rig import (
    BINANCE_FUTURES,
    BINANCE_SPOT,
    PHEMEX_SPOT,
    Market,
    Simulator,
    collector,
    configuration,
    held,
    jetstream,
    settled,
    simulator,
    streaming,
)

pytestmark = pytest.mark.timeout(90)


@pytest.fixture(scope="module")
def shared_exchange() -> Iterator[Simulator]:
    """For tests that look at messages and leave nothing behind but trades."""
    with simulator() as running:
        yield running


@pytest.fixture(scope="module")
def shared_nats() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


@pytest.fixture
def calm(shared_exchange: Simulator) -> Iterator[Simulator]:
    """The shared exchange, trading a little everywhere, whose faults end with the test."""
    shared_exchange.order("/rate", total=200)
    yield shared_exchange
    shared_exchange.clear()


def refused(config: dict[str, Any]) -> str:
    """Return what a collector says that does not even start."""
    with collector(config) as running:
        assert running.process.wait(20) == 2
        return running.process.log


# -- the configuration itself


def test_an_unknown_exchange_ends_with_the_names_of_those_that_exist(calm: Simulator, shared_nats: NatsServer) -> None:
    said = refused(configuration(calm, Market("kraken", "spot", ""), shared_nats.url))
    assert "spec.exchange: unknown exchange 'kraken'; there are: binance, bybit" in said
    assert "Traceback" not in said


def test_an_unknown_market_ends_with_the_names_of_those_that_exist(calm: Simulator, shared_nats: NatsServer) -> None:
    said = refused(configuration(calm, Market("binance", "options", ""), shared_nats.url))
    assert "unknown market 'options' of binance; there are: spot, futures" in said
    assert "Traceback" not in said


def test_an_unknown_symbol_is_refused_by_name_and_the_others_stream(calm: Simulator, shared_nats: NatsServer) -> None:
    with streaming(calm, BINANCE_SPOT, shared_nats.url, symbols={"include": ["BTC", "NOSUCH", "ETH"]}) as running:
        report = running.until(lambda report: report["trades"]["stored"] > 20, "the others stream")
        running.stop()
    assert [entry["instrument"] for entry in report["symbols"]["refused"]] == ["NOSUCH"]
    assert "no such instrument" in report["symbols"]["refused"][0]["reason"]
    assert (report["symbols"]["wanted"], report["symbols"]["streaming"]) == (2, 2)
    assert running.lines("NOSUCH is refused: no such instrument in the venue's list")


def test_an_empty_selection_says_so_and_waits_for_something_to_collect(
    calm: Simulator, shared_nats: NatsServer
) -> None:
    config = configuration(calm, BINANCE_SPOT, shared_nats.url, symbols={"quotes": ["WAMPUM"]})
    with collector(config) as running:
        running.logged("spec.symbols selects no instrument", 20)
        said = running.lines("spec.symbols selects no instrument")
        status, waiting = running.get("/readyz")
        calm.order("/universe", exchange="binance", market="spot", list=[{"base": "BEAVER", "quote": "WAMPUM"}])
        running.until_ready()
        report = running.report()
        running.stop()
    assert len(said) == 1
    assert "quote USDT is not wanted" in said[0]
    assert (status, "change quotes or include" in waiting) == (503, True)
    assert report["symbols"]["streaming"] == 1


# -- the instrument list


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"fault": "rest_body", "mode": "not_json"}, "the instrument list is not JSON: the reply begins with '<html>"),
        ({"fault": "rest_body", "mode": "empty"}, "the instrument list is empty: the reply has no body"),
        ({"fault": "rest_body", "mode": "truncated"}, "the instrument list is not JSON"),
        ({"fault": "rest_error", "status": 429, "retry_after": 1}, "HTTP 429: too many requests"),
        ({"fault": "rest_error", "status": 503, "retry_after": 1}, "HTTP 503: error"),
    ],
    ids=["not JSON", "empty", "truncated", "429", "503"],
)
def test_an_instrument_list_that_fails_is_said_once_and_asked_for_again(
    calm: Simulator, nats: NatsServer, fault: dict[str, Any], said: str
) -> None:
    calm.order("/fault", exchange="binance", market="futures", seconds=600, **fault)
    with collector(configuration(calm, BINANCE_FUTURES, nats.url)) as running:
        running.logged(said, 20)
        before = hits(calm)
        while hits(calm) < before + 2:
            assert running.get("/livez")[0] == 200
        assert said in running.get("/readyz")[1]
        assert len(running.lines(said)) == 1, "once, not each attempt"
        calm.clear()
        running.until_ready()
        running.until(lambda report: report["trades"]["stored"] > 10, "trades are stored")
        running.stop()


def hits(exchange: Simulator) -> int:
    """Return how often the one fault that is on has struck."""
    (fault,) = http(f"{exchange.control}/state")["faults"]
    return int(fault["hits"])


def test_an_instrument_list_that_comes_compressed_is_read(calm: Simulator, shared_nats: NatsServer) -> None:
    calm.fault("rest_body", BINANCE_FUTURES, mode="gzip", seconds=600)
    with streaming(calm, BINANCE_FUTURES, shared_nats.url) as running:
        assert running.report()["symbols"]["streaming"] == 10
        running.stop()


def test_a_refused_region_names_venue_address_and_remedy_and_other_markets_stream(
    calm: Simulator, nats: NatsServer
) -> None:
    calm.fault("rest_error", BINANCE_FUTURES, status=451, body="restricted location", seconds=600)
    with (
        collector(configuration(calm, BINANCE_FUTURES, nats.url)) as blocked,
        streaming(calm, BINANCE_SPOT, nats.url) as other,
    ):
        blocked.logged("HTTP 451: binance refuses this region; set spec.endpoints to a gateway elsewhere", 20)
        other.until(lambda report: report["trades"]["stored"] > 20, "the other market streams")
        (said,) = blocked.lines("HTTP 451")
        assert calm.venues["binance"]["futures"]["rest"] in said
        assert blocked.get("/livez")[0] == 200
        assert "HTTP 451" in blocked.get("/readyz")[1]
        other.stop()
        blocked.stop()


CLOUDFRONT = (
    "<HTML><H1>403 ERROR</H1>The request could not be satisfied.<HR>Generated by cloudfront (CloudFront)</HTML>"
)
"""The page with which a content network answers in place of a venue that is not offered in a country."""


@pytest.mark.parametrize(("status", "body"), [(451, "restricted location"), (403, CLOUDFRONT)])
@pytest.mark.parametrize("fault", ["rest_error", "refuse_connect"])
def test_a_region_is_told_by_status_or_page_by_rest_as_by_websocket(
    calm: Simulator, nats: NatsServer, fault: str, status: int, body: str
) -> None:
    market = PHEMEX_SPOT
    calm.fault(fault, market, status=status, body=body, seconds=600)
    with collector(configuration(calm, market, nats.url)) as blocked:
        said = f"HTTP {status}: phemex refuses this region; set spec.endpoints to a gateway elsewhere: {body}"
        blocked.logged(said, 20)
        address = calm.venues["phemex"]["spot"]["rest" if fault == "rest_error" else "webSocket"]
        assert all(address in line for line in blocked.lines(said))
        assert said in blocked.get("/readyz")[1]
        assert blocked.get("/livez")[0] == 200
        blocked.stop()


# -- the stream


def test_a_stream_that_holds_the_subjects_is_named_and_trades_wait_for_them(
    exchange: Simulator, nats: NatsServer
) -> None:
    jetstream(nats.url, lambda js: js.add_stream(name="SQUATTER", subjects=["trades.phemex.spot.>"]))
    with collector(configuration(exchange, PHEMEX_SPOT, nats.url)) as running:
        running.logged("stream TRADES_PHEMEX can't have trades.phemex.>", 20)
        exchange.rate(PHEMEX_SPOT, 200)
        exchange.sent(PHEMEX_SPOT, 200)
        report = running.until(lambda report: report["backlog"]["trades"] > 200, "trades are kept")
        (said,) = running.lines("can't have")
        squatted = jetstream(nats.url, lambda js: js.stream_info("SQUATTER"))
        jetstream(nats.url, lambda js: js.delete_stream("SQUATTER"))
        running.until_ready()
        verdict = settled(exchange, nats.url, running)
        running.stop()
    assert "these overlap subjects of stream SQUATTER" in said
    assert "spec.nats.stream.name" in said
    assert report["nats"]["message"] == said.removesuffix("; trades are kept and the attempts go on")
    assert report["ready"] is False
    assert squatted.state.messages == 0, "trades in another's stream"
    held(verdict, PHEMEX_SPOT, least=200)


async def create(js: JetStreamContext) -> None:
    """Do what an administrator does who gives collectors no right to."""
    await js.add_stream(name="TRADES_PHEMEX", subjects=["trades.phemex.>"], allow_direct=True)
    await js.add_stream(name="METDC_EVENTS", subjects=["gaps.>", "listings.>", "instruments.>"], allow_direct=True)


def test_a_missing_stream_that_is_only_observed_is_waited_for(exchange: Simulator, nats: NatsServer) -> None:
    config = configuration(exchange, PHEMEX_SPOT, nats.url, stream={"management": "Observe"})
    with collector(config) as running:
        running.logged("stream TRADES_PHEMEX does not exist and its management is Observe", 20)
        exchange.rate(PHEMEX_SPOT, 200)
        exchange.sent(PHEMEX_SPOT, 200)
        report = running.until(lambda report: report["backlog"]["trades"] > 200, "trades are kept")
        jetstream(nats.url, create)
        running.until_ready()
        verdict = settled(exchange, nats.url, running)
        running.stop()
    (said,) = running.lines("TRADES_PHEMEX does not exist")
    assert "create it, or set Ensure" in said
    assert report["ready"] is False
    held(verdict, PHEMEX_SPOT, least=200)
