"""The tokens of the handshake: bound to their market, good for a day (reference 6.3)."""

from __future__ import annotations

import base64
import random

LIFE = 86400.0


class Tokens:
    """Those of one market."""

    def __init__(self, seed: int, market: str, divide: float) -> None:
        self._rng = random.Random(f"{seed}:kucoin.{market}.tokens")
        self._divide = divide
        self._until: dict[str, float] = {}

    def make(self, now: float) -> str:
        """A new token; like the real ones it holds what must be URL-encoded: `+`, `/` and `=`."""
        token = f"2neAi+{self._text(93)}/{self._text(31)}.{self._text(16)}"
        self._until[token] = now + LIFE / self._divide
        return token

    def good(self, token: str, now: float) -> bool:
        """Whether the token is one of this market's and still lives."""
        return self._until.get(token, 0.0) > now

    def _text(self, size: int) -> str:
        return base64.b64encode(self._rng.randbytes(size)).decode()
