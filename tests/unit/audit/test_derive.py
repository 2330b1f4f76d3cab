import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit.derive import Native, Universe, escape, split_factor, unescape


def native(name: str, base: str, **rest: object) -> Native:
    return Native(exchange="binance", market="futures", name=name, base=base, quote="USDT", **rest)  # type: ignore[arg-type]


def named(*natives: Native) -> dict[str, tuple[str, str | None]]:
    universe = Universe()
    universe.add(natives)
    return {key[2]: (instrument.base, instrument.factor) for key, instrument in universe.instruments.items()}


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("BTC", "BTC"),
        ("a-b_C9", "a-b_C9"),
        ("A.B", "A%2EB"),
        ("100%", "100%25"),
        ("> *", "%3E%20%2A"),
        ("币", "%E5%B8%81"),
    ],
)
def test_a_token_escapes_every_byte_that_a_subject_may_not_hold(name: str, token: str) -> None:
    assert escape(name) == token


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_escape_is_reversible(name: str) -> None:
    assert unescape(escape(name)) == name


@pytest.mark.parametrize(
    ("base", "parts"),
    [
        ("BTC", ("BTC", None)),
        ("1000PEPE", ("PEPE", "1000")),
        ("1000 PEPE", ("PEPE", "1000")),
        ("1000000MOG", ("MOG", "1000000")),
        ("SHIB1000", ("SHIB", "1000")),
        ("1INCH", ("1INCH", None)),
        ("100X", ("100X", None)),
        ("2000A", ("2000A", None)),
        ("1000", ("1000", None)),
    ],
)
def test_a_unit_factor_is_a_power_of_ten_from_a_thousand_at_an_end_of_the_name(
    base: str, parts: tuple[str, str | None]
) -> None:
    assert split_factor(base) == parts


def test_a_factor_comes_off_the_name() -> None:
    assert named(native("1000PEPEUSDT", "1000PEPE")) == {"1000PEPEUSDT": ("PEPE", "1000")}


def test_a_factor_stays_where_the_bare_name_is_listed() -> None:
    both = named(native("1000PEPEUSDT", "1000 PEPE"), native("PEPEUSDT", "PEPE"))
    assert both == {"1000PEPEUSDT": ("1000PEPE", None), "PEPEUSDT": ("PEPE", None)}


def test_a_paused_bare_name_counts_and_a_delisted_one_does_not() -> None:
    paused = native("PEPEUSDT", "PEPE", tradable=False)
    gone = native("PEPEUSDT", "PEPE", tradable=False, exists=False)
    assert named(paused, native("1000PEPEUSDT", "1000PEPE"))["1000PEPEUSDT"] == ("1000PEPE", None)
    assert named(gone, native("1000PEPEUSDT", "1000PEPE"))["1000PEPEUSDT"] == ("PEPE", "1000")


def test_a_published_name_holds_when_the_bare_name_is_listed_later() -> None:
    universe = Universe()
    universe.add([native("1000PEPEUSDT", "1000PEPE")])
    universe.add([native("PEPEUSDT", "PEPE")])
    assert universe.instruments["binance", "futures", "1000PEPEUSDT"].base == "PEPE"
    assert list(universe.refused) == [("binance", "futures", "PEPEUSDT")]


def test_aliases_give_the_common_name() -> None:
    assert named(native("XBTUSDTM", "XBT"), native("BEAMXUSDT", "BEAMX")) == {
        "XBTUSDTM": ("BTC", None),
        "BEAMXUSDT": ("BEAM", None),
    }


def test_of_two_that_claim_one_subject_the_earlier_listed_wins_then_the_lesser_name() -> None:
    assert set(named(native("A", "BTC", listed=2), native("B", "XBT", listed=1))) == {"B"}
    assert set(named(native("B", "XBT"), native("A", "BTC"))) == {"A"}


def test_subject_symbol_and_message_prefix_follow_from_the_names() -> None:
    universe = Universe()
    universe.add([Native(exchange="phemex", market="spot", name="sA.BUSDT", base="A.B", quote="USDT")])
    (instrument,) = universe.instruments.values()
    assert instrument.subject == "trades.phemex.spot.A%2EB.USDT"
    assert instrument.symbol == "A.B-USDT"
    assert instrument.prefix == "phemex.spot.sA.BUSDT."


def test_contracts_are_converted_with_multiplier_and_factor() -> None:
    universe = Universe()
    universe.add([native("1000PEPEUSDTM", "1000PEPE", multiplier="0.5000")])
    (instrument,) = universe.instruments.values()
    assert instrument.quantity("3") == "1500"
    assert instrument.extra("3.0") == {"contracts": "3", "multiplier": "0.5", "unit_factor": "1000"}
