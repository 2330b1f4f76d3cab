"""Instruments that are renamed, listed anew, or counted in another way while collectors stream them."""

import json
import time
from collections import Counter
from typing import Any

import pytest

from metdc_collector.continuity import SERIES
from tests.audit.stream import Stored
from tests.harness import NatsServer, eventually
from tests.integration.rig import BINANCE_FUTURES, BINANCE_SPOT, Market, held, messages, settled, simulator, streaming
from tests.integration.test_universe import records

pytestmark = pytest.mark.timeout(120)
OKX = Market("okx", "futures", "BTC-USDT-SWAP")
KUCOIN = Market("kucoin", "spot", "BTC-USDT")
ONE = {"include": ["BTC"]}


def payloads(stored: list[Stored]) -> list[dict[str, Any]]:
    return [json.loads(one.data) for one in stored]


def out_of_reach(trades: list[dict[str, Any]]) -> None:
    """Wait until nothing that is traded now can be taken for a trade that lags behind these."""
    newest = max(one["time"] for one in trades)
    eventually(lambda: time.time_ns() > newest + SERIES, 30, "a new series may begin")


def told(nats: str, name: str) -> list[dict[str, Any]]:
    """The records of an instrument, in order."""
    return [one for one in records(nats) if one["instrument"] == name]


@pytest.mark.parametrize(
    ("market", "played", "restarts"),
    [
        (BINANCE_SPOT, "binance.spot", True),
        (BINANCE_FUTURES, "binance.futures", True),
        (OKX, "okx", True),
        (Market("gate", "spot", "BTC_USDT"), "gate", True),
        (KUCOIN, "kucoin.spot", True),
        (Market("phemex", "futures", "BTCUSDT"), "phemex", False),
    ],
    ids=lambda value: value.key if isinstance(value, Market) else "",
)
def test_a_series_whose_numbers_begin_again_is_stored_in_order_and_none_of_it_is_late(
    nats: NatsServer, market: Market, played: str, *, restarts: bool
) -> None:
    where = {"exchange": market.exchange, "market": market.name}
    symbols = {"include": ["BTC", "ETH"]}
    with (
        simulator(only=(played,)) as exchange,
        streaming(exchange, market, nats.url, symbols=symbols) as running,
    ):
        exchange.trade(market, 30)
        running.until(lambda report: report["trades"]["stored"] >= 30, "the old series is stored")
        exchange.order("/universe", **where, delist=[market.instrument])
        running.until(lambda report: report["symbols"]["wanted"] == 1, "it is no longer wanted")
        old = payloads(messages(nats.url))
        out_of_reach(old)
        exchange.order("/universe", **where, relist=[market.instrument])
        running.until(lambda report: report["symbols"]["streaming"] == 2, "it is streamed again")
        exchange.trade(market, 10)
        running.until(lambda report: len(messages(nats.url)) >= len(old) + 10, "the new series is stored")
        with streaming(exchange, market, nats.url, pod="next", symbols=symbols) as following:
            exchange.trade(market, 10)
            running.stop()
            exchange.trade(market, 10)
            verdict = settled(exchange, nats.url, following)
            following.stop()
    held(verdict, market, least=60)
    found = [one for one in payloads(messages(nats.url)) if one["instrument"] == market.instrument]
    assert not [one["id"] for one in found if "late" in one]
    numbers = [int(one["seq"]) for one in found if one["seq"]]
    assert (min(numbers[-30:], default=0) < min(numbers[:-30], default=0)) is restarts


def test_a_series_that_begins_again_between_two_lists_is_stored_in_order(nats: NatsServer) -> None:
    market = BINANCE_SPOT
    where = {"exchange": market.exchange, "market": market.name}
    with simulator(only=("binance.spot",)) as exchange, streaming(exchange, market, nats.url, symbols=ONE) as running:
        exchange.trade(market, 30)
        running.until(lambda report: report["trades"]["stored"] == 30, "the old series is stored")
        out_of_reach(payloads(messages(nats.url)))
        exchange.order("/universe", **where, delist=[market.instrument], relist=[market.instrument])
        exchange.trade(market, 20)
        running.until(lambda report: report["trades"]["stored"] == 50, "the new series is stored")
        assert running.report()["trades"]["late"] == 0
        assert running.report()["last_ids"] == {"BTCUSDT": "20"}
        verdict = settled(exchange, nats.url, running)
        running.stop()
    held(verdict, market, least=50)


def test_a_pair_whose_coin_is_renamed_keeps_the_name_it_was_published_under(nats: NatsServer) -> None:
    market = KUCOIN
    where = {"exchange": market.exchange, "market": market.name}
    symbols = {"include": ["ETH-USDT", "BTC-USDT"]}
    change = {"ETH-USDT": {"baseCurrency": "ETHX", "name": "ETHX-USDT"}}
    with simulator(only=("kucoin.spot",)) as exchange:
        with streaming(exchange, market, nats.url, symbols=symbols) as running:
            eventually(lambda: told(nats.url, "ETH-USDT"), 20, "its record")
            listed = running.report()["symbols"]["listed_at"]
            exchange.order("/universe", **where, change=change)
            running.until(lambda report: report["symbols"]["listed_at"] > listed, "the list is read")
            running.until(lambda report: report["symbols"]["listed_at"] > listed + 10**9, "and read again")
            exchange.trade(market, 3, instrument="ETH-USDT")
            running.until(lambda report: report["trades"]["stored"] >= 3, "its trades are stored")
            running.stop()
        with streaming(exchange, market, nats.url, pod="next", symbols=symbols) as following:
            exchange.trade(market, 3, instrument="ETH-USDT")
            following.until(lambda report: report["trades"]["stored"] >= 3, "its trades are stored")
            verdict = settled(exchange, nats.url, following)
            following.stop()
    held(verdict, market, least=6)
    assert {one.subject for one in messages(nats.url)} == {"trades.kucoin.spot.ETH.USDT"}
    assert [(one["base"], one["status"]) for one in told(nats.url, "ETH-USDT")] == [("ETH", "trading")]


