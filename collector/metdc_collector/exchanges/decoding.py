"""JSON as the exchanges send it, decoded without ever making a number a float that matters.

The fast decoder reads integers of 64 bits exactly and refuses NaN; a longer integer becomes a float, which no row check
lets pass. A frame that it refuses is given a second, tolerant chance, so that one damaged row (``NaN``, ``1e400``)
doesn't cost its healthy neighbours: there every number with a fraction is a ``Decimal``, and what is no sensible number
is null, which no row check lets pass either.
"""

import json
from decimal import Decimal, DecimalException
from typing import Any

import orjson

_LONGEST_INTEGER = 100


class Undecodable(ValueError):
    """The bytes are no JSON text."""


def decode(frame: bytes) -> Any:
    """Return the JSON value of a frame.

    Raises:
        Undecodable: when it isn't JSON, even for a tolerant reader.
    """
    try:
        return orjson.loads(frame)
    except orjson.JSONDecodeError:
        return decode_exactly(frame)


def decode_exactly(frame: bytes) -> Any:
    """Return the JSON value of a frame with every fraction as ``Decimal``; five times slower than :func:`decode`.

    NaN, infinities and numbers beyond all sense are null.

    Raises:
        Undecodable: when it isn't JSON.
    """
    try:
        value = json.loads(frame.decode(), parse_float=_fraction, parse_int=_integer, parse_constant=lambda _: None)
        json.dumps(value, ensure_ascii=False, default=str).encode()  # half a surrogate pair is no text to pass on
        return value
    except (ValueError, RecursionError) as error:  # bad UTF-8 is a ValueError
        raise Undecodable(str(error)[:200]) from None


def _fraction(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except DecimalException:  # an exponent of twenty digits
        return None


def _integer(text: str) -> int | None:
    return int(text) if len(text) <= _LONGEST_INTEGER else None
