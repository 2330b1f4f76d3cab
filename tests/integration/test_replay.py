"""Recorded frames, byte for byte, through simulator, collector and JetStream; the recordings are typed here."""

import json
from pathlib import Path
from typing import Any

from tests.harness import Process, python

FUTURES = {
    "symbols": [
        {"symbol": name, "contractType": "PERPETUAL", "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT"}
        | {"marginAsset": "USDT", "onboardDate": 1569398400000, "deliveryDate": 4133404800000, "filters": []}
        for name, base in (("BTCUSDT", "BTC"), ("1000PEPEUSDT", "1000PEPE"))
    ]
}
PRODUCTS = {
    "code": 0,
    "data": {
        "currencies": [{"currency": "BTC", "valueScale": 8}],
        "products": [
            {"symbol": "sBTCUSDT", "type": "Spot", "baseCurrency": "BTC", "quoteCurrency": "USDT", "status": "Listed"}
        ],
        "perpProductsV2": [
            {"symbol": "BTCUSDT", "type": "PerpetualV2", "perpProductSubType": "Normal", "baseCurrency": "BTC"}
            | {"quoteCurrency": "USDT", "settleCurrency": "USDT", "status": "Listed"}
        ],
    },
}
N = 1764824672350987240


def event(name: str, number: int, price: str, mark: str, at: int) -> str:
    data = {
        "e": "trade",
        "E": at + 1,
        "T": at,
        "s": name,
        "t": number,
        "p": price,
        "q": "3",
        "X": mark,
        "m": True,
        "st": 1,
    }
    return json.dumps({"stream": f"{name.lower()}@trade", "data": data})


BINANCE = (
    "https://fapi.binance.com/fapi/v1/exchangeInfo",
    FUTURES,
    "wss://fstream.binance.com/public/stream",
    event("BTCUSDT", 7, "80227.00", "MARKET", 1789893896919),
    event("BTCUSDT", 8, "0", "NA", 1789893896920),
    event("BTCUSDT", 9, "79000.10", "INSURANCE_FUND", 1789893896921),
    event("1000PEPEUSDT", 1, "0.0123400", "MARKET", 1789893896922),
    event("BTCUSDC", 1, "1", "MARKET", 1789893896923),
)
EQUAL = [N + 1, "Buy", 2070210000000, 94900000]
PHEMEX = (
    "https://api.phemex.com/public/products",
    PRODUCTS,
    "wss://ws.phemex.com",
    {"symbol": "sBTCUSDT", "trades": [EQUAL, EQUAL], "type": "snapshot", "sequence": 1},
    {"symbol": "sBTCUSDT", "trades": [[N + 2, "Sell", 2070210000000, 1]], "type": "incremental", "sequence": 2},
    {
        "symbol": "BTCUSDT",
        "trades_p": [[N, "Buy", "93284.10", "0.007"]],
        "type": "snapshot",
        "sequence": 3,
        "dts": N + 9,
    },
    {"symbol": "BTCUSD", "trades": [[N, "Buy", 1, 1]], "type": "snapshot", "sequence": 4},
)


def recording(folder: Path, name: str, rest: str, body: object, socket: str, *frames: object) -> Path:
    lines: list[dict[str, Any]] = [
        {"t": 1.5, "kind": "http", "url": rest, "data": json.dumps(body)},
        {"t": 1.6, "kind": "connect", "url": socket},
        *({"t": 1.7, "kind": "recv", "data": f if isinstance(f, str) else json.dumps(f)} for f in frames),
    ]
    path = folder / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def replayed(*files: Path) -> tuple[int, dict[str, Any]]:
    with Process(python("tests.replay", *files), name="replay") as process:
        line = process.line(90, where=lambda text: text.startswith("{"))
        return process.wait(20), json.loads(line)


def test_every_trade_of_a_recording_in_scope_is_stored_as_it_was_sent(tmp_path: Path) -> None:
    binance = recording(tmp_path, "binance.jsonl", *BINANCE)
    phemex = recording(tmp_path, "phemex.jsonl", *PHEMEX)
    code, record = replayed(binance, phemex)
    assert record["files"] == [
        {"file": "binance.jsonl", "expected": 3, "stored": 3, "wrong": 0, "missing": 0, "extra": 0}
        | {"out_of_scope": {"BTCUSDC": 1}},
        {"file": "phemex.jsonl", "expected": 4, "stored": 4, "wrong": 0, "missing": 0, "extra": 0}
        | {"out_of_scope": {"BTCUSD": 1}},
    ]
    assert (code, record["ok"]) == (0, True)


def test_a_recording_without_a_trade_in_scope_proves_nothing(tmp_path: Path) -> None:
    body, socket = "https://fapi.binance.com/fapi/v1/exchangeInfo", "wss://fstream.binance.com/public/stream"
    code, record = replayed(recording(tmp_path, "empty.jsonl", body, FUTURES, socket, '{"result":null,"id":1}'))
    assert (code, record["ok"], record["files"][0]["expected"]) == (2, False, 0)


def test_a_recording_without_a_trade_in_scope_spoils_no_other(tmp_path: Path) -> None:
    body, socket = "https://fapi.binance.com/fapi/v1/exchangeInfo", "wss://fstream.binance.com/public/stream"
    empty = recording(tmp_path, "empty.jsonl", body, FUTURES, socket, '{"result":null,"id":1}')
    code, record = replayed(empty, recording(tmp_path, "binance.jsonl", *BINANCE))
    assert [entry["expected"] for entry in record["files"]] == [0, 3]
    assert (code, record["ok"]) == (0, True)


def test_a_file_that_is_no_recording_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text("[]\n")
    code, record = replayed(tmp_path / "list.jsonl")
    assert code == 2
    assert "list.jsonl:1" in record["error"]
