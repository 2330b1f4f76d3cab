"""Instruments that are listed and delisted while a collector streams."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from nats.js.errors import NotFoundError

from tests.harness import NatsServer, eventually
from tests.integration.rig import (
    BINANCE_FUTURES,
    BINANCE_SPOT,
    Simulator,
    collector,
    configuration,
    held,
    jetstream,
    judged,
    messages,
    settled,
    simulator,
    streaming,
)

pytestmark = pytest.mark.timeout(120)
_MANY = 50
_RATE = 3000


def records(nats: str) -> list[dict[str, Any]]:
    """All instrument records, in the order in which they were stored."""

    async def read(context: Any) -> list[dict[str, Any]]:
        subscription = await context.subscribe("instruments.>", ordered_consumer=True)
        info = await context.stream_info("METDC_EVENTS")
        return [json.loads((await subscription.next_msg(timeout=10)).data) for _ in range(info.state.messages)]

    return jetstream(nats, read)


def kept(nats: str) -> bool:
    """Whether an instrument list is in the bucket."""

    async def look(context: Any) -> bool:
        with contextlib.suppress(NotFoundError):
            return bool((await context.stream_info("KV_metdc_universe")).state.messages)
        return False

    return jetstream(nats, look)


def told(nats: str, name: str, status: str) -> Callable[[], bool]:
    return lambda: [one["status"] for one in records(nats) if one["instrument"] == name][-1:] == [status]


def test_50_listings_and_50_delistings_under_load_cost_the_others_nothing(nats: NatsServer) -> None:
    market = BINANCE_SPOT
    coins = [f"NEW{number}" for number in range(_MANY)]
    with (
        simulator(symbols=None, only=("binance.spot",)) as exchange,
        streaming(exchange, market, nats.url, symbols={}) as running,
    ):
        exchange.rate(market, _RATE)
        exchange.sent(market, _RATE)
        report = running.until(lambda report: len(report["last_ids"]) >= _MANY, "fifty have traded")
        wanted, rows = report["symbols"]["wanted"], sorted(report["last_ids"])[:_MANY]
        exchange.order(
            "/universe",
            exchange=market.exchange,
            market=market.name,
            list=[{"base": coin, "quote": "USDT", "price": "1.5"} for coin in coins],
            delist=rows,
        )
        running.until(
            lambda report: (
                report["symbols"]["wanted"] == wanted == report["symbols"]["streaming"]
                and not report["last_ids"].keys().isdisjoint({f"{coin}USDT" for coin in coins})
            ),
            "as many have come as have gone",
        )
        for coin in coins:
            exchange.trade(market, instrument=f"{coin}USDT")
        verdict = settled(exchange, nats.url, running)
        running.stop()
    held(verdict, market, least=_RATE)
    assert {f"{coin}USDT" for coin in coins} <= {json.loads(one.data)["instrument"] for one in messages(nats.url)}


def test_a_coin_that_is_announced_is_subscribed_to_before_its_first_trade(
    exchange: Simulator, nats: NatsServer
) -> None:
    market = BINANCE_FUTURES
    with streaming(exchange, market, nats.url, symbols={"quotes": ["USDT"]}) as running:
        before = running.report()["symbols"]["wanted"]
        row = {"base": "ZZZ", "quote": "USDT", "price": "0.5", "row": {"status": "PENDING_TRADING"}}
        exchange.order("/universe", exchange=market.exchange, market=market.name, list=[row])
        running.until(lambda report: report["symbols"]["streaming"] == before + 1, "it is subscribed to")
        change = {"ZZZUSDT": {"status": "TRADING"}}
        exchange.order("/universe", exchange=market.exchange, market=market.name, change=change)
        exchange.trade(market, 3, instrument="ZZZUSDT")
        running.until(lambda report: report["trades"]["stored"] >= 3, "its first trades are stored")
        running.stop()
    held(judged(exchange, nats.url), market, least=3)


def test_a_delisting_ends_with_one_record(exchange: Simulator, nats: NatsServer) -> None:
    market = BINANCE_FUTURES
    with streaming(exchange, market, nats.url, symbols={"include": ["BTC", "ETH"]}) as running:
        eventually(told(nats.url, "ETHUSDT", "trading"), 20, "its first record")
        exchange.order("/universe", exchange=market.exchange, market=market.name, delist=["ETHUSDT"])
        running.until(lambda report: report["symbols"]["wanted"] == 1, "it is no longer wanted")
        eventually(told(nats.url, "ETHUSDT", "delisted"), 20, "its last record")
        running.stop()
    with streaming(exchange, market, nats.url, pod="next", symbols={"include": ["BTC", "ETH"]}) as following:
        following.stop()
    found = [one["status"] for one in records(nats.url) if one["instrument"] == "ETHUSDT"]
    assert found == ["trading", "delisted"]


def test_a_name_that_was_published_holds_when_the_bare_coin_is_listed_later(
    exchange: Simulator, nats: NatsServer
) -> None:
    market = BINANCE_FUTURES
    symbols = {"include": ["PEPE"]}
    with streaming(exchange, market, nats.url, symbols=symbols) as running:
        row = {"base": "PEPE", "quote": "USDT", "price": "0.00001"}
        exchange.order("/universe", exchange=market.exchange, market=market.name, list=[row])
        refused = running.until(lambda report: report["symbols"]["refused"], "the newcomer is refused by name")
        assert refused["symbols"]["refused"][0]["instrument"] == "PEPEUSDT"
        running.stop()
    with streaming(exchange, market, nats.url, pod="next", symbols=symbols) as following:
        exchange.trade(market, instrument="1000PEPEUSDT")
        following.until(lambda report: report["trades"]["stored"] >= 1, "its trade is stored")
        following.stop()
    (subject,) = {one.subject for one in messages(nats.url)}
    assert subject == "trades.binance.futures.PEPE.USDT"


def test_a_start_while_rest_is_down_streams_by_the_list_that_was_kept(exchange: Simulator, nats: NatsServer) -> None:
    market = BINANCE_SPOT
    with streaming(exchange, market, nats.url) as running:
        eventually(lambda: kept(nats.url), 20, "the list is kept")
        running.stop()
    exchange.fault("rest_error", market, seconds=120, status=503)
    with collector(configuration(exchange, market, nats.url, pod="next")) as following:
        following.until_ready()
        following.logged("streaming by the instrument list of ")
        exchange.trade(market, 5)
        following.until(lambda report: report["trades"]["stored"] == 5, "trades flow")
        following.stop()
    held(judged(exchange, nats.url), market, least=5)


def test_a_list_that_loses_half_of_its_rows_unsubscribes_nothing(exchange: Simulator, nats: NatsServer) -> None:
    market = BINANCE_SPOT
    with streaming(exchange, market, nats.url) as running:
        wanted = running.report()["symbols"]["wanted"]
        exchange.fault("rest_body", market, seconds=120, mode="shrunk", share=0.95)
        running.logged("it has shrunk from ")
        assert running.report()["symbols"]["wanted"] == wanted
        running.stop()
