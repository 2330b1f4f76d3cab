"""What stands beside USDT-margined perpetuals on coins in the venues' lists is never subscribed to."""

import json
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from tests.harness import NatsServer
from tests.integration.rig import Market, Simulator, simulator, streaming
from tests.unit.cli.running import run

pytestmark = pytest.mark.timeout(120)
Row = dict[str, Any]
QUOTES = ["USDT", "USDC", "USD"]
"""Asked for, so that the quote alone keeps nothing out."""

OUTSIDE: Mapping[str, Mapping[str, Callable[[Row], bool]]] = {
    "binance": {
        "TradFi": lambda row: row["contractType"] == "TRADIFI_PERPETUAL",
        "USDC": lambda row: row["marginAsset"] == "USDC",
        "dated": lambda row: "QUARTER" in row["contractType"],
        "without a kind yet": lambda row: row["contractType"] == "",
    },
    "bybit": {
        "TradFi": lambda row: row["symbolType"] in {"stock", "xstocks", "commodity", "forex"},
        "pre-market": lambda row: row["isPreListing"] or row["status"] == "PreLaunch",
        "USDC": lambda row: row["settleCoin"] == "USDC",
        "dated": lambda row: row["contractType"] == "LinearFutures",
    },
    "okx": {
        "TradFi": lambda row: row["instCategory"] in {"3", "4", "5", "6"},
        "pre-market": lambda row: row["ruleType"] == "pre_market",
        "other rules": lambda row: row["ruleType"] not in {"", "normal", "pre_market"},
        "USDC": lambda row: row["settleCcy"] == "USDC",
        "inverse": lambda row: row["ctType"] == "inverse",
    },
    "kucoin": {
        "pre-market": lambda row: row.get("marketStage") == "PRE_MARKET",
        "USDC": lambda row: row["settleCurrency"] == "USDC",
        "dated": lambda row: row["type"] == "FFICSX",
        "inverse": lambda row: row["isInverse"],
    },
    "gate": {
        "TradFi": lambda row: bool(row["contract_type"]),
        "pre-market": lambda row: row["is_pre_market"],
    },
    "phemex": {
        "TradFi": lambda row: row["perpProductSubType"] == "TradFi",
        "pre-market": lambda row: row["perpProductSubType"] == "PreMarket",
        "USDC": lambda row: row["settleCurrency"] == "USDC",
    },
}
"""By venue, what the rows of its list for futures say of themselves that are none of ours, in the venue's own words."""
PLAYED = {"binance": "binance.futures", "kucoin": "kucoin.futures"}


def subscriptions(exchange: Simulator, venue: str) -> tuple[dict[str, Row], set[str]]:
    """The rows of the venue's list for futures, and the names that anybody has subscribed to, by the ledger."""
    exchange.order("/mark")
    rows: dict[str, Row] = {}
    names: set[str] = set()
    for record in map(json.loads, exchange.ledger.read_text().splitlines()):
        if (record.get("exchange"), record.get("market")) != (venue, "futures"):
            continue
        if record["type"] == "instrument":
            rows[record["instrument"]] = record["row"]
        elif record["type"] == "connection" and record["event"] == "subscribed":
            names.update(record["instruments"])
    return rows, names


@pytest.mark.parametrize("venue", OUTSIDE)
def test_rows_of_other_goods_margins_and_terms_are_not_subscribed_to(nats: NatsServer, venue: str) -> None:
    market = Market(venue, "futures", "BTCUSDT")
    with (
        simulator(only=(PLAYED.get(venue, venue),)) as exchange,
        streaming(exchange, market, nats.url, symbols={"quotes": QUOTES}) as running,
    ):
        report = running.report()
        rows, names = subscriptions(exchange, venue)
        state = exchange.state(market)
        running.stop()
    outside = {kind: {name for name, row in rows.items() if said(row)} for kind, said in OUTSIDE[venue].items()}
    assert all(outside.values()), "each kind stands in the list"
    assert {kind: sorted(found & names) for kind, found in outside.items() if found & names} == {}
    assert state["subscriptions"] == len(names) == report["symbols"]["wanted"]
    announced = [name for name in names if rows[name].get("status") == "PENDING_TRADING"]
    assert len(names) == state["tradable"] + len(announced)


# -- metdc symbols


class Source(NamedTuple):
    """Where a list is, under which members its rows are and what names a row; a row is ours if its fields say these."""

    path: str
    members: str
    key: str
    fields: Mapping[str, set[object]]


