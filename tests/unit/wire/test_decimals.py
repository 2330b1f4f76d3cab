"""Canonical decimals: one text for each value, and nothing but the value."""

from decimal import Context, Decimal, Inexact

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metdc_collector.wire.decimals import MAX_DIGITS, canonical, divide, from_decimal, multiply, scaled
from metdc_collector.wire.errors import InvalidDecimal

EXACT = Context(prec=1_000, traps=[Inexact])
DIGITS = "0123456789"
digits = st.text(DIGITS, min_size=1, max_size=MAX_DIGITS)
plain = st.one_of(digits, st.builds("{}.{}".format, digits, digits))
short = st.text(DIGITS, min_size=1, max_size=12)
factors = st.one_of(short, st.builds("{}.{}".format, short, short)).map(canonical)
canonical_form = r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80227.01000000", "80227.01"),
        ("0.00042000", "0.00042"),
        ("12", "12"),
        ("12.000", "12"),
        ("0012.5", "12.5"),
        ("0", "0"),
        ("0.000", "0"),
        ("000", "0"),
        ("1e3", "1000"),
        ("1.50E+3", "1500"),
        ("7.5e-7", "0.00000075"),
        ("0e5", "0"),
    ],
)
def test_a_number_has_one_text(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "-1",
        "+1",
        ".5",
        "5.",
        "1,5",
        "NaN",
        "Infinity",
        "1e400",
        "1e-400",
        "1e",
        "0x1",
        "1_0",
        "\u0661",
        "1\n",
    ],
)
def test_what_is_no_unsigned_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidDecimal, match="not an unsigned decimal number"):
        canonical(text)


def test_a_number_longer_than_any_honest_one_is_refused() -> None:
    assert canonical("9" * MAX_DIGITS) == "9" * MAX_DIGITS
    with pytest.raises(InvalidDecimal):
        canonical("9" * (MAX_DIGITS + 1))


def test_a_refusal_shows_no_more_than_the_beginning_of_a_long_text() -> None:
    with pytest.raises(InvalidDecimal) as refusal:
        canonical("7" * 5_000)
    assert len(str(refusal.value)) < 200
    assert refusal.value.text == "7" * 5_000


@given(plain)
def test_the_canonical_form_keeps_the_value(text: str) -> None:
    assert Decimal(canonical(text)) == Decimal(text)


@given(plain)
def test_the_canonical_form_is_its_own_canonical_form(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once


@given(plain, plain)
def test_equal_values_have_equal_texts(left: str, right: str) -> None:
    assert (canonical(left) == canonical(right)) == (Decimal(left) == Decimal(right))


@given(
    st.builds(
        "{}.{}{}{}{}".format, short, short, st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), st.integers(0, 40)
    )
)
def test_an_exponent_is_written_out(text: str) -> None:
    assert Decimal(canonical(text)) == Decimal(text)
    assert "e" not in canonical(text).lower()


@given(st.text())
def test_any_text_is_either_canonical_or_refused(text: str) -> None:
    try:
        result = canonical(text)
    except InvalidDecimal:
        return
    assert set(result) <= set(DIGITS + ".")


@given(st.integers(0, 10**40), st.integers(0, 30))
def test_a_scaled_integer_is_exact(integer: int, scale: int) -> None:
    text = scaled(integer, scale)
    assert Decimal(text) == EXACT.scaleb(Decimal(integer), -scale)
    assert canonical(text) == text


def test_a_negative_integer_is_refused() -> None:
    with pytest.raises(InvalidDecimal):
        scaled(-1, 8)


def test_an_integer_of_too_many_digits_is_refused() -> None:
    with pytest.raises(InvalidDecimal):
        scaled(10**MAX_DIGITS, 0)


@given(factors, factors)
def test_a_product_is_exact(left: str, right: str) -> None:
    product = multiply(left, right)
    assert Decimal(product) == EXACT.multiply(Decimal(left), Decimal(right))
    assert canonical(product) == product


@given(factors, factors)
def test_a_quotient_undoes_a_product(left: str, right: str) -> None:
    assume(right != "0")
    assert divide(multiply(left, right), right) == left


@pytest.mark.parametrize(("left", "right"), [("1", "3"), ("1", "0"), ("0", "0")])
def test_a_quotient_without_a_finite_form_is_refused(left: str, right: str) -> None:
    with pytest.raises(InvalidDecimal, match=f"{left} / {right}"):
        divide(left, right)


def test_a_quotient_by_a_unit_factor_is_exact() -> None:
    assert divide("0.0104512", "1000") == "0.0000104512"


def test_a_product_of_too_many_digits_is_refused() -> None:
    with pytest.raises(InvalidDecimal):
        multiply("9" * MAX_DIGITS, "9" * MAX_DIGITS)


def test_a_product_beyond_all_precision_is_refused() -> None:
    with pytest.raises(InvalidDecimal) as refusal:
        multiply("9" * 500, "9")
    assert refusal.value.text.endswith(" * 9")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "-0", "1e61", "1e-61", "1e-60000"])
def test_a_decimal_that_is_no_sane_amount_is_refused(value: str) -> None:
    with pytest.raises(InvalidDecimal):
        from_decimal(Decimal(value))


def test_a_decimal_of_too_many_digits_after_the_point_is_refused() -> None:
    with pytest.raises(InvalidDecimal):
        from_decimal(Decimal("1." + "1" * 61))


@given(st.decimals(min_value=0, max_value=10**20, allow_nan=False, allow_infinity=False, places=20))
def test_a_decimal_keeps_its_value(value: Decimal) -> None:
    assert Decimal(from_decimal(value.copy_abs())) == value
