"""Which of a coin's messages a capture takes along."""

from metdc_collector.captures.gathering import _Selection
from metdc_collector.captures.order import Order
from metdc_collector.captures.ticks import Market
from metdc_collector.stored.reading import Stored
from metdc_collector.wire import trade
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import Trade
from tests.unit.captures.made import AT, MS, ORDER

SOMI = Instrument("binance", "spot", "SOMIUSDT", "SOMI", "USDT")
OTHER = Instrument("okx", "futures", "SOMI-USDT-SWAP", "SOMI", "USDT")


def stored(ms: int, instrument: Instrument = SOMI, sequence: int = 0) -> Stored:
    one = Trade(instrument, str(ms), None, "0.5", "2", "buy", AT + ms * MS, received=AT + ms * MS + 1)
    return Stored(instrument.subject, trade.encode(one), sequence=sequence, time=AT, left=0)


def taken(*messages: Stored, order: Order = ORDER) -> tuple[list[str], dict[Market, list[str]]]:
    """The ids of all that is taken, and of the window by instrument."""
    selection = _Selection(order)
    for message in messages:
        selection.take(message)
    found = selection.gathered()
    return [one.id for one in found.trades], {
        market: [one.trade.id for one in kept] for market, kept in found.window.items()
    }


def test_the_window_is_taken_in_the_order_of_the_exchange_s_time_whenever_it_was_stored() -> None:
    trades, window = taken(*(stored(ms) for ms in (5, -20_000, 19_999, 20_000, -1)))
    assert trades == ["-20000", "-1", "5", "19999"]
    assert list(window.values()) == [trades]


def test_of_the_minute_before_it_all_is_taken_and_of_longer_ago_the_last_of_each_subject() -> None:
    trades, window = taken(
        *(stored(ms) for ms in (-620_001, -90_000, -80_001, -85_000, -80_000, -70_000)), stored(-300_000, OTHER)
    )
    assert trades == ["-300000", "-80001", "-80000", "-70000"]
    assert window == {}


def test_a_narrow_window_has_its_reference_span_too() -> None:
    trades, window = taken(*(stored(ms) for ms in (-79_000, -20_000, -500)), order=Order("SOMI", AT, before=1_000 * MS))
    assert trades == ["-79000", "-20000", "-500"]
    assert list(window.values()) == [["-500"]]


def test_only_the_markets_that_are_asked_for_are_taken() -> None:
    trades, _ = taken(stored(0), stored(1, OTHER), order=Order("SOMI", AT, markets=("okx",)))
    assert trades == ["1"]


def test_an_instrument_is_traded_before_the_window_or_only_in_it() -> None:
    selection = _Selection(ORDER)
    for message in (stored(-300_000), stored(0), stored(0, OTHER), Stored(SOMI.subject, b"hello", 9, AT, 0)):
        selection.take(message)
    found = selection.gathered()
    assert {market.exchange: earlier for market, earlier in found.traded(ORDER).items()} == {
        "binance": True,
        "okx": False,
    }
    assert (found.read, found.refused) == (4, 1)
