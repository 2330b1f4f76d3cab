"""Recordings of Bybit, typed by hand from the reference."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit.recorded import Recording, exchange_of, read
from tests.audit.venues.bybit import life_of

REST = "https://api.bybit.com/v5/market/instruments-info?category="
SPOT_SOCKET = "wss://stream.bybit.com/v5/public/spot"
LINEAR_SOCKET = "wss://stream.bybit.com/v5/public/linear"


def spot(symbol: str, base: str, quote: str, **rest: Any) -> dict[str, Any]:
    return {"symbol": symbol, "baseCoin": base, "quoteCoin": quote, "status": "Trading", "symbolType": ""} | rest


def contract(symbol: str, base: str, quote: str = "USDT", **rest: Any) -> dict[str, Any]:
    usual = {"contractType": "LinearPerpetual", "settleCoin": quote, "launchTime": "1584230400000"}
    return spot(symbol, base, quote) | usual | rest


def page(category: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": {"category": category, "nextPageCursor": "", "list": list(rows)}}


SPOT = page(
    "spot",
    spot("BTCUSDT", "BTC", "USDT"),
    spot("ETHEUR", "ETH", "EUR"),
    spot("TSLAXUSDT", "TSLAX", "USDT", symbolType="xstocks"),
    spot("OLDUSDT", "OLD", "USDT", status="Closed"),
)
LINEAR = (
    page("linear", contract("BTCUSDT", "BTC"), contract("1000PEPEUSDT", "1000PEPE")),
    page(
        "linear",
        contract("SHIB1000USDT", "SHIB1000", symbolType="innovation"),
        contract("BTCPERP", "BTC", "USDC"),
        contract("BTCUSDT-25DEC26", "BTC", contractType="LinearFutures"),
        contract("TSLAUSDT", "TSLA", symbolType="stock"),
        contract("XAUUSDT", "XAU", symbolType="commodity"),
        contract("EARLYUSDT", "EARLY", status="PreLaunch"),
    ),
)
FILL = (
    '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT",'
    '"S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false,'
    '"RPI":false,"seq":1783284617}]}'
)
SPOT_FILL = (
    '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1790000486868,"data":[{"i":"2100000000007764263",'
    '"T":1790000486866,"p":"80227.01","v":"0.00042","S":"Sell","seq":1783284618,"s":"BTCUSDT","BT":false,"RPI":false}]}'
)


def recording(folder: Path, socket: str, *frames: object, lists: tuple[dict[str, Any], ...] = LINEAR) -> Recording:
    category = lists[0]["result"]["category"]
    lines: list[dict[str, Any]] = [
        *({"t": 1.5, "kind": "http", "url": REST + category, "data": json.dumps(body)} for body in lists),
        {"t": 1.6, "kind": "connect", "url": socket},
        *({"t": 1.7, "kind": "recv", "data": f if isinstance(f, str) else json.dumps(f)} for f in frames),
    ]
    path = folder / "recording.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read(path)


def changed(**fields: Any) -> dict[str, Any]:
    """The linear frame with other fields in its row; None takes one out."""
    frame: dict[str, Any] = json.loads(FILL)
    row = frame["data"][0] | fields
    frame["data"] = [{name: value for name, value in row.items() if value is not None}]
    return frame


def test_a_linear_fill_is_read_as_it_stands(tmp_path: Path) -> None:
    (trade,) = recording(tmp_path, LINEAR_SOCKET, FILL).book
    assert (trade.id, trade.seq) == ("20f43950-d8dd-5b31-9112-a178eb6023af", "1783284617")
    assert (trade.price, trade.quantity, trade.side, trade.time) == ("16578.5", "0.001", "buy", 1672304486865000000)
    assert (trade.kind, trade.sent) == (None, frozenset({1672304486868000000}))
    assert trade.instrument.subject == "trades.bybit.futures.BTC.USDT"


def test_a_spot_fill_is_read_as_it_stands(tmp_path: Path) -> None:
    (trade,) = recording(tmp_path, SPOT_SOCKET, SPOT_FILL, lists=(SPOT,)).book
    assert (trade.id, trade.seq) == ("2100000000007764263", "1783284618")
    assert (trade.price, trade.quantity, trade.side, trade.time) == ("80227.01", "0.00042", "sell", 1790000486866000000)
    assert trade.instrument.subject == "trades.bybit.spot.BTC.USDT"


def test_each_row_of_a_frame_is_a_trade_though_rows_share_a_sequence(tmp_path: Path) -> None:
    frame = json.loads(FILL)
    frame["data"].append(frame["data"][0] | {"i": "another", "v": "2"})
    found = recording(tmp_path, LINEAR_SOCKET, frame)
    assert [(trade.quantity, trade.seq) for trade in found.book] == [("0.001", "1783284617"), ("2", "1783284617")]


def test_a_fill_seen_twice_is_expected_once(tmp_path: Path) -> None:
    assert recording(tmp_path, LINEAR_SOCKET, FILL, FILL).expected == 1


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({"BT": True}, "block"), ({"RPI": True}, "rpi"), ({"BT": True, "RPI": True}, "block"), ({"RPI": None}, None)],
)
def test_block_and_rpi_trades_are_marked(fields: dict[str, Any], kind: str | None, tmp_path: Path) -> None:
    assert [trade.kind for trade in recording(tmp_path, LINEAR_SOCKET, changed(**fields)).book] == [kind]


@pytest.mark.parametrize(("name", "subject"), [("1000PEPEUSDT", "PEPE.USDT"), ("SHIB1000USDT", "SHIB.USDT")])
def test_a_factor_before_or_behind_the_name_comes_off_it(name: str, subject: str, tmp_path: Path) -> None:
    found = recording(tmp_path, LINEAR_SOCKET, changed(s=name, p="0.01234", v="3"))
    assert [(trade.instrument.subject, trade.price, trade.quantity) for trade in found.book] == [
        (f"trades.bybit.futures.{subject}", "0.00001234", "3000")
    ]


@pytest.mark.parametrize("name", ["BTCPERP", "BTCUSDT-25DEC26", "TSLAUSDT", "XAUUSDT", "EARLYUSDT", "NOWHEREUSDT"])
def test_what_is_no_crypto_perpetual_in_usdt_is_out_of_scope(name: str, tmp_path: Path) -> None:
    found = recording(tmp_path, LINEAR_SOCKET, changed(s=name))
    assert (found.expected, found.out_of_scope) == (0, {name: 1})
    assert found.quotes == {"futures": ["USDT"]}


def test_every_listed_quote_of_spot_is_in_scope_and_what_is_closed_is_not(tmp_path: Path) -> None:
    frames = [changed(s=name) for name in ("ETHEUR", "TSLAXUSDT", "OLDUSDT")]
    found = recording(tmp_path, SPOT_SOCKET, *frames, lists=(SPOT,))
    assert [trade.instrument.symbol for trade in found.book] == ["ETH-EUR", "TSLAX-USDT"]
    assert found.out_of_scope == {"OLDUSDT": 1}
    assert found.quotes == {"spot": ["EUR", "USDT"]}


def test_acks_pongs_and_other_channels_are_passed_over(tmp_path: Path) -> None:
    others = (
        '{"success":true,"ret_msg":"","conn_id":"cf71cb32-e914-43db-87ef-1ea5d6ddd6d2","req_id":"t1","op":"subscribe"}',
        '{"success":true,"ret_msg":"pong","conn_id":"0970e817-426e-429a-a679-ff7f55e0b16a","op":"ping"}',
        '{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT"}}',
        '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868}',
    )
    found = recording(tmp_path, LINEAR_SOCKET, *others)
    assert (found.expected, found.out_of_scope, found.malformed) == (0, {}, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"T": None}, {"T": "1672304486865"}, {"S": "Hold"}, {"v": "-1"}, {"p": "NaN"}, {"p": "0"}, {"i": None},
        {"i": 5}, {"i": ""}, {"seq": None}, {"seq": "1783284617"}, {"BT": "no"}, {"s": None},
    ],
)  # fmt: skip
def test_a_damaged_row_costs_its_neighbours_nothing(fields: dict[str, Any], tmp_path: Path) -> None:
    frame = changed(**fields)
    frame["data"].append(json.loads(FILL)["data"][0])
    found = recording(tmp_path, LINEAR_SOCKET, frame)
    assert (found.expected, found.malformed) == (1, 1)


@pytest.mark.parametrize(
    ("status", "tradable", "exists"),
    [
        ("Trading", True, True),
        ("PreLaunch", False, True),
        ("Delivering", False, False),
        ("Closed", False, False),
    ],
)
def test_a_row_tells_whether_it_trades_and_whether_it_still_will(status: str, tradable: bool, exists: bool) -> None:
    life = life_of("futures", contract("BTCUSDT", "BTC", status=status))
    assert (life.tradable, life.exists, life.listed) == (tradable, exists, 1584230400000000000)


def test_a_spot_row_tells_no_start_of_trading() -> None:
    assert life_of("spot", spot("BTCUSDT", "BTC", "USDT")).listed is None


@pytest.mark.parametrize(
    "url", [SPOT_SOCKET, "https://api.bybit.com/v5/market/time", "wss://stream.bybit.kz/v5/public/spot"]
)
def test_an_address_of_bybit_is_known(url: str) -> None:
    assert exchange_of(url) == "bybit"
