"""Checks of single fields of a row, by type and range: what an exchange sends may be damaged.

A bool is no integer, a float is no number that matters, a time is between 2009 and 2100.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeGuard

from metdc_collector.wire.decimals import canonical, divide, multiply
from metdc_collector.wire.errors import InvalidDecimal
from metdc_collector.wire.instrument import Instrument

LIMIT = 1 << 63
"""Ids, counts and scaled integers are below this."""
EARLIEST = 1_230_768_000_000_000_000
"""2009-01-01 in ns since the epoch: no exchange is older than the coins it trades."""
LATEST = 4_102_444_800_000_000_000
"""2100-01-01 in ns since the epoch."""
_EARLIEST_MS, _LATEST_MS = EARLIEST // 1_000_000, LATEST // 1_000_000
_EARLIEST_US, _LATEST_US = EARLIEST // 1_000, LATEST // 1_000


class Damaged(ValueError):
    """A row that cannot be used; the text names the field and what it holds."""


def shown(value: object) -> str:
    """Return a value as a log line can hold it: short, ASCII, of containers the type alone."""
    if value is None or isinstance(value, (str, int, float, Decimal)):
        text = ascii(value)
        return text if len(text) <= 60 else f"{text[:57]}..."
    return type(value).__name__


def is_name(value: object) -> TypeGuard[str]:
    """Whether the value can be a native name: 1 to 100 printable characters without spaces.

    It goes into a header of NATS, where a line break would begin another header.
    """
    return type(value) is str and 0 < len(value) <= 100 and value.isprintable() and " " not in value


def milliseconds(value: object, field: str) -> int:
    """Return a time in ms, or in µs where its magnitude tells so, as ns since the epoch.

    Raises:
        Damaged: when it is no integer or not between 2009 and 2100.
    """
    if type(value) is int:
        if _EARLIEST_MS <= value < _LATEST_MS:
            return value * 1_000_000
        if _EARLIEST_US <= value < _LATEST_US:
            return value * 1_000
    raise Damaged(f"{field} is no time: {shown(value)}")


def is_nanoseconds(value: object) -> TypeGuard[int]:
    """Whether the value is an integer that is a time in ns between 2009 and 2100."""
    return type(value) is int and EARLIEST <= value < LATEST


def nanoseconds(value: object, field: str) -> int:
    """Return a time in ns since the epoch.

    Raises:
        Damaged: when it is no integer or not between 2009 and 2100.
    """
    if is_nanoseconds(value):
        return value
    raise Damaged(f"{field} is no time: {shown(value)}")


def positive(value: object, field: str) -> str:
    """Return a decimal above 0, written as text, in canonical form.

    Raises:
        Damaged: for anything else; a JSON number is refused, because a float may have been rounded.
    """
    if type(value) is str:
        try:
            number = canonical(value)
        except InvalidDecimal:
            pass
        else:
            if number != "0":
                return number
    raise Damaged(f"{field} is no positive decimal: {shown(value)}")


def per_coin(price: str, instrument: Instrument) -> str:
    """Return a price as that of one coin where the instrument's name carries a unit factor.

    Raises:
        Damaged: when the result is longer than any decimal of the wire contract.
    """
    return price if instrument.unit_factor is None else _exactly(divide, price, instrument.unit_factor)


def in_coins(quantity: str, instrument: Instrument) -> str:
    """Return a quantity in coins where the instrument's name carries a unit factor.

    Raises:
        Damaged: when the result is longer than any decimal of the wire contract.
    """
    return quantity if instrument.unit_factor is None else _exactly(multiply, quantity, instrument.unit_factor)


def coins_of(contracts: str, instrument: Instrument) -> str | None:
    """Return the base coins of so many contracts; null where the multiplier isn't known (no instrument list).

    Raises:
        Damaged: when the result is longer than any decimal of the wire contract.
    """
    if instrument.multiplier is None:
        return None
    return in_coins(_exactly(multiply, contracts, instrument.multiplier), instrument)


def _exactly(operation: Callable[[str, str], str], number: str, factor: str) -> str:
    try:
        return operation(number, factor)
    except InvalidDecimal:
        raise Damaged(f"too long in units of {factor}: {shown(number)}") from None
