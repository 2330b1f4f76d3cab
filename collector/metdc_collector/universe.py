"""Which instruments a market's collector wants: a pure function of the lists and of ``spec.symbols``."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Literal

from metdc_collector.exchanges.base import InvalidListing, Listing, Refusal
from metdc_collector.wire.instrument import Instrument

UpbitKRW = Literal["Ignore", "Include", "Exclude"]
"""What a coin's listing in Upbit's KRW market means: nothing; only such coins are wanted; none of them is."""

AUTHORITY = 3_600_000_000_000
"""How long a list speaks against one that has shrunk, in ns: whatever a venue does for longer, it means."""
KEEP = AUTHORITY // 6
"""An unchanged list is kept anew so often, in ns, so that its age tells something."""

STAY = 86_400_000_000_000
"""How long a coin that enters Upbit's KRW market stays where such coins are excluded: 24 h, in ns."""


@dataclass(frozen=True, slots=True)
class Selection:
    """``spec.symbols``.

    Attributes:
        quotes: quote coins that are wanted.
        include: when not empty, only these: native names (``BTCUSDT``) or symbols (``BTC-USDT``), whatever their quote,
            or coins (``BTC``) in the wanted quotes.
        exclude: none of these, named in the same ways.
        upbit_krw: what is left after that is narrowed by the coins of Upbit's KRW market.
    """

    quotes: Sequence[str]
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    upbit_krw: UpbitKRW = "Ignore"


