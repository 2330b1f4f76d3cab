from decimal import Decimal

import pytest

from tests.audit.exact import NotADecimal, canonical, convert, loads


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        ("80227.01000000", "80227.01"),
        ("0.00042000", "0.00042"),
        ("12", "12"),
        ("12.000", "12"),
        ("0012.5", "12.5"),
        ("1.50E+3", "1500"),
        ("1e-7", "0.0000001"),
        ("100", "100"),
        ("0.0", "0"),
        ("123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
    ],
)
def test_a_wire_text_has_one_canonical_form(wire: str, text: str) -> None:
    assert convert(wire, scale=None) == text


@pytest.mark.parametrize("wire", ["", "abc", "NaN", "Infinity", "-1", "1e400", "1,5", "0x10"])
def test_what_is_no_decimal_is_refused(wire: str) -> None:
    with pytest.raises(NotADecimal):
        convert(wire, scale=None)


def test_scaled_integers_are_divided_exactly() -> None:
    assert convert("769100000", scale=8) == "7.691"
    assert convert("1", scale=8) == "0.00000001"
    assert convert("100000000000000000000000001", scale=8) == "1000000000000000000.00000001"


def test_contracts_and_unit_factors_are_applied_exactly() -> None:
    assert convert("7", scale=None, times=Decimal("0.001")) == "0.007"
    assert convert("0.0123400", scale=None, over=Decimal(1000)) == "0.00001234"


def test_a_quotient_without_a_finite_form_is_refused_rather_than_rounded() -> None:
    with pytest.raises(NotADecimal):
        convert("1", scale=None, over=Decimal(3))


def test_zero_has_no_sign_and_no_point() -> None:
    assert canonical(Decimal("0E-8")) == "0"
    assert canonical(Decimal("0.00")) == "0"


def test_json_keeps_every_digit_and_makes_nan_nothing() -> None:
    assert loads('{"a":0.1000,"b":1764824672350987242,"c":NaN}') == {
        "a": Decimal("0.1000"),
        "b": 1764824672350987242,
        "c": None,
    }
    assert str(loads("0.1000")) == "0.1000"
