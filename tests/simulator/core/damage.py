"""Seeded damage to frames: what a broken proxy or a careless release of the venue might send."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection
from typing import Any

from tests.simulator.core.socket import binary_frame

HUGE = "1" + "0" * 400
WRONG: tuple[Any, ...] = (None, [], {}, [[]], "", "abc", {"a": 1})
NEVER: tuple[str, ...] = ("NaN", "Infinity", "-Infinity", HUGE, f'"{HUGE}"', '"NaN"', "1e999999", '"1e999999"', "-1")
_MARK = "\u0000damage\u0000"

Path = tuple[str | int, ...]


def leaves(value: Any, wanted: Callable[[Path], bool], at: Path = ()) -> list[Path]:
    """The places of all scalars for which `wanted` holds."""
    if isinstance(value, dict):
        return [path for key, inner in value.items() for path in leaves(inner, wanted, (*at, key))]
    if isinstance(value, list):
        return [path for index, inner in enumerate(value) for path in leaves(inner, wanted, (*at, index))]
    return [at] if wanted(at) else []


def _parent(value: Any, path: Path) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


class Damage:
    """One kind of damage, drawn from the seed, done to a payload."""

    MODES = ("drop", "type", "never", "truncate", "binary")

    def __init__(
        self, rng: random.Random, mode: str, wanted: Callable[[Path], bool], negative: Collection[str] = ()
    ) -> None:
        """`negative` are fields whose numbers may be negative."""
        self.mode = rng.choice(self.MODES) if mode == "any" else mode
        self._rng, self._wanted, self._negative = rng, wanted, negative

    def __call__(self, payload: str, frame: Callable[[str], bytes]) -> bytes:
        """The damaged frame of a payload."""
        if self.mode == "binary":
            return binary_frame(self._rng.randbytes(self._rng.randrange(1, 200)))
        if self.mode == "truncate":
            return frame(payload[: self._rng.randrange(1, len(payload) - 1)])
        body = json.loads(payload)
        path = self._rng.choice(leaves(body, self._wanted))
        parent = _parent(body, path)
        if self.mode == "drop":
            del parent[path[-1]]
            return frame(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
        if self.mode == "type":
            parent[path[-1]] = self._rng.choice(WRONG)
            return frame(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
        never = [text for text in NEVER if text != "-1" or path[-1] not in self._negative]
        parent[path[-1]] = _MARK
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return frame(text.replace(json.dumps(_MARK), self._rng.choice(never)))