def test_a_coin_that_is_renamed_by_a_new_listing_is_a_new_instrument_and_the_old_one_ends(nats: NatsServer) -> None:
    market = OKX
    where = {"exchange": market.exchange, "market": market.name}
    names = ["ETH-USDT-SWAP", "ZZZ-USDT-SWAP"]
    with (
        simulator(only=("okx",)) as exchange,
        streaming(exchange, market, nats.url, symbols={"include": ["BTC", "ETH", "ZZZ"]}) as running,
    ):
        eventually(lambda: told(nats.url, names[0]), 20, "the old one's record")
        exchange.trade(market, 3, instrument=names[0])
        news = {"base": "ZZZ", "quote": "USDT", "price": "1.5"}
        exchange.order("/universe", **where, remove=names[:1], list=[news])
        running.until(lambda report: report["symbols"]["refused"][0]["instrument"] == "ETH", "the old name is gone")
        running.until(lambda report: report["symbols"]["streaming"] == 2, "the new one is streamed")
        exchange.trade(market, 3, instrument=names[1])
        running.until(lambda report: names[1] in report["last_ids"], "its trades come")
        eventually(lambda: len(told(nats.url, names[0])) > 1 and told(nats.url, names[1]), 20, "the records")
        verdict = settled(exchange, nats.url, running)
        running.stop()
    held(verdict, market, least=6)
    assert [[one["status"] for one in told(nats.url, name)] for name in names] == [["trading", "delisted"], ["trading"]]
    assert {one.subject for one in messages(nats.url)} >= {f"trades.okx.futures.{coin}.USDT" for coin in ("ETH", "ZZZ")}


@pytest.mark.parametrize(
    ("market", "played", "change", "multiplier"),
    [
        (OKX, "okx", {"ctVal": "0.25", "ctMult": "0.1"}, "0.025"),
        (Market("kucoin", "futures", "XBTUSDTM"), "kucoin.futures", {"multiplier": 0.00025}, "0.00025"),
        (Market("gate", "futures", "BTC_USDT"), "gate", {"quanto_multiplier": "0.00025"}, "0.00025"),
    ],
    ids=lambda value: value.key if isinstance(value, Market) else "",
)
def test_a_multiplier_that_changes_holds_from_the_next_list_on_and_makes_one_record(
    nats: NatsServer, market: Market, played: str, change: dict[str, Any], multiplier: str
) -> None:
    name = market.instrument
    with simulator(only=(played,)) as exchange, streaming(exchange, market, nats.url, symbols=ONE) as running:
        eventually(lambda: told(nats.url, name), 20, "its first record")
        exchange.trade(market, 20)
        running.until(lambda report: report["trades"]["stored"] >= 20, "trades by the old one are stored")
        exchange.order("/universe", exchange=market.exchange, market=market.name, change={name: change})
        eventually(lambda: len(told(nats.url, name)) > 1, 20, "its second record")
        exchange.trade(market, 20)
        verdict = settled(exchange, nats.url, running)
        running.stop()
    held(verdict, market, least=40)
    first, second = told(nats.url, name)
    assert (first | {"multiplier": multiplier}, first["multiplier"] == multiplier) == (second, False)
    used = Counter(one["multiplier"] for one in payloads(messages(nats.url))[-40:])
    assert used == {first["multiplier"]: 20, multiplier: 20}


def test_of_two_that_claim_one_subject_the_one_that_had_it_keeps_it_over_a_restart(nats: NatsServer) -> None:
    market = BINANCE_FUTURES
    where = {"exchange": market.exchange, "market": market.name}
    # The earlier listed has the greater name, so that only its age is for it.
    both = [
        {"base": "1000ZZZ", "quote": "USDT", "price": "0.5", "row": {"onboardDate": 1_600_000_000_000}},
        {"base": "1000000ZZZ", "quote": "USDT", "price": "0.5", "row": {"onboardDate": 1_700_000_000_000}},
    ]
    reason = "1000ZZZUSDT holds the subject trades.binance.futures.ZZZ.USDT"
    refused = {"instrument": "1000000ZZZUSDT", "reason": reason}
    with simulator(only=("binance.futures",)) as exchange:
        with streaming(exchange, market, nats.url, symbols={"include": ["BTC", "ZZZ"]}) as running:
            exchange.order("/universe", **where, list=both)
            running.until(lambda report: refused in report["symbols"]["refused"], "the later one is refused by name")
            running.until(lambda report: report["symbols"]["streaming"] == 2, "the earlier one is streamed")
            eventually(lambda: told(nats.url, "1000ZZZUSDT"), 20, "its name is kept")
            running.stop()
        # By their rows alone the other one would win now.
        exchange.order("/universe", **where, change={"1000ZZZUSDT": {"onboardDate": 1_750_000_000_000}})
        with streaming(exchange, market, nats.url, pod="next", symbols={"include": ["BTC", "ZZZ"]}) as following:
            assert refused in following.report()["symbols"]["refused"]
            for one in both:
                exchange.trade(market, 3, instrument=f"{one['base']}USDT")
            following.until(lambda report: report["trades"]["stored"] >= 3, "its trades are stored")
            verdict = settled(exchange, nats.url, following)
            following.stop()
    held(verdict, market, least=3)
    assert {(one["instrument"], one["symbol"]) for one in payloads(messages(nats.url))} == {("1000ZZZUSDT", "ZZZ-USDT")}
