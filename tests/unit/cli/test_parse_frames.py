"""What ``metdc parse`` makes of its input: raw frames, recordings, instrument lists."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from metdc_collector.cli.parse import read_instruments, run
from metdc_collector.exchanges.registry import venue

TRADE = {
    "e": "trade",
    "E": 1790001515464,
    "s": "BTCUSDT",
    "t": 7,
    "p": "80227.01",
    "q": "0.5",
    "T": 1790001515463,
    "m": True,
}
SPOT_LIST = {"symbols": [{"symbol": "BTCUSDT", "status": "BREAK", "baseAsset": "BTC", "quoteAsset": "USDT"}]}
SUSHI = (
    '{"sequence":1,"symbol":"sSUSHIUSDT","trades":[[1625342244127840967,"Buy",769100000,168200000]],"type":"snapshot"}'
)


class Result:
    """The exit code, the trades, the messages and the count of one run."""

    def __init__(self, text: str, *market: str, instruments: Path | None = None) -> None:
        out, err = io.StringIO(), io.StringIO()
        exchange, name = market or ("binance", "spot")
        self.code = run(exchange, name, instruments, io.BytesIO(text.encode()), out, err)
        self.trades: list[dict[str, Any]] = [json.loads(line) for line in out.getvalue().splitlines()]
        self.messages = err.getvalue().splitlines()

    @property
    def count(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.messages[-1])
        return answer


def recorded(data: object, t: str = "1633998523.957215", kind: str = "recv") -> str:
    text = data if isinstance(data, str) else json.dumps(data)
    return f'{{"t":{t},"kind":{json.dumps(kind)},"data":{json.dumps(text)}}}\n'


def test_every_frame_is_counted_once_by_its_kind() -> None:
    frames = [TRADE, {"result": None, "id": 1}, {"e": "24hrTicker"}, {"hello": 1}]
    result = Result("\n".join(json.dumps(frame) for frame in frames))
    assert result.count == {
        "frames": 4,
        "trade": 1,
        "control": 1,
        "other": 1,
        "malformed": 1,
        "trades": 1,
        "out_of_scope": {},
    }


def test_a_raw_frame_was_received_when_the_venue_sent_it() -> None:
    (trade,) = Result(json.dumps(TRADE)).trades
    assert trade["received"] == trade["sent"] == 1790001515464000000


def test_a_raw_frame_without_a_time_of_sending_was_received_at_the_trades_own_time() -> None:
    (trade,) = Result(SUSHI, "phemex", "spot").trades
    assert trade["received"] == trade["time"] == 1625342244127840967


def test_a_recorded_frame_was_received_exactly_when_the_recording_says() -> None:
    assert Result(recorded(TRADE)).trades[0]["received"] == 1633998523957215000


@pytest.mark.parametrize("time", ["0", "null", "true", "NaN", "1e400", '"x"', "-5", "99999999999"])
def test_a_recorded_time_of_no_sense_is_none(time: str) -> None:
    (trade,) = Result(recorded(TRADE, t=time)).trades
    assert trade["received"] == trade["sent"]


def test_only_what_the_client_received_is_a_frame_of_a_recording() -> None:
    lines = [recorded("x", kind=kind) for kind in ("http", "connect", "send")] + [recorded(TRADE)]
    assert Result("".join(lines)).count["frames"] == 1


def test_a_recorded_line_without_text_is_a_malformed_frame() -> None:
    result = Result('{"t":1,"kind":"recv"}\n' + recorded(TRADE))
    assert (result.code, result.count["malformed"], result.count["trades"]) == (1, 1, 1)


def test_a_frame_with_a_kind_of_its_own_is_no_line_of_a_recording() -> None:
    result = Result('{"kind":"recv"}\n{"kind"\n{"t":1,"kind":"other"}')
    assert result.count["frames"] == 3


def test_empty_lines_are_no_frames() -> None:
    assert Result(f"\n\n{json.dumps(TRADE)}\n\n").count["frames"] == 1


def test_text_is_read_like_bytes() -> None:
    out, err = io.StringIO(), io.StringIO()
    assert run("binance", "spot", None, io.StringIO(json.dumps(TRADE)), out, err) == 0
    assert json.loads(out.getvalue())["id"] == "7"


def test_malformed_frames_are_told_with_their_line_and_fail_the_run() -> None:
    result = Result(json.dumps(TRADE) + "\n{}\n")
    assert result.code == 1
    assert result.messages[0] == "metdc parse: line 2: neither an event nor an answer"


def test_of_many_malformed_frames_the_first_are_told() -> None:
    result = Result("{}\n" * 100)
    assert (len(result.messages), result.count["malformed"]) == (21, 100)


def test_no_frame_at_all_proves_nothing() -> None:
    result = Result("")
    assert (result.code, result.messages[0]) == (2, "metdc parse: the input holds no frame")
    assert result.count["frames"] == 0


def test_an_unknown_market_is_bad_usage() -> None:
    result = Result("", "binance", "margin")
    assert result.code == 2
    assert result.messages == ["metdc parse: unknown market 'margin' of binance; there are: spot, futures"]


def test_an_instrument_list_may_be_the_reply_itself(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps(SPOT_LIST, indent=1))
    eth = TRADE | {"s": "ETHUSDT"}
    result = Result(f"{json.dumps(TRADE)}\n{json.dumps(eth)}\n", instruments=path)
    assert (result.code, result.count["trades"], result.count["out_of_scope"]) == (0, 1, {"ETHUSDT": 1})


def test_an_instrument_list_may_be_in_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text(recorded("{}", kind="http") + recorded("x", kind="connect") + recorded(SPOT_LIST, kind="http"))
    result = Result(json.dumps(TRADE), instruments=path)
    assert (result.code, result.count["trades"]) == (0, 1)


def test_an_instrument_list_in_a_recording_may_have_several_pages(tmp_path: Path) -> None:
    def page(name: str, cursor: str) -> dict[str, Any]:
        row = {"symbol": f"{name}USDT", "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": name}
        row |= {"quoteCoin": "USDT", "settleCoin": "USDT"}
        return {"retCode": 0, "result": {"category": "linear", "nextPageCursor": cursor, "list": [row]}}

    path = tmp_path / "recording.jsonl"
    path.write_text(recorded(page("BTC", "next"), kind="http") + recorded(page("ETH", ""), kind="http"))
    listed = read_instruments(venue("bybit", "futures"), path)
    assert list(listed) == ["BTCUSDT", "ETHUSDT"]


def test_a_recording_that_lacks_the_second_page_has_what_the_first_holds(tmp_path: Path) -> None:
    row = {"symbol": "BTCUSDT", "contractType": "LinearPerpetual", "status": "Trading", "baseCoin": "BTC"}
    row |= {"quoteCoin": "USDT", "settleCoin": "USDT"}
    page = {"retCode": 0, "result": {"category": "linear", "nextPageCursor": "next", "list": [row]}}
    path = tmp_path / "recording.jsonl"
    path.write_text(recorded(page, kind="http"))
    assert list(read_instruments(venue("bybit", "futures"), path)) == ["BTCUSDT"]


def test_a_recording_without_an_instrument_list_is_told(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    path.write_text(recorded(TRADE) + recorded("{}", kind="http"))
    result = Result(json.dumps(TRADE), instruments=path)
    assert result.code == 2
    assert "holds no instrument list: the reply is no instrument list" in result.messages[0]


def test_a_file_that_is_no_instrument_list_is_told(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("<html>")
    assert Result("", instruments=path).messages[0].startswith("metdc parse: the instrument list is not JSON")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    result = Result("", instruments=tmp_path / "none.json")
    assert result.code == 2
    assert result.messages == [f"metdc parse: {tmp_path}/none.json cannot be read: No such file or directory"]


def test_without_a_list_the_scale_of_spot_quantities_is_unknown() -> None:
    (trade,) = Result(SUSHI, "phemex", "spot").trades
    assert (trade["symbol"], trade["price"]) == ("SUSHI-USDT", "7.691")
    assert (trade["quantity"], trade["contracts"]) == (None, "168200000")


def test_without_a_list_a_name_that_tells_nothing_is_out_of_scope() -> None:
    result = Result(SUSHI.replace("sSUSHIUSDT", "YFIUSD"), "phemex", "spot")
    assert (result.code, result.count["out_of_scope"]) == (0, {"YFIUSD": 1})
