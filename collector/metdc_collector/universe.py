"""Which instruments a market's collector wants: a pure function of the list and of ``spec.symbols``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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


def select(listing: Listing, selection: Selection) -> Chosen:
    """Choose from a list; never raises, an empty choice is the caller's to report."""
    wanted: dict[str, Instrument] = {}
    left: dict[str, Refusal] = {}
    matching: dict[str, list[str]] = {name: [] for name in selection.include}
    for instrument in listing.instruments.values():
        matches = matching.keys() & set(_names(instrument))
        for name in matches:
            matching[name].append(instrument.name)
        reason = _reason(instrument, selection, matches)
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


def _names(instrument: Instrument) -> Iterator[str]:
    yield instrument.name
    yield instrument.symbol
    yield instrument.base


def _reason(instrument: Instrument, selection: Selection, matches: set[str]) -> str | None:
    if not set(selection.exclude).isdisjoint(_names(instrument)):
        return "excluded by name"
    if selection.include and not matches:
        return "not included by name"
    by_own_name = not matches.isdisjoint((instrument.name, instrument.symbol))
    if instrument.quote not in selection.quotes and not by_own_name:
        return f"quote {instrument.quote} is not wanted"
    if instrument.status != "trading":
        return f"not trading: {instrument.status}"
    return None
