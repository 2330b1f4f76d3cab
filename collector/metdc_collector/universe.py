"""Which instruments a market's collector wants: a pure function of the list and of ``spec.symbols``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from metdc_collector.exchanges.base import Listing, Refusal
from metdc_collector.wire.instrument import Instrument


@dataclass(frozen=True, slots=True)
class Selection:
    """``spec.symbols``.

    Attributes:
        quotes: quote coins that are wanted.
        include: when not empty, only these: native names (``BTCUSDT``) or symbols (``BTC-USDT``), whatever their quote,
            or coins (``BTC``) in the wanted quotes.
        exclude: none of these, named in the same ways.
    """

    quotes: Sequence[str]
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


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


def select(listing: Listing, selection: Selection, *, ahead: bool = False) -> Chosen:
    """Choose from a list; never raises, an empty choice is the caller's to report.

    With ``ahead``, what is announced is chosen too: the venue lets it be subscribed to before it trades.
    """
    wanted: dict[str, Instrument] = {}
    left: dict[str, Refusal] = {}
    matching: dict[str, list[str]] = {name: [] for name in selection.include}
    for instrument in listing.instruments.values():
        matches = matching.keys() & set(_names(instrument))
        for name in matches:
            matching[name].append(instrument.name)
        reason = _reason(instrument, selection, matches, ahead=ahead)
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


def nothing_to_collect(chosen: Chosen) -> str:
    """Say why a choice is empty, with examples and the remedy."""
    reasons = [f"{refusal.name}: {refusal.reason}" for refusal in chosen.refused[:3]] or [
        f"{refusal.name}: {refusal.reason}" for refusal in chosen.left[:3]
    ]
    return f"spec.symbols selects no instrument ({'; '.join(reasons) or 'the list is empty'}); change quotes or include"


def shrunk(before: Iterable[Instrument], now: Iterable[Instrument]) -> str | None:
    """Say by how much a list has shrunk, when that is more than a fifth of what traded; null otherwise."""
    had, has = (sum(instrument.status == "trading" for instrument in listed) for listed in (before, now))
    return f"it has shrunk from {had} trading instruments to {has}" if 5 * has < 4 * had else None


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


def _names(instrument: Instrument) -> Iterator[str]:
    yield instrument.name
    yield instrument.symbol
    yield instrument.base


def _reason(instrument: Instrument, selection: Selection, matches: set[str], *, ahead: bool) -> str | None:
    if not set(selection.exclude).isdisjoint(_names(instrument)):
        return "excluded by name"
    if selection.include and not matches:
        return "not included by name"
    by_own_name = not matches.isdisjoint((instrument.name, instrument.symbol))
    if instrument.quote not in selection.quotes and not by_own_name:
        return f"quote {instrument.quote} is not wanted"
    if instrument.status != "trading" and not (ahead and instrument.status == "pending"):
        return f"not trading: {instrument.status}"
    return None
