"""Coins chosen by Upbit's KRW market, from lists of real size, and while that market changes."""

import json
import re
import time
import urllib.request
from typing import Any

import pytest
from nats.js.errors import NotFoundError

from metdc_collector.exchanges.registry import MARKETS
from tests.harness import NatsServer, eventually
from tests.integration.rig import (
    BINANCE_SPOT,
    Market,
    Simulator,
    collector,
    configuration,
    held,
    jetstream,
    judged,
    messages,
    simulator,
    streaming,
)
from tests.unit.cli.running import run

pytestmark = pytest.mark.timeout(180)
UPBIT = Market("upbit", "spot", "KRW-BTC")
_SUBJECT = "$KV.metdc_universe.upbit.krw"
_COMMON = {"BEAMX": "BEAM"}
"""Coins of which Upbit writes another name than the common one."""
WORDS = ("ignore", "include", "exclude")
_SECOND = 1_000_000_000


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Binance's spot market and Upbit, at whose address collectors look for KRW."""
    with simulator(only=("binance.spot", "upbit")) as running:
        monkeypatch.setenv("METDC_UPBIT_REST", running.venues["upbit"]["spot"]["rest"])
        yield running


def lists(simulated: Simulator, market: Market, base: str, quote: str) -> None:
    row = {"base": base, "quote": quote, "price": "0.5"}
    simulated.order("/universe", exchange=market.exchange, market=market.name, list=[row])


def kept(nats: str) -> dict[str, Any]:
    """What is kept of the KRW market; empty while nothing is."""

    async def look(context: Any) -> dict[str, Any]:
        try:
            return dict(json.loads((await context.get_last_msg("KV_metdc_universe", _SUBJECT)).data))
        except NotFoundError:
            return {}

    return jetstream(nats, look)


def ends(nats: str, coin: str, at: int) -> None:
    """Let a coin's stay end at a time (ns since the epoch)."""
    known = kept(nats)

    async def put(context: Any) -> None:
        await context.publish(_SUBJECT, json.dumps(known | {"until": {coin: at}}).encode())

    jetstream(nats, put)


def live(nats: str) -> list[str]:
    """Return the subject of each stored trade that came live: of coins that trade rarely REST may show an older one."""
    return [one.subject for one in messages(nats) if "backfilled" not in json.loads(one.data)]


_APART = 0.2
"""Seconds between commands: Upbit gives its list ten times a second, and no command knows of those before."""


def counts(simulated: Simulator, exchange: str, market: str, word: str) -> tuple[int, set[str], str]:
    """Return how many instruments ``metdc symbols`` would subscribe to, their coins, and its summary."""
    rest = simulated.venues[exchange][market]["rest"]
    time.sleep(_APART)
    result = run("symbols", exchange, market, "--rest", rest, "--upbit-krw", word, "--format", "json")
    rows = [row for row in map(json.loads, result.stdout.splitlines()) if row["subscribed"]]
    assert result.exit_code == (0 if rows else 1), result.stderr
    (told,) = re.findall(r"^([0-9,]+) to subscribe", result.stderr, re.MULTILINE)
    assert int(told.replace(",", "")) == len(rows)
    return len(rows), {row["symbol"].rpartition("-")[0] for row in rows}, result.stderr.strip()


def test_on_lists_of_real_size_the_filter_parts_each_market(monkeypatch: pytest.MonkeyPatch) -> None:
    venues = ("binance.spot", "binance.futures", "bybit", "okx", "kucoin.spot", "kucoin.futures", "gate", "phemex")
    with simulator(only=(*venues, "upbit")) as simulated:
        upbit = simulated.venues["upbit"]["spot"]["rest"]
        monkeypatch.setenv("METDC_UPBIT_REST", upbit)
        with urllib.request.urlopen(f"{upbit}/v1/market/all", timeout=30) as reply:
            codes = [row["market"].split("-") for row in json.load(reply)]
        krw = {_COMMON.get(base, base) for quote, base in codes if quote == "KRW"}
        left: dict[str, int] = {}
        for name, markets in MARKETS.items():
            for market in () if name == "upbit" else markets:
                whole, inside, outside = (counts(simulated, name, market, each) for each in WORDS)
                print(f"{name} {market}: {whole[0]} = {inside[0]} + {outside[0]}; {outside[2]}")
                assert inside[0] + outside[0] == whole[0]
                assert inside[0] > 100
                assert inside[1] <= krw
                assert outside[1].isdisjoint(krw)
                left[f"{name}.{market}"] = outside[0]
        assert len(left) == 12
        # The simulator's lists begin with the same coins, and these are shorter than Upbit's.
        short = ["okx.futures", "phemex.spot", "phemex.futures"]
        assert [market for market, count in left.items() if count < 10] == short


