"""Rows of Gate typed by hand from its frames of 2021 to 2026."""

from pathlib import Path
from typing import Any

import pytest

from tests.audit.recorded import exchange_of
from tests.audit.venues import gate
from tests.audit.venues.rows import Life
from tests.unit.audit.test_recorded import recording, rows

SPOT_REST, SPOT_SOCKET = "https://api.gateio.ws/api/v4/spot/currency_pairs", "wss://api.gateio.ws/ws/v4/"
FUTURES_REST = "https://api.gateio.ws/api/v4/futures/usdt/contracts"
FUTURES_SOCKET = "wss://fx-ws.gateio.ws/v4/ws/usdt"
SECOND = 10**9


def pair(name: str, status: str = "tradable", **more: Any) -> dict[str, Any]:
    base, _, quote = name.partition("_")
    return {"id": name, "base": base, "quote": quote, "trade_status": status, "buy_start": 0, "sell_start": 0} | more


def contract(name: str, multiplier: str = "1", **more: Any) -> dict[str, Any]:
    usual = {"type": "direct", "status": "trading", "in_delisting": False, "is_pre_market": False, "contract_type": ""}
    return {"name": name, "quanto_multiplier": multiplier, "launch_time": 0, "create_time": 0} | usual | more


PAIRS = [pair("GT_USDT"), pair("NEO_BTC"), pair("OLD_USDT", "untradable"), pair("OUT_USDT", "sellable")]
TRADE = (
    '{"time":1606292218,"time_ms":1606292218231,"channel":"spot.trades","event":"update","result":{"id":309143071,'
    '"create_time":1606292218,"create_time_ms":"1606292218213.4578","side":"sell","currency_pair":"GT_USDT",'
    '"amount":"16.4700000000","price":"0.4705000000","range":"2390902-2390902","id_market":917144}}'
)
OLD = (
    '{"time":1619093546,"channel":"spot.trades","event":"update","result":{"id":816995970,"create_time":1619093546,'
    '"create_time_ms":"1619093546958.116","side":"buy","currency_pair":"NEO_BTC","amount":"0.5000000000",'
    '"price":"0.0018735000"}}'
)


def test_a_spot_trade_is_one_object(tmp_path: Path) -> None:
    found = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, TRADE)
    assert rows(found) == [("GT_USDT", "309143071", "0.4705", "16.47", "sell", 1606292218213457800, None)]
    assert [(trade.seq, trade.sent) for trade in found.book] == [("917144", frozenset({1606292218231000000}))]
    assert found.quotes == {"spot": ["BTC", "USDT"]}


def test_a_spot_trade_of_2021_has_no_number_of_its_pair_and_no_exact_send_time(tmp_path: Path) -> None:
    found = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, OLD)
    assert rows(found) == [("NEO_BTC", "816995970", "0.0018735", "0.5", "buy", 1619093546958116000, None)]
    assert [(trade.seq, trade.sent) for trade in found.book] == [(None, frozenset())]


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1606292218213.4578", 1606292218213457800),
        ("1606292218213.4", 1606292218213400000),
        ("1606292218213", 1606292218213000000),
    ],
)
def test_the_decimals_of_a_time_vary_in_number(tmp_path: Path, text: str, nanoseconds: int) -> None:
    (trade,) = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, TRADE.replace("1606292218213.4578", text)).book
    assert trade.time == nanoseconds


@pytest.mark.parametrize("name", ["OLD_USDT", "OUT_USDT", "NOPE_USDT"])
def test_what_can_not_be_traded_on_spot_is_out_of_scope(tmp_path: Path, name: str) -> None:
    found = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, TRADE.replace("GT_USDT", name))
    assert (found.expected, found.out_of_scope) == (0, {name: 1})


def test_acks_pongs_notices_and_other_channels_are_passed_over(tmp_path: Path) -> None:
    others = (
        '{"time":1619093532,"channel":"spot.trades","event":"subscribe","result":{"status":"success"}}',
        '{"time":1,"channel":"spot.pong","event":"","error":null,"result":null}',
        '{"type":"upgrade","msg":"The connection will soon be closed for a service upgrade. Please reconnect."}',
        '{"time":1,"channel":"spot.book_ticker","event":"update","result":{"s":"GT_USDT"}}',
        "[]",
    )
    found = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, *others)
    assert (found.expected, found.out_of_scope, found.malformed) == (0, {}, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"id":309143071', '"id":"309143071"'),
        ('"sell"', '"hold"'),
        ('"16.4700000000"', '"-1"'),
        ('"0.4705000000"', '"NaN"'),
        ('"1606292218213.4578"', "null"),
        ('"id_market":917144', '"id_market":null'),
        ('"currency_pair"', '"pair"'),
    ],
)
def test_a_damaged_spot_frame_yields_nothing(tmp_path: Path, old: str, new: str) -> None:
    found = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, TRADE.replace(old, new), OLD)
    assert (found.expected, found.malformed) == (1, 1)


CONTRACTS = [
    contract("BTC_USDT", "0.0001"),
    contract("币安人生_USDT", "10"),
    contract("TSLA_USDT", contract_type="stocks"),
    contract("SOON_USDT", is_pre_market=True),
    contract("INV_USDT", type="inverse"),
    contract("END_USDT", in_delisting=True),
    contract("HALT_USDT", status="circuit_breaker"),
]


def futures(*trades: str) -> str:
    head = '"time":1790000003,"time_ms":1790000003123,"channel":"futures.trades","event":"update"'
    return f'{{{head},"result":[{",".join(trades)}]}}'


