"""OKX's instrument lists become instruments."""

from typing import Any

import pytest

from metdc_collector.exchanges.base import InvalidListing, Refusal
from metdc_collector.exchanges.okx import FUTURES, SPOT
from tests.unit.exchanges.examples import frame

BTC: dict[str, Any] = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "uly": "",
    "instFamily": "",
    "baseCcy": "BTC",
    "quoteCcy": "USDT",
    "settleCcy": "",
    "ctVal": "",
    "ctMult": "",
    "ctValCcy": "",
    "ctType": "",
    "tickSz": "0.1",
    "lotSz": "0.00000001",
    "minSz": "0.00001",
    "listTime": "1611907686000",
    "contTdSwTime": "",
    "openType": "",
    "expTime": "",
    "state": "live",
    "ruleType": "normal",
    "instCategory": "1",
}
SWAP: dict[str, Any] = BTC | {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "uly": "BTC-USDT",
    "instFamily": "BTC-USDT",
    "baseCcy": "",
    "quoteCcy": "",
    "settleCcy": "USDT",
    "ctVal": "0.01",
    "ctMult": "1",
    "ctValCcy": "BTC",
    "ctType": "linear",
    "lotSz": "0.01",
    "listTime": "1573557408000",
}


def listed(*rows: object) -> bytes:
    return frame({"code": "0", "msg": "", "data": list(rows)})


def announced(name: str, **more: str) -> dict[str, Any]:
    """A row of which nothing is known yet but name, time and state."""
    return dict.fromkeys(BTC, "") | {"instId": name, "listTime": "1790000000000", "state": "preopen"} | more


def test_each_market_asks_for_its_own_products() -> None:
    assert SPOT.listing_request().path == "/api/v5/public/instruments?instType=SPOT"
    assert FUTURES.listing_request().path == "/api/v5/public/instruments?instType=SWAP"
    assert SPOT.next_page(listed(BTC)) is None


def test_a_pair_has_base_quote_and_steps_from_the_venues_own_fields() -> None:
    pair = SPOT.listing(listed(BTC)).instruments["BTC-USDT"]
    assert (pair.exchange, pair.market, pair.base, pair.quote) == ("okx", "spot", "BTC", "USDT")
    assert (pair.tick, pair.lot, pair.status) == ("0.1", "0.00000001", "trading")
    assert (pair.multiplier, pair.unit_factor) == (None, None)
    assert (pair.listed, pair.delisted) == (1611907686000000000, None)


def test_a_contract_has_the_coin_that_it_is_counted_in_and_the_coin_that_settles_it() -> None:
    contract = FUTURES.listing(listed(SWAP)).instruments["BTC-USDT-SWAP"]
    assert (contract.exchange, contract.market, contract.base, contract.quote) == ("okx", "futures", "BTC", "USDT")
    assert (contract.multiplier, contract.tick, contract.lot) == ("0.01", "0.1", "0.01")
    assert contract.listed == 1573557408000000000


@pytest.mark.parametrize(
    ("value", "factor", "multiplier"),
    [("0.01", "1", "0.01"), ("10000000", "1", "10000000"), ("0.1", "10", "1"), ("0.30", "0.1", "0.03")],
)
def test_the_coins_of_a_contract_are_an_exact_product(value: str, factor: str, multiplier: str) -> None:
    contract = FUTURES.listing(listed(SWAP | {"ctVal": value, "ctMult": factor})).instruments["BTC-USDT-SWAP"]
    assert contract.multiplier == multiplier


@pytest.mark.parametrize("adapter", [SPOT, FUTURES])
@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("live", "trading"),
        ("preopen", "pending"),
        ("suspend", "halted"),
        ("settling", "halted"),
        ("post_only", "halted"),
        ("rebase", "halted"),
        ("test", "halted"),
        ("something_new", "halted"),
    ],
)
def test_an_instrument_is_kept_whatever_its_state(adapter: Any, state: str, status: str) -> None:
    (found,) = adapter.listing(listed((BTC if adapter is SPOT else SWAP) | {"state": state})).instruments.values()
    assert found.status == status


def test_a_planned_end_is_known() -> None:
    contract = FUTURES.listing(listed(SWAP | {"expTime": "1795000000000"})).instruments["BTC-USDT-SWAP"]
    assert contract.delisted == 1795000000000000000


def test_steps_and_times_that_are_empty_or_damaged_are_unknown() -> None:
    for value in ("", None, 5.5, "soon", "0"):
        pair = SPOT.listing(listed(BTC | {"listTime": value, "expTime": value})).instruments["BTC-USDT"]
        assert (pair.listed, pair.delisted) == (None, None)
    pair = SPOT.listing(listed(BTC | {"tickSz": "", "lotSz": True})).instruments["BTC-USDT"]
    assert (pair.tick, pair.lot) == (None, None)


def test_a_list_of_2022_has_neither_category_nor_rules() -> None:
    older = {key: value for key, value in SWAP.items() if key not in {"ruleType", "instCategory"}}
    assert list(FUTURES.listing(listed(older)).instruments) == ["BTC-USDT-SWAP"]


@pytest.mark.parametrize(
    "other",
    [
        {"ctType": "inverse", "settleCcy": "BTC", "ctValCcy": "USD"},
        {"settleCcy": "USDC"},
        {"ruleType": "pre_market"},
        {"ruleType": "rebase_contract"},
        {"ruleType": "xperp"},
        {"instCategory": "3"},
        {"instCategory": "4"},
        {"instType": "FUTURES"},
        {"instType": "SPOT"},
    ],
)
def test_only_usual_contracts_on_coins_settled_in_usdt_are_futures_of_ours(other: dict[str, str]) -> None:
    listing = FUTURES.listing(listed(SWAP, SWAP | {"instId": "X-USDT-SWAP"} | other))
    assert (list(listing.instruments), listing.refused) == (["BTC-USDT-SWAP"], [])


