"""Reading records that others wrote: every member is checked against the type that its dataclass names.

A record that lacks a member, or holds one of another type, is refused by the member's name; members that nobody here
knows are passed over, since fields are only ever added. No number of a record may be negative: all are counts, times
or rates.
"""

from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import orjson

from metdc_collector.wire.decimals import canonical
from metdc_collector.wire.errors import InvalidMessage, WireError

T = TypeVar("T")
_ABSENT = object()


def load(data: bytes, version: int) -> dict[str, Any]:
    """Return the JSON object that ``data`` holds, of this version.

    Raises:
        InvalidMessage: when it is anything else.
    """
    try:
        record = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidMessage(f"not JSON: {error}") from None
    if not isinstance(record, dict):
        raise InvalidMessage("not a JSON object")
    found = record.get("v")
    if type(found) is not int or found != version:
        raise InvalidMessage(f"version {found!r} is not {version}")
    return record


def text(record: dict[str, Any], name: str) -> str:
    """Return the text member ``name``.

    Raises:
        InvalidMessage: when it is missing, or no text.
    """
    value = record.get(name)
    if not isinstance(value, str):
        raise InvalidMessage(f"{name}: {_short(value)} is no text")
    return value


def symbol(record: dict[str, Any]) -> tuple[str, str]:
    """Return base and quote of the member ``symbol``; a quote holds no dash.

    Raises:
        InvalidMessage: when it is missing, or not two names joined by a dash.
    """
    base, dash, quote = text(record, "symbol").rpartition("-")
    if not (base and dash and quote):
        raise InvalidMessage(f"symbol: {_short(record['symbol'])} is not BASE-QUOTE")
    return base, quote


def decimals(record: dict[str, Any], *names: str) -> None:
    """Check that each of these members is null, absent or a canonical decimal.

    Raises:
        InvalidMessage: when one isn't.
    """
    for name in names:
        value = record.get(name)
        if value is not None and not _is_canonical(value):
            raise InvalidMessage(f"{name}: {_short(value)} is no canonical decimal")


def _is_canonical(value: object) -> bool:
    try:
        return isinstance(value, str) and canonical(value) == value
    except WireError:
        return False


def build(kind: type[T], record: object, path: str = "") -> T:
    """Return the dataclass or named tuple ``kind``, each of its fields taken from the record's member of that name.

    Raises:
        InvalidMessage: when a member without a default is missing, or one is of another type.
    """
    if not isinstance(record, dict):
        raise InvalidMessage(f"{path}: {_short(record)} is no object")
    values: dict[str, Any] = {}
    for name, (annotation, required) in _members(kind).items():  # type: ignore[arg-type] # a class is hashable
        where = f"{path}.{name}" if path else name
        value = record.get(name, _ABSENT)
        if value is not _ABSENT:
            values[name] = _read(annotation, value, where)
        elif required:
            raise InvalidMessage(f"{where}: missing")
    return kind(**values)


@cache
def _members(kind: type) -> dict[str, tuple[Any, bool]]:
    """Return annotation and whether it must be there, for each field that the constructor takes."""
    hints = get_type_hints(kind)
    if is_dataclass(kind):
        return {
            entry.name: (hints[entry.name], entry.default is MISSING and entry.default_factory is MISSING)
            for entry in fields(kind)
            if entry.init
        }
    defaults = getattr(kind, "_field_defaults", {})
    return {name: (hint, name not in defaults) for name, hint in hints.items()}


@cache
def _form(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return origin and arguments of an annotation; asked once, since that takes a third of the reading otherwise."""
    return get_origin(annotation), get_args(annotation)


def _read(annotation: Any, value: Any, path: str) -> Any:
    origin, arguments = _form(annotation)
    if origin is UnionType:  # X | None, the only union of the contract
        return None if value is None else _read(next(a for a in arguments if a is not NoneType), value, path)
    if origin is Literal:
        if value not in arguments:
            raise InvalidMessage(f"{path}: {_short(value)} is none of {', '.join(arguments)}")
        return value
    if origin is tuple:
        return tuple(_read(arguments[0], entry, path) for entry in _typed(list, value, path))
    if origin is dict:
        return {name: _read(arguments[1], entry, f"{path}.{name}") for name, entry in _typed(dict, value, path).items()}
    if annotation is float:
        return float(_number((int, float), value, path))  # no amount: a rate or a score
    if annotation is int:
        return _number((int,), value, path)
    if annotation in (str, bool) or isinstance(value, annotation):
        return _typed(annotation, value, path)
    return build(annotation, value, path)


_WORDS = {str: "text", bool: "true or false", list: "list", dict: "object"}


def _typed(kind: type, value: Any, path: str) -> Any:
    if not isinstance(value, kind):
        raise InvalidMessage(f"{path}: {_short(value)} is no {_WORDS[kind]}")
    return value


def _number(kinds: tuple[type, ...], value: Any, path: str) -> Any:
    if type(value) not in kinds:
        raise InvalidMessage(f"{path}: {_short(value)} is no {'integer' if kinds == (int,) else 'number'}")
    if value < 0:
        raise InvalidMessage(f"{path}: {_short(value)} is negative")
    return value


def _short(value: object) -> str:
    return repr(value)[:80]