@dataclass(frozen=True, slots=True)
class Krw:
    """Upbit's KRW market at a moment.

    Attributes:
        at: when Upbit gave the list, ns since the epoch.
        coins: the common names of those that are listed.
        until: of each coin that has entered within :data:`STAY`, when it has been there for so long (ns).
    """

    at: int
    coins: frozenset[str]
    until: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The outcome of a selection.

    Attributes:
        wanted: instruments to subscribe to, by native name, in the list's order.
        refused: rows of the list that can't be used, and what was asked for by name and cannot be had: the name itself
            where nothing has it, else each instrument that has it, when none of them is wanted.
        left: every other instrument of the list and why it is not wanted.
    """

    wanted: Mapping[str, Instrument]
    refused: Sequence[Refusal]
    left: Sequence[Refusal]


def select(
    listing: Listing, selection: Selection, *, ahead: bool = False, krw: Collection[str] = frozenset()
) -> Chosen:
    """Choose from a list; never raises, an empty choice is the caller's to report.

    With ``ahead``, what is announced is chosen too: the venue lets it be subscribed to before it trades. ``krw`` holds
    the coins that count as listed in Upbit's KRW market (:func:`counted`); without a filter by it, it means nothing.
    """
    wanted: dict[str, Instrument] = {}
    left: dict[str, Refusal] = {}
    matching: dict[str, list[str]] = {name: [] for name in selection.include}
    for instrument in listing.instruments.values():
        matches = matching.keys() & set(_names(instrument))
        for name in matches:
            matching[name].append(instrument.name)
        reason = _reason(instrument, selection, matches, krw, ahead=ahead)
        if reason is None:
            wanted[instrument.name] = instrument
        else:
            left[instrument.name] = Refusal(instrument.name, reason)
    refused = {refusal.name: refusal for refusal in listing.refused}
    for asked, found in matching.items():
        if not found:
            refused.setdefault(asked, Refusal(asked, "no such instrument in the venue's list"))
        elif wanted.keys().isdisjoint(found):
            refused |= {name: left[name] for name in found}
    return Chosen(
        wanted=wanted,
        refused=tuple(refused.values()),
        left=tuple(refusal for name, refusal in left.items() if name not in refused),
    )


def share(chosen: Chosen, shard: int, shards: int) -> Chosen:
    """Return what of a choice falls to one of a market's shards; every process divides alike.

    By rendezvous hashing: each instrument goes to the shard whose digest with it is the highest, so that when their
    number changes only those move that a new shard takes, or that one had which is no more.
    """
    wanted: dict[str, Instrument] = {}
    elsewhere: list[Refusal] = []
    for name, instrument in chosen.wanted.items():
        if (other := _shard_of(name, shards)) == shard:
            wanted[name] = instrument
        else:
            elsewhere.append(Refusal(name, f"shard {other} of {shards} collects it"))
    refused = [refusal for refusal in chosen.refused if _shard_of(refusal.name, shards) == shard]
    return Chosen(wanted=wanted, refused=refused, left=(*elsewhere, *chosen.left))


def _shard_of(name: str, shards: int) -> int:
    return max(range(shards), key=lambda shard: blake2b(f"{shard}/{name}".encode(), digest_size=8).digest())


def nothing_to_collect(chosen: Chosen) -> str:
    """Say why a choice is empty, with examples and the remedy."""
    reasons = [f"{refusal.name}: {refusal.reason}" for refusal in chosen.refused[:3]] or [
        f"{refusal.name}: {refusal.reason}" for refusal in chosen.left[:3]
    ]
    words = "; ".join(reasons) or "the list is empty"
    return f"spec.symbols selects no instrument ({words}); change quotes or include, or have fewer shards"


def shrunk(before: Iterable[Instrument], now: Iterable[Instrument]) -> str | None:
    """Say by how much a list has shrunk, when that is more than a fifth of what traded; null otherwise."""
    had, has = (sum(instrument.status == "trading" for instrument in listed) for listed in (before, now))
    return f"it has shrunk from {had} trading instruments to {has}" if _lost(had, has) else None


def changed(before: Mapping[str, Instrument], now: Mapping[str, Instrument], names: Iterable[str]) -> list[Instrument]:
    """Return those of these names that are new or differ from before; one that has vanished is delisted."""
    news: list[Instrument] = []
    for name in sorted(names):
        old, new = before.get(name), now.get(name)
        if new is None and old is not None and old.status != "delisted":
            news.append(replace(old, status="delisted"))
        elif new is not None and new != old:
            news.append(new)
    return news


# -- Upbit's KRW market


def krw_coins(upbit: Listing) -> frozenset[str]:
    """Return the coins that Upbit's instrument list holds in KRW, by their common names.

    Raises:
        InvalidListing: when there is none.
    """
    coins = frozenset(one.base for one in upbit.instruments.values() if one.quote == "KRW")
    if not coins:
        raise InvalidListing("the instrument list holds no pair in KRW")
    return coins


def krw_shrunk(before: Krw, coins: Collection[str]) -> str | None:
    """Say by how much the KRW market has shrunk, when that is more than a fifth; null otherwise."""
    had, has = len(before.coins), len(coins)
    return f"the KRW market has shrunk from {had} coins to {has}" if _lost(had, has) else None


def renewed(before: Krw | None, coins: frozenset[str], at: int) -> Krw:
    """Return the market by a newer list; what is new in it stays for :data:`STAY` from then on.

    A coin that is new since a list older than that may have entered long ago, so it doesn't; nor do those of a first
    list.
    """
    if before is None:
        return Krw(at, coins)
    until = {coin: end for coin, end in before.until.items() if coin in coins and at < end}
    if at - before.at < STAY:
        until |= dict.fromkeys(coins - before.coins, at + STAY)
    return Krw(at, coins, until)


def merged(mine: Krw | None, other: Krw | None) -> Krw | None:
    """Return what two processes know together: the newer list, and of each coin the earlier end of its stay."""
    if mine is None or other is None:
        return mine or other
    older, newer = (mine, other) if mine.at < other.at else (other, mine)
    by_list = renewed(older, newer.coins, newer.at)
    earlier = {coin: min(end, by_list.until.get(coin, end)) for coin, end in newer.until.items()}
    return replace(by_list, until={**by_list.until, **earlier})


def counted(krw: Krw, upbit_krw: UpbitKRW, seen: frozenset[str], now: int) -> frozenset[str]:
    """Return the coins that count as listed in KRW at ``now`` (ns), such that a market only ever gains by it.

    Where they are included, those that were ``seen`` there by this process stay; where they are excluded, one counts
    once it has been there for :data:`STAY`.
    """
    if upbit_krw == "Include":
        return krw.coins | seen
    return krw.coins - {coin for coin, end in krw.until.items() if now < end}


def _lost(had: int, has: int) -> bool:
    return 5 * has < 4 * had


def _names(instrument: Instrument) -> Iterator[str]:
    yield instrument.name
    yield instrument.symbol
    yield instrument.base


def _reason(
    instrument: Instrument, selection: Selection, matches: set[str], krw: Collection[str], *, ahead: bool
) -> str | None:
    if not set(selection.exclude).isdisjoint(_names(instrument)):
        return "excluded by name"
    if selection.include and not matches:
        return "not included by name"
    by_own_name = not matches.isdisjoint((instrument.name, instrument.symbol))
    if instrument.quote not in selection.quotes and not by_own_name:
        return f"quote {instrument.quote} is not wanted"
    if instrument.status != "trading" and not (ahead and instrument.status == "pending"):
        return f"not trading: {instrument.status}"
    if selection.upbit_krw == "Include" and instrument.base not in krw:
        return "not listed in KRW on Upbit (upbitKRW: Include)"
    if selection.upbit_krw == "Exclude" and instrument.base in krw:
        return "listed in KRW on Upbit (upbitKRW: Exclude)"
    return None