@pytest.mark.parametrize("other", [{"instCategory": "3"}, {"ruleType": "pre_market"}, {"instType": "MARGIN"}])
def test_only_usual_pairs_of_coins_are_spot_pairs_of_ours(other: dict[str, str]) -> None:
    listing = SPOT.listing(listed(BTC, BTC | {"instId": "X-USDT", "baseCcy": "X"} | other))
    assert (list(listing.instruments), listing.refused) == (["BTC-USDT"], [])


def test_a_pair_that_is_only_announced_is_pending_by_its_name() -> None:
    pair = SPOT.listing(listed(BTC, announced("NEW-USDT"))).instruments["NEW-USDT"]
    assert (pair.base, pair.quote, pair.status, pair.tick, pair.lot) == ("NEW", "USDT", "pending", None, None)
    assert pair.listed == 1790000000000000000


def test_a_contract_that_is_only_announced_is_pending_by_its_name() -> None:
    row = announced("NEW-USDT-SWAP", instType="SWAP", state="suspend")
    contract = FUTURES.listing(listed(SWAP, row)).instruments["NEW-USDT-SWAP"]
    assert (contract.base, contract.quote, contract.status) == ("NEW", "USDT", "pending")
    assert contract.multiplier is None


def test_a_contract_is_only_announced_while_any_field_that_it_needs_is_empty() -> None:
    for name in ("ctVal", "ctMult", "ctValCcy", "ctType", "settleCcy", "instType"):
        row = SWAP | {"instId": "NEW-USDT-SWAP", "state": "preopen", name: ""}
        assert FUTURES.listing(listed(SWAP, row)).instruments["NEW-USDT-SWAP"].status == "pending"


@pytest.mark.parametrize("name", ["NEW", "NEW-USDT-SWAP", "NEW-USDT-261225", "-USDT", "NEW-"])
def test_an_announced_row_whose_name_is_no_pair_is_passed_over(name: str) -> None:
    listing = SPOT.listing(listed(BTC, announced(name)))
    assert (list(listing.instruments), listing.refused) == (["BTC-USDT"], [])


@pytest.mark.parametrize("name", ["NEW", "NEW-USDT", "NEW-USD-SWAP", "NEW-USDC-SWAP", "-USDT-SWAP", "NEW-USDT-261225"])
def test_an_announced_row_whose_name_is_no_usdt_perpetual_is_passed_over(name: str) -> None:
    listing = FUTURES.listing(listed(SWAP, announced(name)))
    assert (list(listing.instruments), listing.refused) == (["BTC-USDT-SWAP"], [])


@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        (5, "row 1", "it is no object: 5"),
        (SWAP | {"instId": 5}, "row 1", "instId is no name: 5"),
        (SWAP | {"instId": "A B"}, "row 1", "instId is no name: 'A B'"),
        (SWAP | {"instId": "X", "state": None}, "X", "state is no text: None"),
        (SWAP | {"instId": "X", "ctType": 5}, "X", "ctType is no text: 5"),
        (SWAP | {"instId": "X", "ctValCcy": ""}, "X", "ctValCcy is no text: ''"),
        (SWAP | {"instId": "X", "ctVal": ""}, "X", "ctVal is no positive decimal: ''"),
        (SWAP | {"instId": "X", "ctMult": "0"}, "X", "ctMult is no positive decimal: '0'"),
        (
            SWAP | {"instId": "X", "ctVal": "1" + "0" * 59, "ctMult": "10"},
            "X",
            f"ctVal and ctMult make no decimal: '1{'0' * 55}..., '10'",
        ),
    ],
)
def test_a_damaged_contract_is_refused_by_name_and_the_rest_run(row: object, name: str, reason: str) -> None:
    listing = FUTURES.listing(listed(SWAP, row))
    assert list(listing.instruments) == ["BTC-USDT-SWAP"]
    assert listing.refused == [Refusal(name, f"its row in the list is damaged: {reason}")]


@pytest.mark.parametrize("field", ["baseCcy", "quoteCcy"])
def test_a_pair_that_is_live_without_a_coin_is_refused_by_name(field: str) -> None:
    listing = SPOT.listing(listed(BTC, BTC | {"instId": "X-USDT", field: ""}))
    assert listing.refused == [Refusal("X-USDT", f"its row in the list is damaged: {field} is no text: ''")]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            b'{"code":"51000","msg":"Parameter instType error","data":[]}',
            "the venue answered with an error: '51000' 'Parameter instType error'",
        ),
        (
            b'{"code":"50011","msg":"Too Many Requests"}',
            "the venue answered with an error: '50011' 'Too Many Requests'",
        ),
        (b'{"code":"0","data":[],"msg":""}', "the instrument list is empty: 'data' holds no row"),
        (b"{}", "the reply is no instrument list: it has no array 'data'"),
        (b"not JSON", "the instrument list is not JSON: the reply begins with 'not JSON'"),
        (frame({"code": "0", "data": [SWAP]}), "the instrument list holds no usable instrument of the spot market"),
    ],
)
def test_a_reply_that_is_no_list_is_told_in_words(reply: bytes, message: str) -> None:
    with pytest.raises(InvalidListing) as error:
        SPOT.listing(reply)
    assert str(error.value) == message