def row(number: int = 560345679, size: str = "-108", name: str = "BTC_USDT", more: str = "") -> str:
    times = '"create_time":1790000003,"create_time_ms":1790000003119'
    return f'{{"id":{number},"size":{size},{times},"price":"80227.1","contract":"{name}"{more}}}'


def test_futures_rows_count_contracts_and_their_sign_is_the_side(tmp_path: Path) -> None:
    found = recording(tmp_path, FUTURES_REST, CONTRACTS, FUTURES_SOCKET, futures(row(), row(560345680, "2")))
    at = 1790000003119000000
    assert rows(found) == [
        ("BTC_USDT", "560345679", "80227.1", "0.0108", "sell", at, None),
        ("BTC_USDT", "560345680", "80227.1", "0.0002", "buy", at, None),
    ]
    assert [(trade.seq, trade.sent) for trade in found.book] == [
        (number, frozenset({1790000003123000000})) for number in ("560345679", "560345680")
    ]
    assert [trade.extra for trade in found.book] == [
        {"contracts": "108", "multiplier": "0.0001"},
        {"contracts": "2", "multiplier": "0.0001"},
    ]


@pytest.mark.parametrize("size", ['"-10.5"', "-10.5"])
def test_a_size_may_be_text_or_number_with_a_fraction(tmp_path: Path, size: str) -> None:
    (trade,) = recording(tmp_path, FUTURES_REST, CONTRACTS, FUTURES_SOCKET, futures(row(size=size))).book
    assert (trade.side, trade.quantity, trade.extra["contracts"]) == ("sell", "0.00105", "10.5")


def test_internal_trades_are_marked(tmp_path: Path) -> None:
    frame = futures(row(more=',"is_internal":true'), row(560345680))
    found = recording(tmp_path, FUTURES_REST, CONTRACTS, FUTURES_SOCKET, frame)
    assert [trade.kind for trade in found.book] == ["internal", None]


def test_base_and_quote_are_the_halves_of_a_contracts_name(tmp_path: Path) -> None:
    (trade,) = recording(tmp_path, FUTURES_REST, CONTRACTS, FUTURES_SOCKET, futures(row(name="币安人生_USDT"))).book
    assert (trade.instrument.symbol, trade.quantity) == ("币安人生-USDT", "1080")
    assert trade.instrument.subject == "trades.gate.futures.%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9F.USDT"


@pytest.mark.parametrize("name", ["TSLA_USDT", "SOON_USDT", "INV_USDT", "END_USDT", "HALT_USDT", "BTC_USD"])
def test_what_is_no_tradable_crypto_perpetual_is_out_of_scope(tmp_path: Path, name: str) -> None:
    found = recording(tmp_path, FUTURES_REST, CONTRACTS, FUTURES_SOCKET, futures(row(name=name)))
    assert (found.expected, found.out_of_scope) == (0, {name: 1})


@pytest.mark.parametrize("size", ["0", '"0"', "true", "null", '"x"', '"--1"'])
def test_a_damaged_row_costs_its_neighbours_nothing(tmp_path: Path, size: str) -> None:
    found = recording(tmp_path, FUTURES_REST, CONTRACTS, FUTURES_SOCKET, futures(row(size=size), row(560345680)))
    assert (found.expected, found.malformed) == (1, 1)


def test_contracts_of_2023_have_no_status(tmp_path: Path) -> None:
    old = [{"name": "BTC_USDT", "type": "direct", "quanto_multiplier": "0.0001", "in_delisting": False}]
    assert recording(tmp_path, FUTURES_REST, old, FUTURES_SOCKET, futures(row())).expected == 1


@pytest.mark.parametrize(
    ("listed", "life"),
    [
        (pair("A_B"), Life(tradable=True, exists=True, listed=None)),
        (pair("A_B", buy_start=5, sell_start=7), Life(tradable=True, exists=True, listed=7 * SECOND)),
        (pair("A_B", "buyable"), Life(tradable=False, exists=True, listed=None)),
        (pair("A_B", "untradable", delisting_time=0), Life(tradable=False, exists=True, listed=None)),
        (pair("A_B", "untradable", delisting_time=9), Life(tradable=False, exists=False, listed=None)),
        (pair("A_B", delisting_time=9), Life(tradable=True, exists=True, listed=None)),
    ],
)
def test_the_life_of_a_pair(listed: dict[str, Any], life: Life) -> None:
    assert gate.life_of("spot", listed) == life


@pytest.mark.parametrize(
    ("listed", "life"),
    [
        (contract("A_B"), Life(tradable=True, exists=True, listed=None)),
        (contract("A_B", launch_time=7, create_time=5), Life(tradable=True, exists=True, listed=7 * SECOND)),
        (contract("A_B", create_time=5), Life(tradable=True, exists=True, listed=5 * SECOND)),
        (contract("A_B", status="prelaunch"), Life(tradable=False, exists=True, listed=None)),
        (contract("A_B", status="circuit_breaker"), Life(tradable=False, exists=True, listed=None)),
        (contract("A_B", status="delisted"), Life(tradable=False, exists=False, listed=None)),
        (contract("A_B", in_delisting=True), Life(tradable=False, exists=False, listed=None)),
    ],
)
def test_the_life_of_a_contract(listed: dict[str, Any], life: Life) -> None:
    assert gate.life_of("futures", listed) == life


@pytest.mark.parametrize(
    "url", [SPOT_SOCKET, FUTURES_SOCKET, "https://fx-api.gateio.ws/api/v4", "wss://ws-testnet.gate.com/v4/ws/spot"]
)
def test_addresses_of_gate_are_known(url: str) -> None:
    assert exchange_of(url) == "gate"
