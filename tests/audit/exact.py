"""Exact decimals, and JSON that never makes a number a float.

A canonical decimal has no exponent, no leading and no trailing zeros: ``80227.01``, ``0.0004``, ``12``, ``0``.
"""

import json
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from typing import Any

# Wide enough for any product of wire values; a result that would have to be rounded raises instead.
_EXACT = Context(prec=2_000, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation, DivisionByZero])
ONE = Decimal(1)


class NotADecimal(ValueError):
    """The text is no finite, non-negative decimal number of a sane size."""


def number(text: str | int | Decimal) -> Decimal:
    """Return the value of a wire text, exactly.

    Raises:
        NotADecimal: for NaN, infinity, a negative number, or one beyond 10^±100.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise NotADecimal(str(text)) from None
    if not value.is_finite() or value < 0 or (value and abs(value.adjusted()) > 100):
        raise NotADecimal(str(text))
    return value


def canonical(value: Decimal) -> str:
    """Return the one text of a value: ``canonical(Decimal("1.50E+3")) == "1500"``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if value else "0"


def convert(text: str, *, scale: int | None, times: Decimal = ONE, over: Decimal = ONE) -> str:
    """Return ``text`` / 10^``scale`` x ``times`` / ``over`` as a canonical decimal, exactly.

    Raises:
        NotADecimal: when the text is none, or the result has no finite decimal form.
    """
    value = number(text)
    try:
        if scale:
            value = _EXACT.scaleb(value, -scale)
        if times is not ONE:
            value = _EXACT.multiply(value, times)
        if over is not ONE:
            value = _EXACT.divide(value, over)
    except (Inexact, InvalidOperation, DivisionByZero) as error:
        raise NotADecimal(f"{text}: {type(error).__name__}") from None
    return canonical(value)


def loads(text: str | bytes) -> Any:
    """Read JSON with every fraction as a ``Decimal`` and every integer as it is; NaN and infinity are None."""
    return json.loads(text, parse_float=Decimal, parse_constant=lambda _: None)
