"""Trades as rows for eyes, and as the lines that they are."""

import io

import pytest

from metdc_collector.cli.showing import Lines, Table
from metdc_collector.stored.reading import Stored
from metdc_collector.wire import trade
from metdc_collector.wire.trade import Aggregate, Trade
from tests.unit.wire.examples import TRADE

PLAIN = TRADE._replace(time=1790001515463999999)


def stored(data: bytes) -> Stored:
    return Stored("trades.binance.spot.BTC.USDT", data, sequence=7, time=1790001515466000000, left=0)


def table(*payloads: bytes) -> list[str]:
    out = io.StringIO()
    shown = Table(out)
    for data in payloads:
        shown.write(stored(data))
    shown.flush()
    return out.getvalue().splitlines()


def test_a_line_is_the_payload_byte_for_byte() -> None:
    out = io.BytesIO()
    lines = Lines(out)
    lines.write(stored(b'{"v":1,  "odd": true}'))
    lines.flush()
    assert out.getvalue() == b'{"v":1,  "odd": true}\n'


def test_a_row_holds_what_a_trade_is() -> None:
    row = table(trade.encode(PLAIN))[1]
    assert row.split() == ["2026-09-21", "14:38:35.463", "binance", "spot", "BTC-USDT", "sell", "80227.01", "0.00042"]


def test_columns_stand_below_their_headings() -> None:
    headings, row = table(trade.encode(PLAIN))
    assert row.index("BTC-USDT") == headings.index("SYMBOL")
    assert row.index("sell") == headings.index("SIDE")
    assert row.index("80227.01") + len("80227.01") == headings.index("PRICE") + len("PRICE")


@pytest.mark.parametrize(
    ("entry", "note"),
    [
        (PLAIN._replace(kind="block"), "block"),
        (PLAIN._replace(aggregate=Aggregate("1", "3")), "fills 1-3"),
        (PLAIN._replace(kind="rpi", backfilled=True, late=True), "rpi, backfilled, late"),
    ],
)
def test_what_is_special_stands_at_the_end(entry: Trade, note: str) -> None:
    assert table(trade.encode(entry))[1].endswith(f"  {note}")


def test_contracts_that_could_not_be_converted_are_called_so() -> None:
    assert "3 contracts" in table(trade.encode(PLAIN._replace(quantity=None, contracts="3")))[1]


def test_a_time_beyond_the_calendar_is_shown_as_the_number_that_it_is() -> None:
    assert table(trade.encode(PLAIN._replace(time=2**64 - 1)))[1].startswith("2554-07-21")
    distant = 10**21
    assert table(trade.encode(PLAIN._replace(time=1)).replace(b'"time":1,', b'"time":%d,' % distant))[1].startswith(
        "trades.binance.spot.BTC.USDT, number 7: trade: time: "
    )


def test_a_message_that_is_no_trade_is_shown_as_that_and_the_rest_goes_on() -> None:
    rows = table(b"{}", trade.encode(PLAIN))
    assert rows[1].startswith("trades.binance.spot.BTC.USDT, number 7: trade: version None is not 1")
    assert "BTC-USDT" in rows[2]


def test_many_rows_are_printed_without_waiting_for_the_last() -> None:
    out = io.StringIO()
    shown = Table(out)
    for _ in range(600):
        shown.write(stored(trade.encode(PLAIN)))
    assert out.getvalue().count("\n") >= 500


def test_colours_are_for_terminals_alone() -> None:
    assert "\x1b" not in "".join(table(trade.encode(PLAIN)))
