"""``metdc parse`` as a person calls it; what the frames mean is the adapters' business."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.running import binance_list, run

FRAME = (
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":1790001515464,"s":"BTCUSDT","t":5312345678,'
    '"p":"80227.01000000","q":"0.00042000","T":1790001515463,"m":true,"M":true}}'
)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    path = tmp_path / "frames.jsonl"
    path.write_text(FRAME + "\n")
    return path


def test_frames_become_trades_and_a_count(frames: Path) -> None:
    result = run("parse", "binance", "spot", frames)
    trade = json.loads(result.stdout)
    assert (trade["symbol"], trade["id"], trade["price"], trade["side"]) == (
        "BTC-USDT",
        "5312345678",
        "80227.01",
        "sell",
    )
    assert json.loads(result.stderr.splitlines()[-1]) == {
        "frames": 1,
        "trade": 1,
        "control": 0,
        "other": 0,
        "malformed": 0,
        "trades": 1,
        "out_of_scope": {},
    }
    assert result.exit_code == 0


def test_an_instrument_list_decides_what_is_in_scope(frames: Path, tmp_path: Path) -> None:
    frames.write_text(FRAME.replace("BTC", "NEW").replace("btc", "new") + "\n")
    result = run("parse", "binance", "spot", "--instruments", binance_list(tmp_path), frames)
    assert result.stdout == ""
    assert json.loads(result.stderr.splitlines()[-1])["out_of_scope"] == {"NEWUSDT": 1}


def test_a_malformed_frame_is_a_failure(frames: Path) -> None:
    frames.write_text(FRAME[:-30] + "\n" + FRAME + "\n")
    result = run("parse", "binance", "spot", frames)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1


def test_an_empty_input_proves_nothing(frames: Path) -> None:
    frames.write_text("")
    assert run("parse", "binance", "spot", frames).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("binanse", "spot"), "unknown exchange 'binanse'; there are: binance, bybit"),
        (("binance", "margin"), "unknown market 'margin' of binance; there are: spot, futures"),
        (("binance", "spot", "/nowhere"), "'/nowhere'"),
        (("binance",), "Missing argument 'MARKET'"),
    ],
)
def test_bad_usage_is_one_line_with_the_remedy(arguments: tuple[str, ...], message: str) -> None:
    result = run("parse", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
