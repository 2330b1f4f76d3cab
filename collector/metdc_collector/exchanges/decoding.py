"""JSON as the exchanges send it, decoded without ever making a number a float that matters.

The fast decoder reads integers of 64 bits exactly and refuses NaN; a longer integer becomes a float, which no row check
lets pass. A frame that it refuses is given a second, tolerant chance, so that one damaged row (``NaN``, ``1e400``)
doesn't cost its healthy neighbours: there every number with a fraction is a ``Decimal``, and what is no sensible number
or text is null, which no row check lets pass either.
"""

import json
import re
from collections.abc import Callable, Collection
from decimal import Decimal, DecimalException
from typing import Any

import orjson

_LONGEST_INTEGER = 100
_HALF_PAIR = re.compile("[\ud800-\udfff]")


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

    NaN, infinities, numbers beyond all sense, and text that UTF-8 cannot hold (half a surrogate pair) are null.

    Raises:
        Undecodable: when it isn't JSON.
    """
    return _decode_tolerantly(frame, None)


def decode_members(body: bytes, names: Collection[str]) -> Any:
    """Return the JSON value of a REST body with all objects reduced to the members of these names.

    An instrument list is 2 to 15 MB, of which a tenth is used: decoded whole it would take ten times as much memory, a
    good part of which the process would never give back.

    Raises:
        Undecodable: when it isn't JSON.
    """

    def reduce(members: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in members.items() if name in names}

    return _decode_tolerantly(body, reduce)


def _decode_tolerantly(data: bytes, reduce: Callable[[dict[str, Any]], dict[str, Any]] | None) -> Any:
    try:
        value = json.loads(
            data.decode(),
            object_hook=reduce,
            parse_float=_fraction,
            parse_int=_integer,
            parse_constant=lambda _: None,
        )
        return _sound(value) if b"\\u" in data else value
    except (ValueError, RecursionError) as error:  # bad UTF-8 is a ValueError
        raise Undecodable(str(error)[:200]) from None


def _sound(value: Any) -> Any:
    """Return the value with null in place of text that no message can carry; a member of such a name is left out."""
    if isinstance(value, str):
        return value if _HALF_PAIR.search(value) is None else None
    if isinstance(value, list):
        return [_sound(part) for part in value]
    if isinstance(value, dict):
        return {name: _sound(part) for name, part in value.items() if not _HALF_PAIR.search(name)}
    return value


def _fraction(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except DecimalException:  # an exponent of twenty digits
        return None


def _integer(text: str) -> int | None:
    return int(text) if len(text) <= _LONGEST_INTEGER else None
