"""Rows typed by hand from small recordings of KuCoin, of current and older forms."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit.recorded import Recording, exchange_of, read
from tests.audit.venues import LIVES

SPOT_REST = "https://api.kucoin.com/api/v2/symbols"
SPOT_SOCKET = "wss://ws-api-spot.kucoin.com/?token=TOKEN&connectId=1"
FUTURES_REST = "https://api-futures.kucoin.com/api/v1/contracts/active"
FUTURES_SOCKET = "wss://ws-api-futures.kucoin.com/?token=TOKEN&connectId=1"


def recording(folder: Path, rest: str, listed: list[str], socket: str, *frames: str) -> Recording:
    lines: list[dict[str, Any]] = [
        {"t": 1.5, "kind": "http", "url": rest, "data": f'{{"code":"200000","data":[{",".join(listed)}]}}'},
        {"t": 1.6, "kind": "connect", "url": socket},
        *({"t": 1.7, "kind": "recv", "data": frame} for frame in frames),
    ]
    path = folder / "recording.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read(path)


def pair(symbol: str, base: str, quote: str, trading: str = "true") -> str:
    return (
        f'{{"symbol":"{symbol}","name":"{base}-{quote}","baseCurrency":"{base}","quoteCurrency":"{quote}",'
        f'"feeCurrency":"{quote}","market":"USDS","enableTrading":{trading}}}'
    )


PAIRS = [
    pair("BTC-USDT", "BTC", "USDT"),
    pair("DAPPT-BTC", "DAPPT", "BTC"),
    pair("BCHSV-USDT", "BSV", "USDT"),
    pair("OLD-USDT", "OLD", "USDT", "false"),
]
MATCH = (
    '{"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match","data":{"makerOrderId":'
    '"671b5007389355000701b1d3","price":"67523","sequence":"11067996711960577","side":"buy","size":"0.003",'
    '"symbol":"BTC-USDT","takerOrderId":"671b50161777ff00074c168d","time":"1729843222921000000",'
    '"tradeId":"11067996711960577","type":"match"}}'
)
MATCH_2021 = (
    '{"data":{"symbol":"DAPPT-BTC","sequence":"1612701563869","side":"buy","size":"81.8814","price":"0.0000001117",'
    '"takerOrderId":"6085c097587c2000060cde57","time":"1619378327739050725","type":"match","makerOrderId":'
    '"6085c06144b3790006512a4d","tradeId":"6085c09769bc506996295e36"},"subject":"trade.l3match",'
    '"topic":"/market/match:DAPPT-BTC","type":"message"}'
)


def contract(symbol: str, base: str = "XBT", multiplier: str = "0.001", **changes: Any) -> str:
    row = {
        "symbol": symbol,
        "type": "FFWCSX",
        "firstOpenDate": 1585555200000,
        "baseCurrency": base,
        "quoteCurrency": "USDT",
        "settleCurrency": "USDT",
        "isInverse": False,
        "status": "Open",
        "marketStage": "NORMAL",
    }
    return json.dumps(row | changes)[:-1] + f',"multiplier":{multiplier}}}'


CONTRACTS = [
    contract("XBTUSDTM"),
    contract("PEPEUSDTM", "PEPE", "1E+4"),
    contract("XBTUSDCM", quoteCurrency="USDC", settleCurrency="USDC"),
    contract("XBTUSDM", multiplier="-1", quoteCurrency="USD", settleCurrency="XBT", isInverse=True),
    contract("XBTUSDTMZ26", type="FFICSX"),
    contract("EARLYUSDTM", "EARLY", marketStage="PRE_MARKET"),
    contract("PAUSEDUSDTM", "PAUSED", status="Paused"),
    contract("GONEUSDTM", "GONE", status="BeingSettled"),
]
EXECUTION = (
    '{"topic":"/contractMarket/execution:XBTUSDTM","type":"message","subject":"match","sn":1794100537695,"data":'
    '{"symbol":"XBTUSDTM","sequence":1794100537695,"side":"sell","size":2,"price":"90503.90","takerOrderId":'
    '"247822202957807616","makerOrderId":"247822167163555840","tradeId":"1794100537695","ts":1731898619520000001}}'
)


def test_a_spot_trade_has_its_sequence_for_id(tmp_path: Path) -> None:
    (trade,) = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, MATCH).book
    assert (trade.id, trade.seq) == ("11067996711960577", "11067996711960577")
    assert (trade.price, trade.quantity, trade.side) == ("67523", "0.003", "buy")
    assert (trade.time, trade.kind, trade.sent, trade.extra) == (1729843222921000000, None, frozenset(), {})
    assert trade.instrument.subject == "trades.kucoin.spot.BTC.USDT"


def test_a_trade_of_2021_has_its_sequence_for_id_too(tmp_path: Path) -> None:
    old = "https://api.kucoin.com/api/v1/symbols"
    socket = "wss://push-private.kucoin.com/endpoint?token=TOKEN"
    found = recording(tmp_path, old, PAIRS, socket, MATCH_2021)
    assert [(trade.id, trade.price, trade.quantity, trade.time) for trade in found.book] == [
        ("1612701563869", "0.0000001117", "81.8814", 1619378327739050725)
    ]
    assert found.quotes == {"spot": ["BTC", "USDT"]}


def test_a_renamed_coin_has_its_base_from_the_list(tmp_path: Path) -> None:
    (trade,) = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, MATCH.replace("BTC-USDT", "BCHSV-USDT")).book
    assert (trade.instrument.native.name, trade.instrument.symbol) == ("BCHSV-USDT", "BSV-USDT")


def test_a_futures_trade_counts_coins_exactly(tmp_path: Path) -> None:
    found = recording(tmp_path, FUTURES_REST, CONTRACTS, FUTURES_SOCKET, EXECUTION)
    (trade,) = found.book
    assert (trade.id, trade.seq, trade.price, trade.quantity) == ("1794100537695", "1794100537695", "90503.9", "0.002")
    assert (trade.side, trade.time) == ("sell", 1731898619520000001)
    assert trade.extra == {"contracts": "2", "multiplier": "0.001"}
    assert trade.instrument.subject == "trades.kucoin.futures.BTC.USDT"
    assert found.quotes == {"futures": ["USDT"]}


def test_a_multiplier_with_an_exponent_is_written_out(tmp_path: Path) -> None:
    (trade,) = recording(
        tmp_path, FUTURES_REST, CONTRACTS, FUTURES_SOCKET, EXECUTION.replace("XBTUSDTM", "PEPEUSDTM")
    ).book
    assert (trade.quantity, trade.extra) == ("20000", {"contracts": "2", "multiplier": "10000"})


def test_a_contract_without_a_market_stage_is_in_scope(tmp_path: Path) -> None:
    row = json.loads(contract("XBTUSDTM"))
    del row["marketStage"]
    assert recording(tmp_path, FUTURES_REST, [json.dumps(row)], FUTURES_SOCKET, EXECUTION).expected == 1


@pytest.mark.parametrize(
    "name", ["XBTUSDCM", "XBTUSDM", "XBTUSDTMZ26", "EARLYUSDTM", "PAUSEDUSDTM", "GONEUSDTM", "NEVERUSDTM"]
)
def test_what_is_no_open_usdt_perpetual_is_out_of_scope(name: str, tmp_path: Path) -> None:
    found = recording(tmp_path, FUTURES_REST, CONTRACTS, FUTURES_SOCKET, EXECUTION.replace("XBTUSDTM", name))
    assert (found.expected, found.out_of_scope) == (0, {name: 1})


def test_a_stopped_pair_is_out_of_scope(tmp_path: Path) -> None:
    found = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, MATCH.replace("BTC-USDT", "OLD-USDT"))
    assert (found.expected, found.out_of_scope) == (0, {"OLD-USDT": 1})


def test_a_trade_seen_twice_is_expected_once(tmp_path: Path) -> None:
    assert recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, MATCH, MATCH).expected == 1


@pytest.mark.parametrize(
    "frame",
    [
        '{"id":"hQvf8jkno","type":"welcome"}',
        '{"id":"1","type":"ack"}',
        '{"id":"p28","type":"error","code":404,"data":"topic does not exist"}',
        '{"id":"1","type":"pong","timestamp":1790113097236506}',
        '{"topic":"/market/ticker:BTC-USDT","type":"message","subject":"trade.ticker","data":{"sequence":"1"}}',
        '{"topic":"/x","type":"message","subject":["match"],"data":{}}',
        '{"type":"message","subject":"match","data":[]}',
        "[1]",
    ],
)
def test_other_frames_are_passed_over(frame: str, tmp_path: Path) -> None:
    found = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, frame)
    assert (found.expected, found.out_of_scope, found.malformed) == (0, {}, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sequence", "x"), ("sequence", "-5"), ("sequence", "٣"), ("sequence", None), ("time", 1.5), ("time", ""),
        ("price", "0"), ("price", "NaN"), ("size", "-1"), ("size", []), ("side", "hold"), ("side", []),
    ],
)  # fmt: skip
def test_a_damaged_frame_yields_nothing(field: str, value: object, tmp_path: Path) -> None:
    broken = json.loads(MATCH)
    broken["data"][field] = value
    found = recording(tmp_path, SPOT_REST, PAIRS, SPOT_SOCKET, json.dumps(broken), MATCH)
    assert (found.expected, found.malformed) == (1, 1)


def test_a_list_row_tells_the_life_of_its_instrument() -> None:
    life = LIVES["kucoin"]
    start = 1585555200000
    opened = life("futures", {"status": "Open", "firstOpenDate": start})
    assert (opened.tradable, opened.exists, opened.listed) == (True, True, start * 10**6)
    paused, settled = (life("futures", {"status": status}) for status in ("Paused", "BeingSettled"))
    assert (paused.tradable, paused.exists, paused.listed) == (False, True, None)
    assert (settled.tradable, settled.exists) == (False, False)
    assert life("spot", {"enableTrading": True}).tradable
    assert not life("spot", {"enableTrading": False}).tradable


@pytest.mark.parametrize(
    ("url", "exchange"),
    [(SPOT_REST, "kucoin"), (FUTURES_SOCKET, "kucoin"), ("wss://notkucoin.com/endpoint", None)],
)
def test_an_address_of_kucoin_is_known(url: str, exchange: str | None) -> None:
    assert exchange_of(url) == exchange
