"""A small ledger, and the messages that the stream must hold for it, typed by hand."""

from dataclasses import dataclass, replace
from typing import Any

T = 1790001515463000000


@dataclass(frozen=True)
class Message:
    subject: str
    message_id: str
    payload: dict[str, Any]

    def but(self, **fields: Any) -> "Message":
        return replace(self, payload=self.payload | fields)


def instrument(exchange: str, market: str, name: str, base: str, **scales: Any) -> dict[str, Any]:
    row = {"status": "Listed" if exchange == "phemex" else "TRADING"}
    nothing: dict[str, Any] = {"price_scale": None, "quantity_scale": None, "multiplier": None, "row": row}
    what = {"type": "instrument", "exchange": exchange, "market": market, "instrument": name, "base": base}
    return {**what, "quote": "USDT", **nothing, **scales}


def trade(exchange: str, market: str, name: str, serial: int, **rest: Any) -> dict[str, Any]:
    usual = {"id": None, "side": "buy", "kind": None, "connections": 1, "snapshot_only": False}
    return {
        "type": "trade",
        "exchange": exchange,
        "market": market,
        "instrument": name,
        "serial": serial,
        "seq": rest.get("id"),
        **usual,
        **rest,
    }


LEDGER = [
    instrument("binance", "spot", "BTCUSDT", "BTC"),
    instrument("binance", "futures", "1000PEPEUSDT", "1000PEPE"),
    instrument("phemex", "spot", "sBTCUSDT", "BTC", price_scale=8, quantity_scale=8),
    trade("binance", "spot", "BTCUSDT", 1, id="7", price="80227.01000000", size="0.00042000", time=T),
    trade("binance", "spot", "BTCUSDT", 2, id="8", price="80227.02000000", size="1.00000000", time=T + 1_000_000),
    trade(
        "binance",
        "spot",
        "BTCUSDT",
        3,
        id="9",
        price="80227.00000000",
        size="10.00000000",
        side="sell",
        time=T + 2_000_000,
    ),
    trade("binance", "futures", "1000PEPEUSDT", 1, id="501", price="0.0123400", size="3", time=T, kind="insurance"),
    trade("binance", "futures", "1000PEPEUSDT", 2, id="502", price="0", size="0", time=T, kind="NA"),
    trade("phemex", "spot", "sBTCUSDT", 1, price="2070210000000", size="94900000", time=T + 7),
    trade("phemex", "spot", "sBTCUSDT", 2, price="2070210000000", size="94900000", time=T + 7),
    trade("phemex", "spot", "sBTCUSDT", 3, price="2070200000000", size="100", time=T + 9, connections=0),
]


def message(subject: str, message_id: str, head: dict[str, Any], *, time: int, **rest: Any) -> Message:
    return Message(subject, message_id, {"v": 1, **head, "time": time, "received": time + 2_000_000, **rest})


def bitcoin(number: str, price: str, quantity: str, side: str, time: int) -> Message:
    names = {"exchange": "binance", "market": "spot", "symbol": "BTC-USDT", "instrument": "BTCUSDT"}
    head = names | {"id": number, "seq": number, "price": price, "quantity": quantity, "side": side}
    return message("trades.binance.spot.BTC.USDT", f"binance.spot.BTCUSDT.{number}", head, time=time)


def scaled(number: str, price: str, quantity: str, time: int) -> Message:
    names = {"exchange": "phemex", "market": "spot", "symbol": "BTC-USDT", "instrument": "sBTCUSDT"}
    head = names | {"id": number, "seq": None, "price": price, "quantity": quantity, "side": "buy"}
    return message("trades.phemex.spot.BTC.USDT", f"phemex.spot.sBTCUSDT.{number}", head, time=time)


PEPE = message(
    "trades.binance.futures.PEPE.USDT",
    "binance.futures.1000PEPEUSDT.501",
    {"exchange": "binance", "market": "futures", "symbol": "PEPE-USDT", "instrument": "1000PEPEUSDT"}
    | {"id": "501", "seq": "501", "price": "0.00001234", "quantity": "3000", "side": "buy"},
    time=T,
    kind="insurance",
    unit_factor="1000",
)
FIRST = bitcoin("7", "80227.01", "0.00042", "buy", T)
SECOND = bitcoin("8", "80227.02", "1", "buy", T + 1_000_000)
THIRD = bitcoin("9", "80227", "10", "sell", T + 2_000_000)
EQUAL = [scaled(f"{T + 7}-B-20702.1-0.949-{n}", "20702.1", "0.949", T + 7) for n in (0, 1)]
CLEAN = [FIRST, SECOND, THIRD, PEPE, *EQUAL]

AGGREGATE = {"id": "77", "price": "1", "size": "3", "time": T, "aggregate": {"first_id": "21", "last_id": "23"}}
FILLS = [
    trade("binance", "futures", "BTCUSDT", n, id=str(20 + n), price="1", size="1", time=T, connections=0)
    for n in (1, 2, 3)
]
WITH_AGGREGATE = [
    instrument("binance", "futures", "BTCUSDT", "BTC"),
    *FILLS,
    trade("binance", "futures", "BTCUSDT", 4, **AGGREGATE),
]


def future(number: str, seq: str, quantity: str, **rest: Any) -> Message:
    names = {"exchange": "binance", "market": "futures", "symbol": "BTC-USDT", "instrument": "BTCUSDT"}
    head = names | {"id": number, "seq": seq, "price": "1", "quantity": quantity, "side": "buy"}
    return message("trades.binance.futures.BTC.USDT", f"binance.futures.BTCUSDT.{number}", head, time=T, **rest)


JOINED = future("agg:77", "77", "3", aggregate={"first_id": "21", "last_id": "23"})
