"""How frames are damaged: values that a field cannot have, members dropped, frames of which nothing can be read."""

import json
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple, Protocol

from metdc_collector.wire.instrument import Instrument

DEEP = 50_000


class Raw(str):
    """JSON text that no serializer would write."""

    __slots__ = ()


class Row(NamedTuple):
    """What must come of a healthy row."""

    id: str
    price: str
    quantity: str
    side: str
    time: int
    sent: int | None


class Case(NamedTuple):
    """A frame, the rows that must come of it, and what was done to it (nothing: it is healthy)."""

    frame: bytes
    rows: Sequence[Row]
    damage: str


class Maker(Protocol):
    """What makes the frames of one market; ``instruments`` are those that they are about."""

    instruments: dict[str, Instrument]

    def connect(self) -> None:
        """A new connection begins: what was sent on the one before is forgotten."""

    def case(self) -> Case:
        """Make a frame, healthy or damaged."""


NUMBERS_OF_NO_SENSE: tuple[Any, ...] = (
    Raw("NaN"),
    Raw("-Infinity"),
    Raw("1e400"),
    Raw("1e99999999999999999999"),
    Raw("1" + "0" * 400),
)
NUMBERS_OF_NO_SENSE += (Raw("1" + "0" * 5_000), Raw("[" * 200 + "]" * 200))
CONTAINERS: tuple[Any, ...] = (None, [], {}, [[1]], {"a": 1})
INTEGERS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, False, "12", "", 1.5, -1, 1 << 63, 1 << 64, 10**30, Raw("5.0"))
TIMES = (*INTEGERS, 0, 1, 1790001515, 4102444800000000000)
DECIMALS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, 5, 80227.01, "", "abc", "-1", "+1", "0", "0.000", "NaN", "1e400")
DECIMALS += ("1,5", " 1", "1 ", ".5", "5.", "٣", "1" * 61, "0x1", "1e", "Infinity", Raw('"\\ud800"'))
TRUTHS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, 0, 1, "true", "", 0.5)
NAMES = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, 5, "", "A B", "A\nB", "A " * 60, Raw('"\\ud800"'))
KINDS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, 5, "", "a b", "A\nB", "X" * 60, Raw('"\\ud800"'))
WORDS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, 5, "", "a b", "Snapshot", "BUY", "x" * 60, Raw('"\\udfff"'))


def render(value: Any) -> str:
    """Return the JSON text of a value, with raw parts as they stand."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{render(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(render(part) for part in value) + "]"
    return json.dumps(value)


def plain(number: Decimal) -> str:
    """Return the canonical text of a decimal."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def wreck(frame: bytes, random: Random) -> Case:
    """Damage a frame so that nothing of it can be read."""
    place = random.randrange(len(frame))
    name, wrecked = random.choice(
        [
            ("truncated", frame[:place]),
            ("a byte that is no UTF-8", frame[:place] + b"\xff" + frame[place:]),
            ("noise", random.randbytes(random.randrange(64)) + b"\x00"),
            ("another encoding", frame.decode().encode("utf-16")),
            ("deep nesting", b"[" * DEEP),
            ("deep nesting, closed", b"[" * DEEP + b"]" * DEEP),
            ("two frames in one", frame + frame),
            ("a bare value", random.choice([b"null", b"true", b"12", b'"x"', b"[]", b"NaN", b"1e400", b"{}", b"[1]"])),
        ]
    )
    return Case(wrecked, (), name)


def damage(message: dict[str, Any], fields: dict[str, Sequence[Any]], random: Random) -> str:
    """Drop one of these fields, or write one of the values that it cannot have."""
    name = random.choice(list(fields))
    if name != "X" and random.random() < 0.3:  # without a kind it is a frame of older times
        del message[name]
        return f"{name} dropped"
    message[name] = random.choice(fields[name])
    return f"{name} is {str(message[name])[:40]}"


def encoded(message: Any) -> bytes:
    """Return the frame of a message."""
    return render(message).encode()
