"""Rows typed by hand from small recordings of current and older forms."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests import replay
from tests.audit.book import Trade
from tests.audit.recorded import BadRecording, Recording, exchange_of, read

SPOT_REST = "https://api.binance.com/api/v3/exchangeInfo"
SPOT_SOCKET = "wss://stream.binance.com:9443/stream?streams=btcusdt@trade"
FUTURES_REST = "https://fapi.binance.com/fapi/v1/exchangeInfo"
FUTURES_SOCKET = "wss://fstream.binance.com/public/stream"
PHEMEX_REST = "https://api.phemex.com/public/products"
PHEMEX_SOCKET = "wss://ws.phemex.com"


def spot(symbol: str, base: str, quote: str, **rest: Any) -> dict[str, Any]:
    return {"symbol": symbol, "status": "TRADING", "baseAsset": base, "quoteAsset": quote, **rest}


def future(symbol: str, base: str, quote: str = "USDT", **rest: Any) -> dict[str, Any]:
    usual = {"contractType": "PERPETUAL", "marginAsset": quote, "onboardDate": 1569398400000}
    return spot(symbol, base, quote) | usual | rest


def recording(folder: Path, rest: str, body: object, socket: str, *frames: object) -> Recording:
    lines: list[dict[str, Any]] = [
        {"t": 1.5, "kind": "http", "url": rest, "data": json.dumps(body)},
        {"t": 1.6, "kind": "connect", "url": socket},
        *({"t": 1.7, "kind": "recv", "data": f if isinstance(f, str) else json.dumps(f)} for f in frames),
    ]
    path = folder / "recording.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read(path)


def rows(found: Recording) -> list[tuple[str, str, str, str, str, int, str | None]]:
    return [row(trade) for trade in found.book]


def row(trade: Trade) -> tuple[str, str, str, str, str, int, str | None]:
    name = trade.instrument.native.name
    return (name, trade.id, trade.price, trade.quantity, trade.side, trade.time, trade.kind)


BTC = {
    "symbols": [
        spot("BTCUSDT", "BTC", "USDT"),
        spot("ETHBTC", "ETH", "BTC"),
        spot("OLDUSDT", "OLD", "USDT", status="BREAK"),
    ]
}
TRADE = (
    '{"e":"trade","E":1790001515464,"s":"BTCUSDT","t":5312345678,"p":"80227.01000000","q":"0.00042000",'
    '"T":1790001515463,"m":true,"M":true}'
)


def test_a_bare_trade_of_binance_spot(tmp_path: Path) -> None:
    found = recording(tmp_path, SPOT_REST, BTC, SPOT_SOCKET, TRADE)
    assert rows(found) == [("BTCUSDT", "5312345678", "80227.01", "0.00042", "sell", 1790001515463000000, None)]
    assert [trade.sent for trade in found.book] == [frozenset({1790001515464000000})]


def test_a_combined_trade_reads_the_same(tmp_path: Path) -> None:
    bare = recording(tmp_path, SPOT_REST, BTC, SPOT_SOCKET, TRADE)
    combined = recording(tmp_path, SPOT_REST, BTC, SPOT_SOCKET, f'{{"stream":"btcusdt@trade","data":{TRADE}}}')
    assert rows(bare) == rows(combined)


def test_microseconds_are_told_by_their_size(tmp_path: Path) -> None:
    frame = TRADE.replace("1790001515463", "1790001515463789")
    (trade,) = recording(tmp_path, SPOT_REST, BTC, SPOT_SOCKET, frame).book
    assert trade.time == 1790001515463789000


def test_a_trade_seen_twice_is_expected_once(tmp_path: Path) -> None:
    found = recording(tmp_path, SPOT_REST, BTC, SPOT_SOCKET, TRADE, TRADE)
    assert found.expected == 1


def test_other_channels_and_acks_are_passed_over(tmp_path: Path) -> None:
    others = ('{"result":null,"id":1}', '{"e":"depthUpdate","s":"BTCUSDT"}', "[1]", "pong", '{"stream":"x","data":[]}')
    found = recording(tmp_path, SPOT_REST, BTC, SPOT_SOCKET, *others)
    assert (found.expected, found.out_of_scope, found.malformed) == (0, {}, 0)


def test_every_listed_quote_of_spot_is_in_scope(tmp_path: Path) -> None:
    event = json.loads(TRADE)
    found = recording(
        tmp_path, SPOT_REST, BTC, SPOT_SOCKET, event | {"s": "ETHBTC"}, event | {"s": "OLDUSDT"}, event | {"s": "NEW"}
    )
    assert [trade.instrument.symbol for trade in found.book] == ["ETH-BTC"]
    assert found.quotes == {"spot": ["BTC", "USDT"]}
    assert found.out_of_scope == {"OLDUSDT": 1, "NEW": 1}


FUTURES = {
    "symbols": [
        future("BTCUSDT", "BTC"),
        future("1000PEPEUSDT", "1000PEPE"),
        future("BTCUSDC", "BTC", "USDC"),
        future("BTCUSDT_261225", "BTC", contractType="CURRENT_QUARTER"),
        future("TSLAUSDT", "TSLA", contractType="TRADIFI_PERPETUAL"),
        future("GONEUSDT", "GONE", status="SETTLING"),
    ]
}
PRINT = (
    '{"e":"trade","E":1789893896920,"T":1789893896919,"s":"1000PEPEUSDT","t":8097313955,"p":"0.0123400","q":"3",'
    '"X":"%s","m":false,"st":1}'
)


@pytest.mark.parametrize(
    ("mark", "kind"),
    [("MARKET", None), ("INSURANCE_FUND", "insurance"), ("ADL", "adl"), ("SOMETHING_NEW", "something_new")],
)
def test_futures_trades_are_marked_by_their_kind(mark: str, kind: str | None, tmp_path: Path) -> None:
    found = recording(tmp_path, FUTURES_REST, FUTURES, FUTURES_SOCKET, PRINT % mark)
    assert rows(found) == [("1000PEPEUSDT", "8097313955", "0.00001234", "3000", "buy", 1789893896919000000, kind)]
    assert [trade.instrument.subject for trade in found.book] == ["trades.binance.futures.PEPE.USDT"]


def test_a_frame_that_uses_up_an_id_is_no_trade(tmp_path: Path) -> None:
    nothing = (PRINT % "NA").replace('"0.0123400"', '"0"').replace('"3"', '"0"')
    found = recording(tmp_path, FUTURES_REST, FUTURES, FUTURES_SOCKET, nothing)
    assert (found.expected, found.malformed) == (0, 0)


@pytest.mark.parametrize("name", ["BTCUSDC", "BTCUSDT_261225", "TSLAUSDT", "GONEUSDT", "BTCUSD_PERP"])
def test_what_is_no_usdt_margined_perpetual_is_out_of_scope(name: str, tmp_path: Path) -> None:
    found = recording(tmp_path, FUTURES_REST, FUTURES, FUTURES_SOCKET, (PRINT % "MARKET").replace("1000PEPEUSDT", name))
    assert (found.expected, found.out_of_scope) == (0, {name: 1})
    assert found.quotes == {"futures": ["USDT"]}


AGGREGATE = (
    '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1773136021199,"a":3190727436,"s":"BTCUSDT","p":"70974.50",'
    '"q":"0.002","nq":"0.001","f":7413816280,"l":7413816281,"T":1773136021194,"m":false}}'
)


def test_an_aggregate_has_an_id_space_of_its_own(tmp_path: Path) -> None:
    (trade,) = recording(tmp_path, FUTURES_REST, FUTURES, FUTURES_SOCKET, AGGREGATE).book
    assert row(trade) == ("BTCUSDT", "agg:3190727436", "70974.5", "0.002", "buy", 1773136021194000000, None)
    assert trade.aggregate == ("7413816280", "7413816281")
    assert trade.seq == "3190727436"


def test_an_aggregate_is_not_expected_where_a_fill_of_its_range_is_there(tmp_path: Path) -> None:
    fill = TRADE.replace("5312345678", "7413816281")
    found = recording(tmp_path, FUTURES_REST, FUTURES, FUTURES_SOCKET, fill, AGGREGATE)
    assert [trade.id for trade in found.book if trade.owed] == ["7413816281"]


@pytest.mark.parametrize(
    "change",
    [{"p": "NaN"}, {"q": "-1"}, {"p": "0"}, {"m": "true"}, {"T": "1"}, {"t": None}, {"t": 1.5}, {"q": [1]}],
)
def test_a_damaged_frame_yields_nothing(change: dict[str, Any], tmp_path: Path) -> None:
    found = recording(tmp_path, SPOT_REST, BTC, SPOT_SOCKET, json.loads(TRADE) | change, TRADE)
    assert (found.expected, found.malformed) == (1, 1)


PRODUCTS = {
    "code": 0,
    "data": {
        "currencies": [{"currency": "BTC", "valueScale": 8}, {"currency": "SUSHI", "valueScale": 6}],
        "products": [
            {"symbol": "sBTCUSDT", "type": "Spot", "baseCurrency": "BTC", "quoteCurrency": "USDT", "status": "Listed"},
            {
                "symbol": "sSUSHIUSDC",
                "type": "Spot",
                "baseCurrency": "SUSHI",
                "quoteCurrency": "USDC",
                "status": "Listed",
            },
            {"symbol": "BTCUSD", "type": "Perpetual", "quoteCurrency": "USD", "status": "Listed"},
        ],
        "perpProductsV2": [
            {"symbol": name, "type": "PerpetualV2", "perpProductSubType": kind, "baseCurrency": base}
            | {"quoteCurrency": coin, "settleCurrency": coin, "status": status}
            for name, kind, base, coin, status in (
                ("BTCUSDT", "Normal", "BTC", "USDT", "Listed"),
                ("u1000PEPEUSDT", "Normal", "1000 PEPE", "USDT", "Listed"),
                ("BTCUSDC", "Normal", "BTC", "USDC", "Listed"),
                ("TSLAUSDT", "TradFi", "TSLA", "USDT", "Listed"),
                ("OLDUSDT", "Normal", "OLD", "USDT", "Delisted"),
            )
        ],
    },
}
N = 1764824672350987240


def test_spot_integers_of_phemex_are_scaled_by_the_product_list(tmp_path: Path) -> None:
    frame = {"sequence": 1, "symbol": "sSUSHIUSDC", "trades": [[N, "Buy", 769100000, 168200000]], "type": "incremental"}
    found = recording(tmp_path, PHEMEX_REST, PRODUCTS, PHEMEX_SOCKET, frame)
    assert rows(found) == [("sSUSHIUSDC", f"{N}-B-7.691-168.2-0", "7.691", "168.2", "buy", N, None)]
    assert [(trade.seq, trade.sent) for trade in found.book] == [(None, frozenset())]


def test_perpetuals_of_phemex_are_decimal_text(tmp_path: Path) -> None:
    frame = {
        "dts": N + 9,
        "symbol": "u1000PEPEUSDT",
        "trades_p": [[N, "Sell", "0.0123400", "7"]],
        "type": "incremental",
    }
    found = recording(tmp_path, PHEMEX_REST, PRODUCTS, PHEMEX_SOCKET, frame)
    assert rows(found) == [("u1000PEPEUSDT", f"{N}-S-0.00001234-7000-0", "0.00001234", "7000", "sell", N, None)]
    assert [trade.sent for trade in found.book] == [frozenset({N + 9})]
    assert found.quotes == {"futures": ["USDT"], "spot": ["USDC", "USDT"]}


def perpetual(kind: str, *trades: list[Any]) -> dict[str, Any]:
    return {"symbol": "BTCUSDT", "trades_p": list(trades), "type": kind}


def test_equal_rows_of_one_frame_are_counted(tmp_path: Path) -> None:
    twice = perpetual("incremental", [N, "Buy", "1", "2"], [N, "Buy", "1.0", "2"])
    found = recording(tmp_path, PHEMEX_REST, PRODUCTS, PHEMEX_SOCKET, twice)
    assert [trade.id for trade in found.book] == [f"{N}-B-1-2-0", f"{N}-B-1-2-1"]


def test_equal_rows_of_two_increments_are_two_trades(tmp_path: Path) -> None:
    once = perpetual("incremental", [N, "Buy", "1", "2"])
    assert recording(tmp_path, PHEMEX_REST, PRODUCTS, PHEMEX_SOCKET, once, once).expected == 2


def test_a_snapshot_repeats_what_was_sent_before_it(tmp_path: Path) -> None:
    first = perpetual("incremental", [N, "Buy", "1", "2"])
    snapshot = perpetual("snapshot", [N + 1, "Buy", "1", "2"], [N, "Buy", "1", "2"], [N, "Buy", "1", "2"])
    found = recording(tmp_path, PHEMEX_REST, PRODUCTS, PHEMEX_SOCKET, first, snapshot)
    assert sorted(trade.id for trade in found.book) == [f"{N}-B-1-2-0", f"{N}-B-1-2-1", f"{N + 1}-B-1-2-0"]


def test_rows_of_a_frame_are_newest_first(tmp_path: Path) -> None:
    snapshot = perpetual("snapshot", [N + 1, "Buy", "1", "2"], [N, "Sell", "1", "2"])
    found = recording(tmp_path, PHEMEX_REST, PRODUCTS, PHEMEX_SOCKET, snapshot)
    assert [trade.time for trade in sorted(found.book, key=lambda trade: trade.serial)] == [N, N + 1]


def test_what_phemex_lists_elsewhere_is_out_of_scope(tmp_path: Path) -> None:
    found = recording(
        tmp_path,
        PHEMEX_REST,
        PRODUCTS,
        PHEMEX_SOCKET,
        {"symbol": "BTCUSD", "trades": [[N, "Buy", 1, 2], [N, "Buy", 1, 2]], "type": "snapshot"},
        *({"symbol": name, "trades_p": [[N, "Buy", "1", "2"]]} for name in ("BTCUSDC", "TSLAUSDT", "OLDUSDT")),
    )
    assert (found.expected, found.out_of_scope) == (0, {"BTCUSD": 2, "BTCUSDC": 1, "TSLAUSDT": 1, "OLDUSDT": 1})


def test_a_damaged_row_costs_its_neighbours_nothing(tmp_path: Path) -> None:
    frame = perpetual("incremental", [N, "Buy", "1"], [N, "Hold", "1", "2"], [N, "Buy", "x", "2"], [N, "Buy", "1", "2"])
    found = recording(tmp_path, PHEMEX_REST, PRODUCTS, PHEMEX_SOCKET, frame)
    assert (found.expected, found.malformed) == (1, 3)


def test_a_list_of_2021_has_spot_alone(tmp_path: Path) -> None:
    old = {"code": 0, "data": {name: PRODUCTS["data"][name] for name in ("currencies", "products")}}  # type: ignore[index]
    url = "https://api.phemex.com/exchange/public/cfg/v2/products"
    assert recording(tmp_path, url, old, "wss://phemex.com/ws").quotes == {"spot": ["USDC", "USDT"]}


@pytest.mark.parametrize(
    ("url", "exchange"),
    [
        (SPOT_SOCKET, "binance"),
        ("wss://data-stream.binance.vision/ws", "binance"),
        (FUTURES_SOCKET, "binance"),
        ("wss://phemex.com/ws", "phemex"),
        ("wss://notphemex.com/ws", None),
        ("", None),
    ],
)
def test_an_address_tells_its_exchange(url: str, exchange: str | None) -> None:
    assert exchange_of(url) == exchange


def test_a_recording_of_an_unknown_venue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="no known venue"):
        recording(tmp_path, "https://example.org/list", {}, "wss://example.org/ws")


def test_a_file_that_is_no_recording_is_refused_by_line(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text('{"kind":"connect"}\nnot json\n')
    with pytest.raises(BadRecording, match=r"recording\.jsonl:2"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(gzip.compress(b"{}\n", mtime=0), r"it is compressed \(gzip\); unpack the file first", id="gzip"),
        pytest.param(b'{"kind":"recv","data":"\xff"}\n', "it is no UTF-8 text", id="no text"),
        pytest.param(b"price,quantity\n", "JSONDecodeError: ", id="no JSON"),
        pytest.param(b"[" * 100_000, "RecursionError: ", id="too deep"),
        pytest.param(b"[1]\n", "it is no JSON object but list", id="no object"),
        pytest.param(b'{"data":"{}"}\n', "KeyError: 'kind'", id="no kind"),
        pytest.param(b'{"kind":"recv","data":{}}\n{"kind":"recv","data":5}\n', "must be texts", id="data no text"),
        pytest.param(b'{"kind":"connect","url":"wss://[::1"}\n', "Invalid IPv6 URL", id="no address"),
    ],
)
def test_a_line_that_is_none_of_a_recording_is_told_in_words(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_bytes(content)
    with pytest.raises(BadRecording, match=rf"recording\.jsonl:\d: no line of a recording: .*{message}"):
        read(path)


def test_a_replay_of_a_file_that_is_no_recording_ends_with_2_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "heed_signals", lambda: None)  # the handlers are the test run's own
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"{}\n", mtime=0))
    assert replay.main([str(path)]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"ok": False, "error": answer["error"], "files": []}
    assert str(path) in answer["error"]
