"""How each source of past trades writes its REST replies, for the mutator (:mod:`tests.fuzz_history`)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from metdc_collector.wire.instrument import Instrument
from tests.damage import DECIMALS, INTEGERS, NAMES, TIMES, TRUTHS, WORDS, Raw, Row, damage, plain
from tests.fuzz_bybit import IDS
from tests.fuzz_gate import INSTANTS, NO_ARRAYS, SIZES
from tests.fuzz_history import Form, Members
from tests.fuzz_kucoin import COUNTS, EXECUTION, MATCH
from tests.fuzz_okx import FILL, OLDER
from tests.fuzz_upbit import FIELDS

START = 1_700_000_000_000  # ms


def _row(instrument: Instrument, number: str, price: str, units: Decimal, more: tuple[str, int]) -> Row:
    """What must come of a row; ``more`` are its side and its time in ns."""
    factor, multiplier = Decimal(instrument.unit_factor or 1), Decimal(instrument.multiplier or 1)
    return Row(number, plain(Decimal(price) / factor), plain(units * multiplier * factor), *more, None)


def _amounts(random: Random) -> tuple[str, str]:
    return f"{random.randrange(1, 10**9) / 1000:.8f}", f"{random.randrange(1, 10**6) / 100:.3f}"


def _time(random: Random) -> int:
    return START + random.randrange(10**9)


def _turned(rows: Sequence[Row], full: bool) -> list[Row]:
    """Written newest first."""
    return list(reversed(rows))


def _binance_fill(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    (price, amount), number, time = _amounts(random), random.randrange(1 << 62), _time(random)
    maker = random.random() < 0.5
    row: Members = {"id": number, "price": price, "qty": amount, "time": time, "isBuyerMaker": maker}
    row |= {"isBestMatch": random.choice(WORDS), "isRPITrade": random.choice(WORDS)}
    more = ("sell" if maker else "buy", time * 1_000_000)
    return row, _row(instrument, str(number), price, Decimal(amount), more)


def _binance_aggregate(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    (price, amount), number, time = _amounts(random), random.randrange(1 << 62), _time(random)
    maker = random.random() < 0.5
    row: Members = {"a": number, "p": price, "q": amount, "nq": random.choice(WORDS), "f": number >> 1, "l": number}
    row |= {"T": time, "m": maker}
    more = ("sell" if maker else "buy", time * 1_000_000)
    return row, _row(instrument, f"agg:{number}", price, Decimal(amount), more)


def _okx(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    (price, size), number, time = _amounts(random), str(random.randrange(10, 1 << 62)), _time(random)
    side = random.choice(["buy", "sell"])
    row = {"instId": instrument.name, "side": side, "sz": size, "px": price, "tradeId": number, "ts": str(time)}
    row |= {"source": random.choice("01")}
    return row, _row(instrument, number, price, Decimal(size), (side, time * 1_000_000))


def _wrap_okx(rows: list[Any], name: str) -> Members:
    return {"code": "0", "msg": "", "data": rows}


def _spoil_okx(message: Members, random: Random) -> str:
    return damage(message, {"code": (*WORDS, 0, "51000"), "data": NO_ARRAYS}, random)


def _bybit(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    (price, size), time = _amounts(random), _time(random)
    number, side = str(UUID(int=random.getrandbits(128))), random.choice(["Buy", "Sell"])
    row: Members = {"execId": number, "symbol": instrument.name, "price": price, "size": size, "side": side}
    row |= {"time": str(time), "isBlockTrade": random.random() < 0.1}
    row |= random.choice([{}, {"isRPITrade": random.random() < 0.1, "seq": str(random.randrange(1 << 62))}])
    return row, _row(instrument, number, price, Decimal(size), (side.lower(), time * 1_000_000))


def _wrap_bybit(rows: list[Any], name: str) -> Members:
    return {"retCode": 0, "retMsg": "OK", "result": {"category": "x", "list": rows}, "time": START}


def _spoil_bybit(message: Members, random: Random) -> str:
    if random.random() < 0.3:
        return damage(message["result"], {"list": NO_ARRAYS}, random)
    return damage(message, {"retCode": (*WORDS, "0", False, 10001), "result": WORDS}, random)


def _upbit(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    (price, volume), number, time = _amounts(random), random.randrange(1 << 62), _time(random)
    side = random.choice(["ASK", "BID"])
    row: Members = {"market": instrument.name, "timestamp": time, "trade_price": Raw(price)}
    row |= {"trade_volume": Raw(volume), "ask_bid": side, "sequential_id": number}
    more = ("sell" if side == "ASK" else "buy", time * 1_000_000)
    return row, _row(instrument, str(number), price, Decimal(volume), more)


def _gate_spot(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    price, amount = _amounts(random)
    time, side = (
        f"{START + random.randrange(10**9)}{random.choice(['', '.5', '.4578'])}",
        random.choice(["buy", "sell"]),
    )
    number, own = random.randrange(10**6, 1 << 62), True
    if random.random() < 0.2:  # a row of a time before the market's ids
        number, own = random.randrange(10**6), False
    row = {"id": str(number), "create_time_ms": time, "currency_pair": instrument.name, "side": side}
    row |= {"amount": amount, "price": price} | ({"sequence_id": str(number)} if own else {})
    return row, _row(instrument, str(number), price, Decimal(amount), (side, int(Decimal(time).scaleb(6))))


def _gate_futures(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    price, size = _amounts(random)
    time, side = START + random.randrange(10**9), random.choice(["buy", "sell"])
    signed = size if side == "buy" else f"-{size}"
    row: Members = {"id": random.randrange(1 << 62), "contract": instrument.name, "price": price}
    row |= {"size": random.choice([signed, Raw(signed)]), "create_time": random.choice(WORDS)}
    row |= {"create_time_ms": random.choice([time, Raw(f"{time}.0"), Raw(f"{time // 1000}.{time % 1000:03}")])}
    return row, _row(instrument, str(row["id"]), price, Decimal(size), (side, time * 1_000_000))


def _kucoin_spot(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    price, size = _amounts(random)
    number, side = str(random.randrange(1, 1 << 62)), random.choice(["buy", "sell"])
    time = START * 1_000_000 + random.randrange(10**15)
    row = {"sequence": number, "price": price, "size": size, "side": side, "time": time}
    return row, _row(instrument, number, price, Decimal(size), (side, time))


def _kucoin_futures(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    price, lots = _amounts(random)[0], str(random.randrange(1, 10**9)) + random.choice(["", "", ".25"])
    number, side = random.randrange(1 << 62), random.choice(["buy", "sell"])
    time = START * 1_000_000 + random.randrange(10**15)
    row: Members = {"sequence": number, "price": price, "size": Raw(lots), "side": side, "ts": time}
    return row, _row(instrument, str(number), price, Decimal(lots), (side, time))


def _kucoin(rows: list[Any], name: str) -> Members:
    return {"code": "200000", "data": rows}


def _spoil_kucoin(message: Members, random: Random) -> str:
    return damage(message, {"code": WORDS, "data": NO_ARRAYS}, random)


def _phemex_row(random: Random, instrument: Instrument) -> tuple[Members, Row]:
    """Of few times and amounts, so that there are equal ones; the id lacks the number."""
    spot, side = instrument.market == "spot", random.choice(["Buy", "Sell"])
    time = START * 1_000_000 + random.randrange(5) * 1_000_000_000
    price, quantity = random.choice([769100000, 12]), random.choice([168200000, 1])
    row: Members = {"time": time, "side": side, "price": price, "quantity": quantity}
    scales = (-8, -(instrument.quantity_scale or 0)) if spot else (-4, -4)
    real, units = Decimal(price).scaleb(scales[0]), Decimal(quantity).scaleb(scales[1])
    if not spot:
        row |= {"price": plain(real), "quantity": plain(units)}
    found = _row(instrument, "", plain(real), units, (side.lower(), time))
    return row, found._replace(id=f"{time}-{side[0]}-{found.price}-{found.quantity}")


def _phemex_elements(row: Members) -> list[Any]:
    return list(row.values())


def _numbered(rows: Sequence[Row], full: bool) -> list[Row]:
    """Oldest first, equal rows counted, without those of the oldest time where the reply is full."""
    seen: Counter[str] = Counter()
    found = []
    for row in reversed(rows):
        found.append(row._replace(id=f"{row.id}-{seen[row.id]}"))
        seen[row.id] += 1
    return [row for row in found if not full or row.time > found[0].time]


def _phemex(key: str, amounts: Sequence[Any]) -> Form:
    def wrap(rows: list[Any], name: str) -> Members:
        return {"error": None, "id": 0, "result": {"sequence": 5, "symbol": name, key: rows, "type": "snapshot"}}

    def spoil(message: Members, random: Random) -> str:
        if random.random() < 0.3:
            message["error"] = random.choice([{"code": 6001, "message": "invalid argument"}, {}, [], 5, True, "", "x"])
            return "error"
        if random.random() < 0.3:
            return damage(message, {"result": WORDS}, random)
        return damage(message["result"], {"symbol": NAMES, key: NO_ARRAYS}, random)

    fields = {"time": TIMES, "side": WORDS, "price": amounts, "quantity": amounts}
    return Form(
        row=_phemex_row,
        fields=fields,
        full=200,
        wrap=wrap,
        spoil=spoil,
        written=_phemex_elements,
        order=lambda row: -row.time,
        expected=_numbered,
    )


_FILL: dict[str, Sequence[Any]] = {"id": INTEGERS, "price": DECIMALS, "qty": DECIMALS, "time": TIMES}
_FILL |= {"isBuyerMaker": TRUTHS}
_JOINED: dict[str, Sequence[Any]] = {"a": INTEGERS, "p": DECIMALS, "q": DECIMALS, "f": INTEGERS, "l": INTEGERS}
_JOINED |= {"T": TIMES, "m": TRUTHS}
_IN_TEXT = ("x", "-1", "٣", "9" * 20, "9" * 400)
_EXECUTED: dict[str, Sequence[Any]] = {"execId": IDS, "symbol": (*NAMES, "ETHUSDT", "btcusdt"), "price": DECIMALS}
_EXECUTED |= {"size": DECIMALS, "side": WORDS, "time": (*TIMES, *_IN_TEXT, "01790001515463"), "isBlockTrade": TRUTHS}
# A number in digits is a healthy one here.
_YOUNGER = {"seq": [value for value in (*INTEGERS, *_IN_TEXT) if value != "12"], "isRPITrade": TRUTHS}
_TICK = {"market": FIELDS["code"], "timestamp": FIELDS["trade_timestamp"]}
_TICK |= {name: FIELDS[name] for name in ("trade_price", "trade_volume", "ask_bid", "sequential_id")}
_NUMBERS = [value for value in COUNTS if value != "0"]
_GATE: dict[str, Sequence[Any]] = {"price": DECIMALS, "create_time_ms": INSTANTS}
_PAIR = _GATE | {"id": _NUMBERS, "currency_pair": NAMES, "side": WORDS, "amount": DECIMALS}
_CONTRACT = _GATE | {"id": INTEGERS, "contract": NAMES, "size": SIZES}
# Of a contract these are times in seconds.
_CONTRACT |= {"create_time_ms": [value for value in INSTANTS if value not in (1790001515, "1790001515.463")]}
_MATCH = {name: values for name, values in MATCH.items() if name != "symbol"} | {"time": TIMES}
_EXECUTION = {name: values for name, values in EXECUTION.items() if name != "symbol"}


def _binance(full: int) -> Form:
    return Form(row=_binance_fill, fields=_FILL, full=full)


def _okx_of(full: int) -> Form:
    return Form(row=_okx, fields=FILL, spare=OLDER, full=full, wrap=_wrap_okx, spoil=_spoil_okx)


def _bybit_of(full: int) -> Form:
    form = Form(row=_bybit, fields=_EXECUTED, spare=_YOUNGER, full=full, expected=_turned)
    return replace(form, wrap=_wrap_bybit, spoil=_spoil_bybit)


_OKX = {"trades": _okx_of(500), "history-trades": _okx_of(100)}
_TICKS = Form(row=_upbit, fields=_TICK, full=500, expected=_turned)
_GATE_SPOT = Form(row=_gate_spot, fields=_PAIR, spare={"sequence_id": _NUMBERS}, full=1000)
_GATE_FUTURES = Form(row=_gate_futures, fields=_CONTRACT, spare={"is_internal": TRUTHS}, full=1000)

FORMS: dict[str, Mapping[str, Form]] = {
    "binance.spot": {"trades": _binance(1000), "historicalTrades": _binance(1000)},
    "binance.futures": {
        "trades": _binance(1000),
        "historicalTrades": _binance(500),
        "aggTrades": Form(row=_binance_aggregate, fields=_JOINED, full=1000),
    },
    "bybit.spot": {"recent-trade": _bybit_of(60)},
    "bybit.futures": {"recent-trade": _bybit_of(1000)},
    "okx.spot": _OKX,
    "okx.futures": _OKX,
    "kucoin.spot": {"histories": Form(row=_kucoin_spot, fields=_MATCH, full=100, wrap=_kucoin, spoil=_spoil_kucoin)},
    "kucoin.futures": {
        "history": Form(row=_kucoin_futures, fields=_EXECUTION, full=100, wrap=_kucoin, spoil=_spoil_kucoin)
    },
    "gate.spot": {"trades": _GATE_SPOT, "trades by time": _GATE_SPOT},
    "gate.futures": {"trades": _GATE_FUTURES, "trades by time": _GATE_FUTURES},
    "phemex.spot": {"trade": _phemex("trades", (*INTEGERS, 0))},
    "phemex.futures": {"trade": _phemex("trades_p", DECIMALS)},
    "upbit.spot": {"ticks": _TICKS, "ticks by cursor": _TICKS},
}
"""How past trades are written, by market and source."""