_COINS: set[object] = {"", "innovation", "adventure"}
SOURCES: Mapping[tuple[str, str], Source] = {
    ("binance", "spot"): Source(
        "/api/v3/exchangeInfo", "symbols", "symbol", {"status": {"TRADING"}, "quoteAsset": {"USDT"}}
    ),
    ("binance", "futures"): Source(
        "/fapi/v1/exchangeInfo",
        "symbols",
        "symbol",
        {"contractType": {"PERPETUAL"}, "marginAsset": {"USDT"}, "status": {"TRADING", "PENDING_TRADING"}},
    ),
    ("bybit", "spot"): Source(
        "/v5/market/instruments-info?category=spot",
        "result.list",
        "symbol",
        {"status": {"Trading"}, "quoteCoin": {"USDT"}, "symbolType": _COINS},
    ),
    ("bybit", "futures"): Source(
        "/v5/market/instruments-info?category=linear&limit=1000",
        "result.list",
        "symbol",
        {"contractType": {"LinearPerpetual"}, "status": {"Trading"}, "settleCoin": {"USDT"}, "symbolType": _COINS},
    ),
    ("okx", "spot"): Source(
        "/api/v5/public/instruments?instType=SPOT", "data", "instId", {"state": {"live"}, "quoteCcy": {"USDT"}}
    ),
    ("okx", "futures"): Source(
        "/api/v5/public/instruments?instType=SWAP",
        "data",
        "instId",
        {"state": {"live"}, "ctType": {"linear"}, "settleCcy": {"USDT"}, "instCategory": {"1"}, "ruleType": {"normal"}},
    ),
    ("kucoin", "spot"): Source(
        "/api/v2/symbols",
        "data",
        "symbol",
        {"quoteCurrency": {"USDT"}, "enableTrading": {True}, "callauctionIsEnabled": {False}},
    ),
    ("kucoin", "futures"): Source(
        "/api/v1/contracts/active",
        "data",
        "symbol",
        {"status": {"Open"}, "type": {"FFWCSX"}, "settleCurrency": {"USDT"}, "marketStage": {"NORMAL", None}},
    ),
    ("gate", "spot"): Source(
        "/api/v4/spot/currency_pairs",
        "",
        "id",
        {"trade_status": {"tradable"}, "quote": {"USDT"}, "type": {"normal"}},
    ),
    ("gate", "futures"): Source(
        "/api/v4/futures/usdt/contracts",
        "",
        "name",
        {"status": {"trading"}, "contract_type": {""}, "in_delisting": {False}, "is_pre_market": {False}},
    ),
    ("phemex", "spot"): Source(
        "/public/products",
        "data.products",
        "symbol",
        {"type": {"Spot"}, "status": {"Listed"}, "quoteCurrency": {"USDT"}},
    ),
    ("phemex", "futures"): Source(
        "/public/products",
        "data.perpProductsV2",
        "symbol",
        {"status": {"Listed"}, "settleCurrency": {"USDT"}, "perpProductSubType": {"Normal"}},
    ),
    ("upbit", "spot"): Source("/v1/market/all", "", "market", {}),
}
VENUES = (
    *("binance.spot", "binance.futures", "bybit", "okx", "kucoin.spot", "kucoin.futures", "gate", "phemex"),
    "upbit",
)


def listed(rest: str, path: str, members: str) -> Iterator[Row]:
    """The rows of a list, of all its pages."""
    after: str | None = ""
    while after is not None:
        with urllib.request.urlopen(rest + path + after, timeout=30) as reply:
            found = body = json.load(reply)
        for member in filter(None, members.split(".")):
            found = found[member]
        yield from found
        cursor = body["result"].get("nextPageCursor") if members == "result.list" else None
        after = f"&cursor={cursor}" if cursor else None


def test_metdc_symbols_counts_what_the_lists_hold() -> None:
    counts = {}
    with simulator(only=VENUES) as exchange:
        for (name, market), source in SOURCES.items():
            rest = exchange.venues[name][market]["rest"]
            expected = {
                row[source.key]
                for row in listed(rest, source.path, source.members)
                if all(row.get(field) in said for field, said in source.fields.items())
            }
            if name == "upbit":  # its rows have a name alone
                expected = {code for code in expected if code.startswith("KRW-")}
            result = run("symbols", name, market, "--rest", rest, "--format", "json")
            told = [json.loads(line) for line in result.stdout.splitlines()]
            assert {one["instrument"] for one in told if one["subscribed"]} == expected, f"{name} {market}"
            assert result.stderr.startswith(f"{len(expected):,} to subscribe, 0 refused, "), result.stderr
            counts[f"{name}.{market}"] = len(expected)
    print(counts)
    assert len(counts) == 13
    assert min(counts.values()) > 100
