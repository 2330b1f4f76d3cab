"""The simulated KuCoin's REST against sections 6.1 to 6.3 and 6.8 of the reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from tests.audit.exact import loads
from tests.conformance.clients import receive
from tests.conformance.kucoin_clients import BITCOIN, KUCOIN, bullet, session, subscribe, topic
from tests.simulator.testing import Simulated, simulator

MARKETS = ["spot", "futures"]
HISTORY = {"spot": "/api/v1/market/histories", "futures": "/api/v1/trade/history"}
CONTRACTS = "/api/v1/contracts/active"
WHOLE = {
    "symbol": "BTC-USDT", "name": "BTC-USDT", "baseCurrency": "BTC", "quoteCurrency": "USDT", "feeCurrency": "USDT",
    "market": "USDS", "baseMinSize": "0.00001", "quoteMinSize": "0.1", "baseMaxSize": "10000000000",
    "quoteMaxSize": "99999999", "baseIncrement": "0.00000001", "quoteIncrement": "0.000001", "priceIncrement": "0.1",
    "priceLimitRate": "0.1", "minFunds": "0.1", "isMarginEnabled": True, "enableTrading": True, "st": False,
    "callauctionIsEnabled": False, "tradingStartTime": None,
}  # fmt: skip
CONTRACT = (
    '"symbol":"XBTUSDTM","rootSymbol":"USDT","type":"FFWCSX","firstOpenDate":1585825200000,"expireDate":null,'
    '"settleDate":null,"baseCurrency":"XBT","quoteCurrency":"USDT","settleCurrency":"USDT","maxOrderQty":1000000,'
    '"maxPrice":1000000.0,"lotSize":1,"tickSize":0.1,"indexPriceTickSize":0.01,"multiplier":0.001,"isInverse":false,'
    '"isQuanto":false,"status":"Open","marketStage":"NORMAL","fundingRateGranularity":28800000'
)


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=KUCOIN) as running:
        yield running


async def get(sim: Simulated, market: str, path: str, method: str = "GET") -> tuple[int, Any, Mapping[str, str], str]:
    """Status, JSON body with exact numbers, headers, text."""
    async with sim.http.request(method, sim.rest("kucoin", market) + path) as reply:
        text = await reply.text()
        return reply.status, loads(text), reply.headers, text


async def rows(sim: Simulated, market: str, path: str) -> list[dict[str, Any]]:
    """The data of a good answer."""
    status, body, _, _ = await get(sim, market, path)
    assert (status, body["code"]) == (200, "200000")
    return list(body["data"])


# The token call


@pytest.mark.parametrize("market", MARKETS)
async def test_the_token_call_names_a_server_of_this_port(sim: Simulated, market: str) -> None:
    data = await bullet(sim, market)
    assert data["instanceServers"] == [
        {
            "endpoint": sim.websocket("kucoin", market) + "/endpoint", "encrypt": False, "protocol": "websocket",
            "pingInterval": 18000, "pingTimeout": 10000,
        }
    ]  # fmt: skip
    assert {"+", "/", "="} <= set(data["token"])
    assert data["token"] != (await bullet(sim, market))["token"]


async def test_the_ping_interval_is_divided() -> None:
    async with simulator(only=KUCOIN, divide_timers=20) as sim:
        server = (await bullet(sim, "spot"))["instanceServers"][0]
    assert (server["pingInterval"], server["pingTimeout"]) == (900, 500)


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_the_token_call_is_a_post(sim: Simulated, method: str) -> None:
    status, body, _, _ = await get(sim, "spot", "/api/v1/bullet-public", method)
    assert (status, body["code"]) == (405, "405000")


async def test_an_unknown_path_is_404(sim: Simulated) -> None:
    status, body, _, _ = await get(sim, "spot", CONTRACTS)
    assert (status, body["code"]) == (404, "404000")


# Lists


async def test_the_spot_list_has_its_real_size_and_odd_rows(sim: Simulated) -> None:
    listed = await rows(sim, "spot", "/api/v2/symbols")
    names = {row["symbol"]: row for row in listed}
    quotes = Counter(row["quoteCurrency"] for row in listed)
    assert 1250 < len(names) == len(listed) < 1350
    assert all(quotes[quote] for quote in ("USDT", "USDC", "BTC", "ETH", "KCS", "EUR", "TRX"))
    assert sum(not row["enableTrading"] for row in listed) > 10
    auctions = [row for row in listed if row["callauctionIsEnabled"]]
    assert [type(row["tradingStartTime"]) for row in auctions] == [int] * 3
    assert names["BTC-USDT"] == WHOLE
    assert list(names["BTC-USDT"]) == list(WHOLE)
    assert {row["market"] for row in listed} >= {"USDS", "BTC", "ALTS", "KCS", "DeFi"}


async def test_a_renamed_coin_keeps_its_symbol(sim: Simulated) -> None:
    listed = {row["symbol"]: row for row in await rows(sim, "spot", "/api/v2/symbols")}
    renamed = {name: (row["name"], row["baseCurrency"]) for name, row in listed.items() if row["name"] != name}
    assert renamed["BCHSV-USDT"] == ("BSV-USDT", "BSV")
    assert renamed["WAX-USDT"] == ("WAXP-USDT", "WAXP")
    assert "BSV-USDT" not in listed


async def test_the_old_form_of_the_spot_list_lacks_the_newer_fields(sim: Simulated) -> None:
    new, old = await rows(sim, "spot", "/api/v2/symbols"), await rows(sim, "spot", "/api/v1/symbols")
    assert [row["symbol"] for row in new] == [row["symbol"] for row in old]
    assert set(new[0]) - set(old[0]) == {"minFunds", "st", "callauctionIsEnabled", "tradingStartTime"}


async def test_one_trading_zone_can_be_asked_for(sim: Simulated) -> None:
    zone = await rows(sim, "spot", "/api/v2/symbols?market=BTC")
    assert {row["market"] for row in zone} == {"BTC"}


async def test_the_contract_list_has_its_real_size_and_odd_rows(sim: Simulated) -> None:
    listed = await rows(sim, "futures", CONTRACTS)
    kinds = Counter(
        (row["type"], row["settleCurrency"], row["isInverse"], row["status"], row.get("marketStage")) for row in listed
    )
    plain = ("FFWCSX", "USDT", False)
    assert len({row["symbol"] for row in listed}) == len(listed) == 700
    assert kinds[*plain, "Open", "NORMAL"] + kinds[*plain, "Open", None] == 673
    assert all(kinds[*plain, *state] for state in [("Open", None), ("Open", "PRE_MARKET")])
    assert all(kinds[*plain, status, "NORMAL"] for status in ("Paused", "BeingSettled", "CancelOnly"))
    assert kinds["FFWCSX", "USDC", False, "Open", "NORMAL"]
    assert kinds["FFWCSX", "XBT", True, "Open", "NORMAL"]
    assert kinds["FFICSX", "XBT", True, "Open", "NORMAL"]
    assert kinds["FFICSX", "USDT", False, "Open", "NORMAL"]
    assert {row["multiplier"] for row in listed if row["isInverse"]} == {-1}
    assert next(row for row in listed if row["symbol"] == "1000BONKUSDTM")["baseCurrency"] == "1000BONK"


async def test_numbers_of_contracts_are_plain_json_numbers(sim: Simulated) -> None:
    _, body, _, text = await get(sim, "futures", CONTRACTS)
    numbers = [row[key] for row in body["data"] for key in ("multiplier", "lotSize", "tickSize")]
    assert all(isinstance(number, int | Decimal) for number in numbers)
    assert CONTRACT in text
    assert '"tickSize":0.0000001' in text
    assert {row["multiplier"] for row in body["data"]} >= {Decimal("0.001"), 1, 10, 10000}
    assert {row["lotSize"] for row in body["data"]} == {1, 10}


async def test_the_ledger_has_the_multiplier_as_exact_text_and_follows_its_change(sim: Simulated) -> None:
    await sim.post("/universe", exchange="kucoin", market="futures", change={"ETHUSDTM": {"multiplier": 0.00001}})
    records = [row for row in await sim.records("instrument") if row["market"] == "futures"]
    texts = {row["instrument"]: row["multiplier"] for row in records}
    assert (texts["XBTUSDTM"], texts["XBTUSDM"], texts["ETHUSDTM"]) == ("0.001", "-1", "0.00001")
    assert [row["multiplier"] for row in records if row["instrument"] == "ETHUSDTM"] == ["0.01", "0.00001"]
    assert all(row["multiplier"] is None for row in await sim.records("instrument") if row["market"] == "spot")


# Back-fill


@pytest.mark.parametrize("market", MARKETS)
async def test_the_back_fill_is_the_newest_hundred_and_joins_the_stream_by_sequence(
    sim: Simulated, market: str
) -> None:
    name = BITCOIN[market]
    async with session(sim, market) as socket:
        await subscribe(socket, topic(market))
        await sim.trade("kucoin", market, name, 130)
        seen = [(await receive(socket))["data"] for _ in range(130)]
    found = await rows(sim, market, f"{HISTORY[market]}?symbol={name}")
    wanted = [str(data["sequence"]) for data in seen[-100:]]
    assert [str(row["sequence"]) for row in found] == (wanted if market == "spot" else wanted[::-1])
    newest, live = found[-1 if market == "spot" else 0], seen[-1]
    if market == "spot":
        assert list(newest) == ["sequence", "price", "size", "side", "time"]
        assert newest == {key: live[key] for key in newest} | {"time": int(live["time"])}
    else:
        assert list(newest) == [
            "sequence", "contractId", "tradeId", "makerOrderId", "takerOrderId", "ts", "size", "price", "side",
        ]  # fmt: skip
        assert newest == {"contractId": 1} | {key: live[key] for key in newest if key != "contractId"}


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("query", ["?symbol=NOPE", ""])
async def test_a_bad_symbol_has_http_200_and_a_code(sim: Simulated, market: str, query: str) -> None:
    status, body, _, text = await get(sim, market, HISTORY[market] + query)
    assert (status, text) == (200, '{"msg":"Invalid symbol.","code":"200003"}')
    assert "data" not in body


# Limits


async def test_answers_carry_the_state_of_the_pool(sim: Simulated) -> None:
    left = []
    for path, method in ((CONTRACTS, "GET"), ("/api/v1/bullet-public", "POST")):
        _, _, headers, _ = await get(sim, "futures", path, method)
        assert headers["gw-ratelimit-limit"] == "2000"
        assert 0 <= int(headers["gw-ratelimit-reset"]) <= 30_000
        left.append(int(headers["gw-ratelimit-remaining"]))
    assert left in ([1997, 1987], [1997, 1990])  # a new window may have begun in between


async def test_more_weight_than_the_pool_has_is_429_with_a_code(sim: Simulated) -> None:
    for _ in range(450):  # 200 token calls in 30 seconds; a full window may pass in between
        status, body, headers, _ = await get(sim, "spot", "/api/v1/bullet-public", "POST")
        if status == 429:
            assert (body["code"], headers["gw-ratelimit-remaining"]) == ("429000", "0")
            assert int(headers["gw-ratelimit-reset"]) <= 30_000
            assert (await sim.state())["violations"] == {"kucoin.spot weight": {"127.0.0.1": 1}}
            return
    raise AssertionError("no 429 within 450 token calls")
