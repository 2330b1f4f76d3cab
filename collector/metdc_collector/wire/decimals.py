"""Exact decimals as text.

A canonical decimal has no sign, no exponent, no leading and no trailing zeros: ``80227.01``, ``0.0004``, ``12``, ``0``.
Prices and quantities live in this form from the exchange's own text to the consumer; no float is ever involved.
"""

import re
from decimal import Context, Decimal, DecimalException, DivisionByZero, Inexact, InvalidOperation, Overflow

from metdc_collector.wire.errors import InvalidDecimal

# The longest honest quantity seen is 27 digits; beyond this bound a number is damage (10^400), not a price.
MAX_DIGITS = 60
_PLAIN = re.compile(r"([0-9]{1,60})(?:\.([0-9]{1,60}))?", re.ASCII)
_EXPONENT = re.compile(r"[0-9]{1,60}(?:\.[0-9]{1,60})?[eE][+-]?[0-9]{1,3}", re.ASCII)
_EXACT = Context(prec=8 * MAX_DIGITS, traps=[DivisionByZero, Inexact, InvalidOperation, Overflow])


def canonical(text: str) -> str:
    """Return ``text``, an unsigned decimal as an exchange writes it, in canonical form.

    Raises:
        InvalidDecimal: for anything else: a sign, spaces, NaN, more than 60 digits on one side of the point.
    """
    # String methods take half the time of a regular expression, and every trade passes here twice.
    whole, point, fraction = text.partition(".")
    if not (whole.isdigit() and text.isascii() and len(whole) <= MAX_DIGITS):
        return _from_exponent(text)
    if whole[0] == "0" and whole != "0":
        whole = whole.lstrip("0") or "0"
    if not point:
        return whole
    if not (fraction.isdigit() and len(fraction) <= MAX_DIGITS):
        return _from_exponent(text)
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def _from_exponent(text: str) -> str:
    if _EXPONENT.fullmatch(text) is None:
        raise InvalidDecimal(text)
    return from_decimal(Decimal(text))


def from_decimal(value: Decimal) -> str:
    """Return a finite, non-negative :class:`~decimal.Decimal` in canonical form.

    Raises:
        InvalidDecimal: when it is negative, not finite, or longer than 60 digits on one side of the point.
    """
    if not value.is_finite() or value.is_signed() or abs(value.adjusted()) > MAX_DIGITS:
        raise InvalidDecimal(str(value))
    text = format(value, "f")
    if _PLAIN.fullmatch(text) is None:
        raise InvalidDecimal(str(value))
    return canonical(text)


def scaled(integer: int, scale: int) -> str:
    """Return ``integer`` / 10**``scale`` in canonical form: ``scaled(769100000, 8) == "7.691"``.

    Raises:
        InvalidDecimal: when the integer is negative or too long.
    """
    if integer < 0:
        raise InvalidDecimal(str(integer))
    digits = str(integer).rjust(scale + 1, "0")
    point = len(digits) - scale
    if point > MAX_DIGITS or scale > MAX_DIGITS:
        raise InvalidDecimal(digits)
    fraction = digits[point:].rstrip("0")
    return f"{digits[:point]}.{fraction}" if fraction else digits[:point]


def multiply(left: str, right: str) -> str:
    """Return the exact product of two canonical decimals in canonical form.

    Raises:
        InvalidDecimal: when the product is longer than 60 digits on one side of the point.
    """
    try:
        return from_decimal(_EXACT.multiply(Decimal(left), Decimal(right)))
    except DecimalException as error:
        raise InvalidDecimal(f"{left} * {right}") from error


def divide(left: str, right: str) -> str:
    """Return the exact quotient of two canonical decimals in canonical form.

    Raises:
        InvalidDecimal: when the quotient has no finite decimal form of at most 60 digits a side, or ``right`` is 0.
    """
    try:
        return from_decimal(_EXACT.divide(Decimal(left), Decimal(right)))
    except DecimalException as error:
        raise InvalidDecimal(f"{left} / {right}") from error
