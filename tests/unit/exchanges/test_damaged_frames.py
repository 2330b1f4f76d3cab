"""The seeded mutator (``make fuzz``) in small, and whether it would notice."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.exchanges.base import Kind, Parsed
from metdc_collector.exchanges.registry import venue
from tests import fuzz
from tests.unit.exchanges.examples import RECEIVED, converse

COUNT = 2_000


@pytest.mark.parametrize("name", fuzz.VENUES)
def test_of_damaged_frames_exactly_the_healthy_rows_come_out(name: str) -> None:
    outcome = fuzz.fuzz(name, COUNT, seed=20261123)
    assert outcome.examples == []
    assert (outcome.frames, outcome.wrong) == (COUNT, 0)
    assert outcome.damaged > COUNT / 2
    assert outcome.rows > COUNT / 20


@given(st.sampled_from(fuzz.VENUES), st.binary(max_size=300))
def test_no_bytes_raise(name: str, data: bytes) -> None:
    exchange, market = name.split(".")
    parsed = converse(exchange, market).receive(data, RECEIVED)
    assert parsed.trades == ()


class _Wrong:
    """An adapter that spoils what the real one makes."""

    def __init__(self, spoil: Any) -> None:
        adapter = venue("phemex", "spot")
        self.maker = fuzz.Phemex("spot", Random("0"))
        self.maker.connect()
        self.conversation = adapter.converse(self.maker.instruments, adapter.channels[0])
        self.spoil = spoil

    def receive(self, frame: bytes, received: int) -> Parsed:
        parsed: Parsed = self.spoil(self.conversation.receive(frame, received))
        return parsed


def lost(parsed: Parsed) -> Parsed:
    parsed.trades = parsed.trades[1:]
    return parsed


def flipped(parsed: Parsed) -> Parsed:
    parsed.trades = [trade._replace(side="buy" if trade.side == "sell" else "sell") for trade in parsed.trades]
    return parsed


def invented(parsed: Parsed) -> Parsed:
    parsed.trades = [*parsed.trades, *parsed.trades[-1:]]
    return parsed


def hushed(parsed: Parsed) -> Parsed:
    parsed.kind = Kind.TRADE
    return parsed


def raised(parsed: Parsed) -> Parsed:
    raise RuntimeError("an adapter must not")


@pytest.mark.parametrize("spoil", [lost, flipped, invented, hushed, raised])
def test_the_oracle_notices(spoil: Any) -> None:
    wrong, outcome = _Wrong(spoil), fuzz.Outcome()
    for _ in range(fuzz.FRAMES_A_CONNECTION):
        outcome.judge(wrong.maker.case(), wrong)  # type: ignore[arg-type]  # it only receives
    assert outcome.wrong > 0
    assert outcome.examples


def test_the_command_tells_what_it_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--count", "50", "--seed", "1", "--venue", "binance.spot"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (answer["ok"], answer["seed"], list(answer["venues"])) == (True, 1, ["binance.spot"])
    assert answer["venues"]["binance.spot"]["frames"] == 50


@pytest.mark.parametrize("arguments", [["--count", "0"], ["--venue", "mtgox.spot"], ["--seed", "x"]])
def test_bad_usage_is_exit_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as error:
        fuzz.main(arguments)
    assert error.value.code == 2
