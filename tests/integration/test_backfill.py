"""What nobody streamed is taken from REST, by whoever comes next, and the ledger of gaps says what became of it."""

import json
from typing import Any

import pytest

from tests.harness import NatsServer, eventually
from tests.integration.rig import (
    BINANCE_SPOT,
    CEILING,
    PHEMEX_FUTURES,
    Market,
    Simulator,
    held,
    jetstream,
    judged,
    messages,
    simulator,
    streaming,
)

pytestmark = pytest.mark.timeout(120)
BYBIT_FUTURES = Market("bybit", "futures", "BTCUSDT")
GATE_SPOT = Market("gate", "spot", "BTC_USDT")
EACH = pytest.mark.parametrize(
    "market",
    [BINANCE_SPOT, BYBIT_FUTURES, PHEMEX_FUTURES],
    ids=lambda market: market.key,
)


def gaps(nats: str) -> list[dict[str, Any]]:
    """Return all gap records in the order in which they were stored."""

    async def read(context: Any) -> list[dict[str, Any]]:
        state = (await context.stream_info("METDC_EVENTS", subjects_filter="gaps.>")).state
        count = sum((state.subjects or {}).values())
        subscription = await context.subscribe("gaps.>", ordered_consumer=True)
        return [json.loads((await subscription.next_msg(timeout=10)).data) for _ in range(count)]

    return jetstream(nats, read)


def lacking(exchange: Simulator, nats: str, market: Market) -> list[dict[str, Any]]:
    """Return the trades that the exchange made after the first subscription and the stream does not hold."""
    exchange.order("/mark")
    stored: dict[tuple[str, Any], int] = {}
    for message in map(json.loads, (one.data for one in messages(nats))):
        key = (message["instrument"], message["id"] if market.exchange != "phemex" else message["time"])
        stored[key] = stored.get(key, 0) + 1
    wanted: set[str] = set()
    missing = []
    with exchange.ledger.open() as lines:
        for record in map(json.loads, lines):
            if (record.get("exchange"), record.get("market")) != (market.exchange, market.name):
                continue
            if record["type"] == "connection" and record["event"] == "subscribed":
                wanted.update(record["instruments"])
            elif record["type"] == "trade" and record["instrument"] in wanted and not record["snapshot_only"]:
                key = (record["instrument"], record["id"] if market.exchange != "phemex" else record["time"])
                if "aggregate" in record or record["kind"] in ("NA", "insurance", "adl"):
                    continue
                if stored.get(key, 0) > 0:
                    stored[key] -= 1
                else:
                    missing.append(record)
    return missing


def nothing_lacks(exchange: Simulator, nats: str, market: Market) -> None:
    """Wait until the stream holds every trade that was made."""

    def look() -> bool:
        return not lacking(exchange, nats, market)

    eventually(look, CEILING, f"{market.key}: nothing lacks", every=1)


def exchange_of(market: Market) -> Any:
    """Run a simulator of one venue alone."""
    only = market.key if market.exchange in ("binance", "kucoin") else market.exchange
    return simulator(only=(only,), history=5)


def paused(exchange: Simulator, market: Market, rate: float, count: int) -> None:
    """Let so many trades be made, then none."""
    exchange.order("/resume")
    exchange.rate(market, rate)
    made = exchange.state(market)["produced"]
    eventually(lambda: exchange.state(market)["produced"] >= made + count, CEILING, f"{count} trades made")
    exchange.order("/pause")


@EACH
def test_what_was_traded_while_a_connection_was_lost_is_taken_from_rest(nats: NatsServer, market: Market) -> None:
    with exchange_of(market) as exchange, streaming(exchange, market, nats.url) as running:
        paused(exchange, market, 200, 300)
        exchange.fault("refuse_connect", market, status=503, seconds=600)
        exchange.fault("reset", market)
        running.until(lambda report: report["connections"]["active"] == 0, "the connection is lost")
        paused(exchange, market, 200, 100)
        exchange.clear()
        running.until(lambda report: report["ready"], "it streams again")
        paused(exchange, market, 200, 100)
        nothing_lacks(exchange, nats.url, market)
        running.until(lambda report: report["gaps"]["open"] == 0, "nothing is looked for any more")
        running.stop()
        held(judged(exchange, nats.url), market, least=300)
    assert {one["state"] for one in gaps(nats.url)} <= {"open", "filled", "empty"}
    if market is not PHEMEX_FUTURES:  # whose snapshot has told all of it
        assert any(one["state"] == "filled" and one["cause"] == "disconnected" for one in gaps(nats.url))
        assert any(json.loads(one.data).get("backfilled") for one in messages(nats.url))


@EACH
def test_a_collector_goes_on_from_what_is_stored(nats: NatsServer, market: Market) -> None:
    with exchange_of(market) as exchange:
        with streaming(exchange, market, nats.url) as first:
            paused(exchange, market, 200, 300)
            first.until(lambda report: report["backlog"]["trades"] == 0, "all is stored")
            first.process.kill()
        paused(exchange, market, 200, 100)
        with streaming(exchange, market, nats.url, pod="pod-b") as running:
            paused(exchange, market, 200, 100)
            nothing_lacks(exchange, nats.url, market)
            running.until(lambda report: report["gaps"]["open"] == 0, "nothing is looked for any more")
            running.stop()
        held(judged(exchange, nats.url), market, least=300)
    if market is not PHEMEX_FUTURES:
        assert any(one["state"] == "filled" and one["cause"] == "restarted" for one in gaps(nats.url))


@pytest.mark.parametrize("market", [BINANCE_SPOT, BYBIT_FUTURES], ids=lambda market: market.key)
def test_what_a_connection_leaves_out_is_found(nats: NatsServer, market: Market) -> None:
    with exchange_of(market) as exchange, streaming(exchange, market, nats.url) as running:
        paused(exchange, market, 200, 100)
        exchange.fault("omit", market, count=5)
        paused(exchange, market, 200, 100)
        exchange.clear()
        paused(exchange, market, 100, 200)
        nothing_lacks(exchange, nats.url, market)
        report = running.report()
        running.stop()
    found = [one for one in gaps(nats.url) if one["cause"] == "omitted" and one["state"] == "filled"]
    assert report["samples"]["repaired"] == report["samples"]["missing"]
    assert report["samples"]["missing"] + sum(one["filled"] for one in found) >= 3
    assert bool(found) == (market is BINANCE_SPOT), "a number that lacks shows at once, what has none is sampled"


@pytest.mark.parametrize("market", [GATE_SPOT, BYBIT_FUTURES], ids=lambda market: market.key)
def test_a_listing_that_nobody_announced_is_read_from_its_first_trade(nats: NatsServer, market: Market) -> None:
    with exchange_of(market) as exchange, streaming(exchange, market, nats.url, symbols={}) as running:
        row = {"base": "ZZZ", "quote": "USDT", "price": "1.5"}
        (name,) = exchange.order("/universe", exchange=market.exchange, market=market.name, list=[row])["changed"]
        exchange.trade(market, 3, instrument=name)
        running.until(lambda report: name in report["last_ids"], "it is streamed")
        nothing_lacks(exchange, nats.url, market)
        running.stop()
    assert sum(json.loads(one.data)["instrument"] == name for one in messages(nats.url)) == 3
