"""Recordings of OKX in current and older forms, typed by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit.recorded import Recording, exchange_of, read
from tests.audit.venues.okx import life_of

REST = "https://www.okx.com/api/v5/public/instruments?instType="
SOCKET = "wss://ws.okx.com/ws/v5/business"


def spot(base: str, quote: str, **rest: Any) -> dict[str, str]:
    usual = {"instType": "SPOT", "instId": f"{base}-{quote}", "baseCcy": base, "quoteCcy": quote, "settleCcy": ""}
    words = {"ctVal": "", "ctMult": "", "ctValCcy": "", "ctType": "", "listTime": "1611907686000", "state": "live"}
    return usual | words | {"ruleType": "normal", "instCategory": "1"} | rest


def swap(base: str, quote: str = "USDT", **rest: Any) -> dict[str, str]:
    usual = {"instType": "SWAP", "instId": f"{base}-{quote}-SWAP", "uly": f"{base}-{quote}", "baseCcy": ""}
    words = {"quoteCcy": "", "settleCcy": quote, "ctVal": "0.01", "ctMult": "1", "ctValCcy": base, "ctType": "linear"}
    state = {"listTime": "1573557408000", "state": "live", "ruleType": "normal", "instCategory": "1"}
    return usual | words | state | rest


SPOTS = [spot("BTC", "USDT"), spot("ETH", "BTC"), spot("OLD", "USDT", state="suspend")]
ANNOUNCED = dict.fromkeys(swap("NEW"), "") | {"instId": "NEW-USDT-SWAP", "listTime": "1893456000000"}
SWAPS = [
    swap("BTC"),
    swap("SHIB", ctVal="1000000"),
    swap("TEN", ctVal="0.25", ctMult="10"),
    swap("BTC", "USDC"),
    swap("BTC", "USD", settleCcy="BTC", ctType="inverse", ctVal="100", ctValCcy="USD"),
    swap("TSLA", instCategory="3"),
    swap("SOON", ruleType="pre_market"),
    swap("XP", ruleType="xperp"),
    swap("GONE", state="suspend"),
    swap("HALF", ctVal="", state="preopen"),
    ANNOUNCED | {"state": "preopen"},
]
FILL = {
    "instId": "BTC-USDT-SWAP",
    "tradeId": "1987654321",
    "px": "80227.1",
    "sz": "1.25",
    "side": "sell",
    "ts": "1790000000123",
    "source": "0",
}
GROUP = {
    "instId": "BTC-USDT",
    "tradeId": "130639474",
    "px": "42219.9",
    "sz": "0.12060306",
    "side": "buy",
    "ts": "1630048897897",
    "count": "3",
    "source": "0",
    "seqId": 1234,
}


def frame(channel: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"arg": {"channel": channel, "instId": rows[0].get("instId") if rows else ""}, "data": list(rows)}


def recording(folder: Path, *frames: object, swaps: object = SWAPS) -> Recording:
    lists = (("SPOT", SPOTS), ("SWAP", swaps))
    lines: list[dict[str, Any]] = [
        {"kind": "http", "url": REST + kind, "data": json.dumps({"code": "0", "msg": "", "data": rows})}
        for kind, rows in lists
    ]
    lines.append({"kind": "connect", "url": SOCKET})
    lines += [{"kind": "recv", "data": one if isinstance(one, str) else json.dumps(one)} for one in frames]
    path = folder / "recording.jsonl"
    path.write_text("".join(json.dumps({"t": 1.5, **line}) + "\n" for line in lines))
    return read(path)


def test_a_fill_of_a_swap_is_in_coins_and_names_its_contracts(tmp_path: Path) -> None:
    (trade,) = recording(tmp_path, frame("trades-all", FILL)).book
    assert trade.instrument.subject == "trades.okx.futures.BTC.USDT"
    assert (trade.id, trade.seq, trade.price, trade.quantity) == ("1987654321", "1987654321", "80227.1", "0.0125")
    assert (trade.side, trade.time, trade.kind, trade.aggregate) == ("sell", 1790000000123000000, None, None)
    assert trade.extra == {"contracts": "1.25", "multiplier": "0.01"}
    assert trade.sent == frozenset()


@pytest.mark.parametrize(
    ("name", "multiplier", "quantity"), [("SHIB-USDT-SWAP", "1000000", "1250000"), ("TEN-USDT-SWAP", "2.5", "3.125")]
)
def test_a_contract_is_worth_value_times_multiplier(tmp_path: Path, name: str, multiplier: str, quantity: str) -> None:
    (trade,) = recording(tmp_path, frame("trades-all", FILL | {"instId": name})).book
    assert trade.extra == {"contracts": "1.25", "multiplier": multiplier}
    assert trade.quantity == quantity


def test_a_spot_fill_is_in_coins_as_it_is(tmp_path: Path) -> None:
    row = FILL | {"instId": "ETH-BTC", "px": "0.0363", "sz": "0.500"}
    (trade,) = recording(tmp_path, frame("trades-all", row)).book
    assert (trade.instrument.symbol, trade.price, trade.quantity) == ("ETH-BTC", "0.0363", "0.5")
    assert trade.extra == {}


def test_an_elp_fill_is_marked(tmp_path: Path) -> None:
    (trade,) = recording(tmp_path, frame("trades-all", FILL | {"source": "1"})).book
    assert trade.kind == "elp"


def test_a_row_of_several_fills_is_an_aggregate(tmp_path: Path) -> None:
    (trade,) = recording(tmp_path, frame("trades", GROUP)).book
    assert (trade.id, trade.seq, trade.quantity) == ("agg:130639474", "130639474", "0.12060306")
    assert trade.aggregate == ("130639472", "130639474")


@pytest.mark.parametrize("count", ["1", None])
def test_a_row_of_one_fill_is_a_trade(tmp_path: Path, count: str | None) -> None:
    row = {key: value for key, value in (GROUP | {"count": count}).items() if value is not None}
    (trade,) = recording(tmp_path, frame("trades", row)).book
    assert (trade.id, trade.aggregate) == ("130639474", None)


def test_an_aggregate_is_not_expected_where_a_fill_of_its_range_is_there(tmp_path: Path) -> None:
    fill = FILL | {"instId": "BTC-USDT", "tradeId": "130639473"}
    found = recording(tmp_path, frame("trades", GROUP), frame("trades-all", fill))
    assert [trade.id for trade in found.book if trade.owed] == ["130639473"]


def test_the_last_trade_that_a_subscription_repeats_is_expected_once(tmp_path: Path) -> None:
    assert recording(tmp_path, frame("trades-all", FILL), frame("trades-all", FILL)).expected == 1


def test_each_row_of_a_frame_is_a_trade(tmp_path: Path) -> None:
    assert recording(tmp_path, frame("trades-all", FILL, FILL | {"tradeId": "1987654322"})).expected == 2


def test_other_channels_acks_and_pongs_are_passed_over(tmp_path: Path) -> None:
    ack = {"id": "1512", "event": "subscribe", "arg": {"channel": "trades", "instId": "BTC-USDT"}, "connId": "a4d3ae55"}
    found = recording(tmp_path, ack, "pong", frame("tickers", FILL), '{"event":"error","code":"60018"}', "[1]")
    assert (found.expected, found.out_of_scope, found.malformed) == (0, {}, 0)


@pytest.mark.parametrize(
    "name",
    ["BTC-USDC-SWAP", "BTC-USD-SWAP", "TSLA-USDT-SWAP", "SOON-USDT-SWAP", "XP-USDT-SWAP", "GONE-USDT-SWAP"]
    + ["HALF-USDT-SWAP", "NEW-USDT-SWAP", "BTC-USD-220527", "OLD-USDT"],
)
def test_what_is_no_live_pair_and_no_usdt_margined_crypto_swap_is_out_of_scope(name: str, tmp_path: Path) -> None:
    found = recording(tmp_path, frame("trades-all", FILL | {"instId": name}))
    assert (found.expected, found.out_of_scope) == (0, {name: 1})
    assert found.quotes == {"futures": ["USDT"], "spot": ["BTC", "USDT"]}


@pytest.mark.parametrize(
    "change",
    [{"px": "NaN"}, {"px": 80227}, {"sz": "0"}, {"sz": None}, {"side": "Sell"}, {"tradeId": 7}, {"tradeId": "x"}]
    + [{"ts": 1790000000123}, {"ts": ""}, {"count": "0x1"}, {"count": "0"}, {"instId": None}],
)
def test_a_damaged_row_costs_its_neighbours_nothing(change: dict[str, Any], tmp_path: Path) -> None:
    found = recording(tmp_path, frame("trades-all", FILL | {"tradeId": "5"} | change, FILL))
    assert (found.expected, found.malformed) == (1, 1)


def test_a_list_and_a_trade_of_2022_read_without_the_newer_fields(tmp_path: Path) -> None:
    old = {key: value for key, value in swap("BTC").items() if key not in {"ruleType", "instCategory"}}
    row = {key: value for key, value in FILL.items() if key != "source"}
    (trade,) = recording(tmp_path, frame("trades", row), swaps=[old | {"category": "1"}]).book
    assert (trade.id, trade.kind, trade.aggregate) == ("1987654321", None, None)


@pytest.mark.parametrize(("state", "tradable"), [("live", True), ("suspend", False), ("preopen", False)])
def test_a_row_tells_whether_its_instrument_trades(state: str, *, tradable: bool) -> None:
    life = life_of("spot", spot("BTC", "USDT", state=state))
    assert (life.tradable, life.exists, life.listed) == (tradable, True, 1611907686000000000)


def test_an_empty_listing_time_is_none() -> None:
    assert life_of("spot", spot("BTC", "USDT", listTime="")).listed is None


@pytest.mark.parametrize("url", [SOCKET, "wss://ws.okx.com:8443/ws/v5/public", REST + "SPOT", "wss://wseea.okx.com/x"])
def test_its_hosts_are_known(url: str) -> None:
    assert exchange_of(url) == "okx"