@pytest.mark.parametrize(
    "symbols", [{}, {"upbitKRW": "Ignore"}, {"upbitKRW": "Exclude"}], ids=["default", "ignore", "exclude"]
)
def test_a_coin_about_to_be_listed_is_collected_before_and_after_it_enters_krw(
    exchange: Simulator, nats: NatsServer, symbols: dict[str, str]
) -> None:
    market, excluded = BINANCE_SPOT, symbols.get("upbitKRW") == "Exclude"
    lists(exchange, market, "ZZZ", "USDT")
    with streaming(exchange, market, nats.url, symbols=symbols) as running:
        wanted = running.report()["symbols"]["wanted"]
        exchange.trade(market, 2, instrument="ZZZUSDT")
        running.until(lambda _: live(nats.url) == ["trades.binance.spot.ZZZ.USDT"] * 2, "its trades are stored")
        lists(exchange, UPBIT, "ZZZ", "KRW")
        listed = time.time_ns()
        running.until(lambda report: report["symbols"]["listed_at"] > listed + 2 * _SECOND, "the lists are read again")
        assert ("ZZZ" in kept(nats.url).get("until", {})) == excluded
        exchange.trade(market, 3, instrument="ZZZUSDT")
        running.until(lambda _: live(nats.url) == ["trades.binance.spot.ZZZ.USDT"] * 5, "so are those after it")
        assert running.report()["symbols"]["wanted"] == wanted
        running.stop()
    held(judged(exchange, nats.url), market, least=5)


def test_a_coin_that_enters_krw_is_included_without_a_restart_and_stays_when_it_leaves(
    exchange: Simulator, nats: NatsServer
) -> None:
    market = BINANCE_SPOT
    with streaming(exchange, market, nats.url, symbols={"upbitKRW": "Include"}) as running:
        before = running.report()["symbols"]["wanted"]
        lists(exchange, market, "ZZZ", "USDT")
        lists(exchange, UPBIT, "ZZZ", "KRW")
        running.until(lambda report: report["symbols"]["streaming"] == before + 1, "it is streamed")
        exchange.order("/universe", exchange="upbit", market="spot", remove=["KRW-ZZZ"])
        lists(exchange, market, "YYY", "USDT")
        lists(exchange, UPBIT, "YYY", "KRW")
        running.until(lambda report: report["symbols"]["streaming"] == before + 2, "both are streamed")
        exchange.trade(market, 3, instrument="ZZZUSDT")
        running.until(lambda _: live(nats.url) == ["trades.binance.spot.ZZZ.USDT"] * 3, "its trades are stored")
        running.stop()
    held(judged(exchange, nats.url), market, least=3)
    assert live(nats.url) == ["trades.binance.spot.ZZZ.USDT"] * 3


def test_a_coin_that_enters_krw_stays_where_such_are_excluded_over_a_rotation_and_goes_at_its_time(
    exchange: Simulator, nats: NatsServer
) -> None:
    market = BINANCE_SPOT
    symbols = {"upbitKRW": "Exclude"}
    with streaming(exchange, market, nats.url, symbols=symbols) as running:
        before = running.report()["symbols"]["wanted"]
        lists(exchange, market, "ZZZ", "USDT")
        running.until(lambda report: report["symbols"]["streaming"] == before + 1, "it is streamed")
        lists(exchange, UPBIT, "ZZZ", "KRW")
        eventually(lambda: "ZZZ" in kept(nats.url).get("until", {}), 30, "its stay is kept")
        assert kept(nats.url)["until"]["ZZZ"] > time.time_ns() + 86_000 * _SECOND
        with streaming(exchange, market, nats.url, pod="next", symbols=symbols) as following:
            assert following.report()["symbols"]["wanted"] == before + 1
            running.stop()
            exchange.trade(market, 3, instrument="ZZZUSDT")
            following.until(lambda report: report["trades"]["stored"] >= 3, "its trades are stored")
            ends(nats.url, "ZZZ", time.time_ns() + 5 * _SECOND)
            following.until(lambda report: report["symbols"]["wanted"] == before, "it is withdrawn")
            following.stop()
    held(judged(exchange, nats.url), market, least=3)


def test_without_any_list_of_upbit_a_collector_waits_and_names_it(exchange: Simulator, nats: NatsServer) -> None:
    market = BINANCE_SPOT
    lists(exchange, market, "ZZZ", "USDT")
    exchange.fault("rest_error", UPBIT, seconds=600, status=503)
    symbols = {"include": ["BTC", "ZZZ"], "upbitKRW": "Include"}
    with collector(configuration(exchange, market, nats.url, symbols=symbols)) as running:
        waiting = running.until(lambda report: "Upbit" in str(report["waiting"]), "it waits for Upbit")
        assert waiting["symbols"]["wanted"] == 0
        exchange.clear()
        running.until_ready()
        assert len(running.lines("Upbit's KRW market: ")) == 1
        (refused,) = running.report()["symbols"]["refused"]
        assert refused == {"instrument": "ZZZUSDT", "reason": "not listed in KRW on Upbit (upbitKRW: Include)"}
        running.stop()
