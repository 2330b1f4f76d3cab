"""Subjects of trades, gaps, instruments and listings, with a reversible escape for their tokens.

``trades.<exchange>.<market>.<BASE>.<QUOTE>``: ``trades.binance.spot.BTC.USDT``; ``trades.*.*.SOMI.*`` is one coin on
all venues. ``listings.<exchange>.<market>.<BASE>`` has no quote: that is its market. In BASE and QUOTE every UTF-8 byte
outside ``A-Za-z0-9_-`` is written ``%XX``, because a token may hold neither ``.``, ``*``, ``>`` nor spaces (NATS), and
names such as ``币安人生`` exist.
"""

import re
from typing import NamedTuple

from metdc_collector.wire.errors import InvalidToken

_WORD = re.compile(r"[a-z0-9_-]+", re.ASCII)
_PLAIN = re.compile(rb"[A-Za-z0-9_-]+")
_ESCAPED = re.compile(r"(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+", re.ASCII)
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


class Subject(NamedTuple):
    """A subject taken apart; base and quote are unescaped."""

    kind: str
    exchange: str
    market: str
    base: str
    quote: str


def escape(name: str) -> str:
    """Return ``name`` as a subject token: ``escape("A.B") == "A%2EB"``.

    Raises:
        InvalidToken: when the name is empty or is no text that UTF-8 can hold.
    """
    try:
        raw = name.encode()
    except UnicodeEncodeError:
        raise InvalidToken(repr(name)) from None
    if not raw:
        raise InvalidToken(name)
    if _PLAIN.fullmatch(raw):
        return name
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)


def unescape(token: str) -> str:
    """Return the name that :func:`escape` made ``token`` from.

    Raises:
        InvalidToken: when the token is not one that :func:`escape` makes.
    """
    if _ESCAPED.fullmatch(token) is None:
        raise InvalidToken(token)
    raw = re.sub(rb"%([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), token.encode())
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise InvalidToken(token) from None
    if escape(name) != token:
        raise InvalidToken(token)
    return name


def subject(kind: str, exchange: str, market: str, base: str, quote: str) -> str:
    """Return the subject of a record; ``kind`` is ``trades``, ``gaps`` or ``instruments``.

    Raises:
        InvalidToken: when a part cannot be a token.
    """
    _check_words(kind, exchange, market)
    return f"{kind}.{exchange}.{market}.{escape(base)}.{escape(quote)}"


def listing(exchange: str, market: str, base: str) -> str:
    """Return the subject of a listing event: ``listings.upbit.krw.POD``.

    Raises:
        InvalidToken: when a part cannot be a token.
    """
    _check_words(exchange, market)
    return f"listings.{exchange}.{market}.{escape(base)}"


def parse(text: str) -> Subject:
    """Take a subject apart.

    Raises:
        InvalidToken: when it does not have five tokens, or one of them is no token.
    """
    tokens = text.split(".")
    if len(tokens) != 5:
        raise InvalidToken(text)
    _check_words(*tokens[:3])
    return Subject(tokens[0], tokens[1], tokens[2], unescape(tokens[3]), unescape(tokens[4]))


def _check_words(*words: str) -> None:
    for word in words:
        if _WORD.fullmatch(word) is None:
            raise InvalidToken(word)
