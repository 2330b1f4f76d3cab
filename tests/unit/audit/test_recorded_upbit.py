"""Recordings of Upbit, their lines typed by hand from the reference (sections 9.1 and 9.2)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit import ledger
from tests.audit.recorded import Recording, exchange_of, read
from tests.audit.venues import LIVES

REST = "https://api.upbit.com/v1/market/all"
SOCKET = "wss://api.upbit.com/websocket/v1"
NAMES = {"korean_name": "비트코인", "english_name": "Bitcoin"}
LIST = [{"market": code, **NAMES} for code in ("KRW-BTC", "BTC-ETH", "USDT-BTC", "KRW-LAMB")]
LONG = (
    '{"type":"trade","code":"KRW-BTC","timestamp":1787728554853,"trade_date":"2026-08-26","trade_time":"07:15:54",'
    '"trade_timestamp":1787728554797,"trade_price":109847000.0,"trade_volume":0.00509799,"ask_bid":"ASK",'
    '"prev_closing_price":109165000.0,"change":"RISE","change_price":682000.0,"sequential_id":17877285547970000,'
    '"best_ask_price":109867000,"best_ask_size":0.0099545,"best_bid_price":109847000,"best_bid_size":0.1583673,'
    '"stream_type":"SNAPSHOT"}'
)
SHORT = (
    '{"ty":"trade","cd":"KRW-LAMB","tms":1618678262712,"td":"2021-04-17","ttm":"16:51:02","ttms":1618678262000,'
    '"tp":127.0,"tv":46.48838371,"ab":"BID","pcp":123.00000000,"c":"RISE","cp":4.00000000,"sid":1618678262000003,'
    '"st":"REALTIME"}'
)


def recording(folder: Path, *frames: str) -> Recording:
    lines: list[dict[str, Any]] = [
        {"t": 1.5, "kind": "http", "url": REST, "data": json.dumps(LIST)},
        {"t": 1.6, "kind": "connect", "url": SOCKET},
        *({"t": 1.7, "kind": "recv", "data": frame, "binary": True} for frame in frames),
    ]
    path = folder / "recording.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read(path)


def rows(found: Recording) -> list[tuple[str, str, str, str, str, int]]:
    return [
        (trade.instrument.subject, trade.id, trade.price, trade.quantity, trade.side, trade.time)
        for trade in found.book
    ]


BITCOIN = ("trades.upbit.spot.BTC.KRW", "17877285547970000", "109847000", "0.00509799", "sell", 1787728554797000000)
LAMB = ("trades.upbit.spot.LAMB.KRW", "1618678262000003", "127", "46.48838371", "buy", 1618678262000000000)


def test_a_trade_in_long_names(tmp_path: Path) -> None:
    found = recording(tmp_path, LONG)
    assert rows(found) == [BITCOIN]
    assert [(trade.seq, trade.kind, trade.sent) for trade in found.book] == [
        (None, None, frozenset({1787728554853000000}))
    ]


def test_a_trade_in_short_names_of_2021(tmp_path: Path) -> None:
    assert rows(recording(tmp_path, SHORT)) == [LAMB]


def test_a_trade_in_an_array_reads_the_same(tmp_path: Path) -> None:
    assert rows(recording(tmp_path, f"[{LONG}]", f"[{SHORT}]")) == [BITCOIN, LAMB]


def test_an_exponent_is_no_loss(tmp_path: Path) -> None:
    frame = LONG.replace("109847000.0", "1.16539E8", 1).replace("0.00509799", "4.515E-5")
    assert [row[2:4] for row in rows(recording(tmp_path, frame))] == [("116539000", "0.00004515")]


def test_a_trade_seen_first_as_the_last_one_and_then_live_is_expected_once(tmp_path: Path) -> None:
    assert recording(tmp_path, LONG, LONG.replace("SNAPSHOT", "REALTIME")).expected == 1


def test_two_pairs_may_have_one_id(tmp_path: Path) -> None:
    assert recording(tmp_path, LONG, LONG.replace("KRW-BTC", "USDT-BTC")).expected == 2


def test_all_quotes_of_the_list_are_in_scope_and_nothing_else_is(tmp_path: Path) -> None:
    frames = [LONG.replace("KRW-BTC", code) for code in ("BTC-ETH", "USDT-BTC", "KRW-NEWC")]
    found = recording(tmp_path, *frames)
    assert [trade.instrument.symbol for trade in found.book] == ["ETH-BTC", "BTC-USDT"]
    assert found.quotes == {"spot": ["BTC", "KRW", "USDT"]}
    assert found.out_of_scope == {"KRW-NEWC": 1}


def test_other_frames_are_passed_over(tmp_path: Path) -> None:
    others = (
        '{"status":"UP"}',
        '{"ty":"orderbook","cd":"KRW-BTC"}',
        '{"error":{"name":"NO_CODES","message":"codes field not exists."}}',
        '{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"trade","codes":["KRW-BTC"]}],"ticket":"t"}',
        "PING",
        "[1]",
    )
    found = recording(tmp_path, *others)
    assert (found.expected, found.out_of_scope, found.malformed) == (0, {}, 0)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("109847000.0", "NaN"),
        ("109847000.0", "0.0"),
        ("0.00509799", "-1"),
        ("0.00509799", "null"),
        ('"ASK"', '"SOLD"'),
        ("17877285547970000", '"17877285547970000"'),
        ("17877285547970000", "1.5"),
        ("1787728554797,", '"1787728554797",'),
        ('"KRW-BTC"', '["KRW-BTC"]'),
        ('"ask_bid"', '"side"'),
    ],
)
def test_a_damaged_frame_yields_nothing(good: str, bad: str, tmp_path: Path) -> None:
    found = recording(tmp_path, LONG.replace(good, bad), SHORT)
    assert (rows(found), found.malformed) == ([LAMB], 1)


def test_an_address_tells_the_exchange() -> None:
    assert (exchange_of(REST), exchange_of(SOCKET), exchange_of("wss://notupbit.com/")) == ("upbit", "upbit", None)


def test_a_pair_lives_as_long_as_it_stands_in_the_list() -> None:
    here, gone = LIVES["upbit"]("spot", LIST[0]), LIVES["upbit"]("spot", {})
    assert (here.tradable, here.exists, here.listed) == (True, True, None)
    assert (gone.tradable, gone.exists, gone.listed) == (False, False, None)


def test_a_ledger_holds_numbers_as_the_wire_has_them(tmp_path: Path) -> None:
    where = {"exchange": "upbit", "market": "spot", "instrument": "KRW-BTC"}
    listed: dict[str, Any] = {"type": "instrument", **where, "base": "BTC", "quote": "KRW", "row": LIST[0]}
    listed |= {"price_scale": None, "quantity_scale": None, "multiplier": None}
    sold: dict[str, Any] = {
        "type": "trade",
        "serial": 1,
        **where,
        "id": "17877285547970000",
        "seq": None,
        "price": "1.16539E8",
    }
    sold |= {"size": "4.515E-5", "side": "sell", "time": 1787728554797000000, "kind": None, "connections": 1}
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (listed, sold)))
    (trade,) = ledger.read(path).book
    assert (trade.price, trade.quantity, trade.seq, trade.owed) == ("116539000", "0.00004515", None, True)
