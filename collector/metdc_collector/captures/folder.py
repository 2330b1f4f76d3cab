"""The files of a capture, in memory: metadata, trades of each market, the analysis, the page."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from metdc_collector.captures import announcement
from metdc_collector.captures.analysis import Analysis, record
from metdc_collector.captures.completeness import Evidence, Judgement
from metdc_collector.captures.gathering import Gathered, Kept
from metdc_collector.captures.report import page, summary
from metdc_collector.captures.ticks import Market, Series
from metdc_collector.stored import parquet
from metdc_collector.wire import subjects

VERSION = 1
METADATA, ANALYSIS, REPORT = "metadata.json", "analysis.json", "report.html"


@dataclass(frozen=True, slots=True)
class Made:
    """All that a capture found."""

    gathered: Gathered
    evidence: Evidence
    judgement: Judgement
    series: Mapping[Market, Series]
    analysis: Analysis
    at: int
    """When it was made, ns."""


def files(made: Made) -> dict[str, bytes]:
    """Return the files by name; the metadata, which names and sums up the others, is the last."""
    found: dict[str, bytes] = {}
    problems: dict[Market, str] = {}
    for market, kept in made.gathered.window.items():
        stem = _stem(market)
        found[f"{stem}.jsonl"] = b"".join(one.payload + b"\n" for one in kept)
        try:
            found[f"{stem}.parquet"] = _parquet(kept)
        except parquet.DoesNotFit as error:
            problems[market] = str(error)
    found[ANALYSIS] = _json(record(made.analysis))
    listing = made.evidence.listing
    found[REPORT] = page(made.analysis, made.series, made.judgement, made=made.at, listing=listing).encode()
    found[METADATA] = _json(_metadata(made, found, problems))
    return found


def _parquet(kept: Sequence[Kept]) -> bytes:
    for one in kept:
        parquet.check(one.trade)
    out = io.BytesIO()
    parquet.write((one.payload for one in kept), out)
    return out.getvalue()


def _stem(market: Market) -> str:
    """Return a market's files, named as its subject: ``trades/binance.spot.SOMI.USDT``."""
    base, _, quote = market.symbol.rpartition("-")
    return "trades/" + subjects.subject("trades", market.exchange, market.market, base, quote).removeprefix("trades.")


def _metadata(made: Made, found: Mapping[str, bytes], problems: Mapping[Market, str]) -> dict[str, Any]:
    order, judgement, listing = made.analysis.order, made.judgement, made.evidence.listing
    return {
        "v": VERSION,
        "name": order.name,
        "base": order.base,
        "at": order.at,
        "from": order.start,
        "to": order.end,
        "state": judgement.state,
        "made": made.at,
        "summary": summary(made.analysis),
        "listing": None if listing is None else announcement.record(listing),
        "markets": [_market(made, market, problems) for market in judgement.markets],
        "missing": [one._asdict() for one in judgement.missing],
        "streams": [{"name": one.name, "oldest": one.oldest} for one in made.evidence.streams],
        "messages": {"read": made.gathered.read, "refused": made.gathered.refused},
        "files": [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in found.items()
        ],
    }


def _market(made: Made, market: Market, problems: Mapping[Market, str]) -> dict[str, Any]:
    told = market._asdict() | {"trades": len(made.gathered.window.get(market, ()))}
    told["lacks"] = [
        {"reason": lack.reason, "from": lack.start, "to": lack.end, "text": lack.text, "open": lack.open}
        for lack in made.judgement.markets[market]
    ]
    return told | ({"no_parquet": problems[market]} if market in problems else {})


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
