"""The page of a capture: one HTML file that needs no network, on a desk or a phone, in light or dark. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Any

from metdc_collector.captures import announcement
from metdc_collector.captures.analysis import Analysis, Found
from metdc_collector.captures.completeness import Judgement
from metdc_collector.captures.drawing import Drawing, Label, Path, draw, percent, styles
from metdc_collector.captures.moves import between
from metdc_collector.captures.page import STYLE, TEMPLATE
from metdc_collector.captures.ranking import Disagreement, Ranked
from metdc_collector.captures.ticks import Market, Series
from metdc_collector.wire.durations import SECOND
from metdc_collector.wire.listing import Listing

_VERDICTS = {
    "moved": "",
    "moved_before": "moved before the announcement",
    "unconfirmed": "only prices that no other trade confirms",
    "no_move": "did not move",
    "no_reference": "no reference price",
    "no_trades": "no trades",
}


_COLUMNS = (
    *("market", "rank by venue time", "by receipt", "first move", "return", "peak", "peak at", "fell after"),
    *(
        "trades before / after",
        "coins before / after",
        "turnover after",
        "buyers before / after",
        "reference",
        "remarks",
    ),
)


def page(
    analysis: Analysis,
    series: Mapping[Market, Series],
    judgement: Judgement,
    *,
    made: int,
    listing: Listing | None = None,
) -> str:
    """Return the page; ``made`` is when the capture was made (ns), ``listing`` the event that it is of."""
    order = analysis.order
    liveliest = sorted(series, key=lambda market: (-len(series[market].ticks), market))
    looks = styles(liveliest)
    found = {one.market: one for one in analysis.markets}
    paths = [
        Path(market, looks[market][0], found[market], ticks, judgement.markets.get(market, ()))
        for market in judgement.markets
        if market in found and (ticks := between(series[market].ticks, order.start, order.end))
    ]
    title = f"{order.base}, {clock(order.at)} UTC"
    return TEMPLATE.format(
        title=escape(title),
        style=STYLE + "".join(css for _, css in looks.values()) + _toggles(paths),
        state=judgement.state,
        headline=_headline(analysis),
        listing=escape(listed(None if listing is None else announcement.record(listing), order.at)),
        made=clock(made),
        window=f"{_seconds(-order.before)} to {_seconds(order.after)}",
        legend="".join(_entry(path) for path in paths),
        plot=_plot(draw(order, paths)) if paths else "<p>Nothing that could be drawn was traded.</p>",
        headings="".join(f"<th>{name}" for name in _COLUMNS),
        rows="".join(_row(one, analysis) for one in _by_rank(analysis)),
        notes="".join(f"<li>{escape(note)}</li>" for note in _notes(analysis, judgement)),
    )


def clock(time: int) -> str:
    """Return a time as people read it, in UTC, with its fraction where it has one."""
    seconds, rest = divmod(time, SECOND)
    fraction = f".{rest // 1_000_000:03d}" if rest else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}{fraction}"


def summary(analysis: Analysis) -> str:
    """Return in a sentence who moved first."""
    if not analysis.by_time:
        return "No market moved after the announcement."
    first = analysis.by_time[0]
    delay = _seconds(first.entry.time - analysis.order.at)
    if first.worst == 1:
        return f"{first.entry.key} moved first, {delay} from the announcement."
    others = ", ".join(first.ties)
    return f"{first.entry.key} moved first by its clock, {delay} from the announcement; within tolerance: {others}."


def listed(told: Mapping[str, Any] | None, at: int) -> str:
    """Return in words what the metadata tells of the listing; ``at`` is the moment of the capture (ns)."""
    if told is None:
        return "No listing event of that time is stored."
    start = "" if told["trade_start"] is None else f"; trading was to start {clock(told['trade_start'])} UTC"
    pair, announced, source = f"{told['exchange']} {told['instrument']}", told["announced"], told["source"]
    if announced is None:
        return f"{pair}: no notice, first seen {clock(told['first_seen'])} UTC ({source}){start}."
    seen = f"first seen {_seconds(told['first_seen'] - announced)} from then ({source})"
    apart = "" if announced == at else f" The moment of this capture is {_seconds(at - announced)} from the notice's."
    notice = f" Notice {told['notice']}: {told['title']}" if told["title"] else ""
    return f"{pair}: announced {clock(announced)} UTC, to the second, {seen}{start}.{apart}{notice}"


# -- parts of the page


def _headline(analysis: Analysis) -> str:
    early = [one.market.key for one in analysis.markets if one.early is not None]
    told = f" Moved before the announcement: {', '.join(early)}." if early else ""
    return escape(summary(analysis) + told)


def _toggles(paths: Sequence[Path]) -> str:
    """Return the rules by which a market's box in the legend hides what is drawn of it."""
    return "".join(f"body:has(#{path.style}:not(:checked)) svg .{path.style}{{display:none}}" for path in paths)


def _entry(path: Path) -> str:
    line = f'<svg viewBox="0 0 28 8" class="swatch"><path class="line {path.style}" d="M0 4H28"/></svg>'
    market = path.market
    name = f"{market.exchange} {market.market} {market.symbol.rpartition('-')[2]}"
    return f'<label><input type="checkbox" id="{path.style}" checked>{line}{escape(name)}</label>'


def _plot(drawing: Drawing) -> str:
    return (
        f'<div class="plot"><div class="returns">{_labels("top", drawing.returns)}</div>{drawing.prices}'
        f'<div class="most"><span>{_short(drawing.most)}</span></div>{drawing.bars}'
        f'<div class="times">{_labels("left", drawing.times)}</div></div>'
    )


def _labels(side: str, labels: Iterable[Label]) -> str:
    return "".join(
        f'<span style="{side}:{one.place // 10}.{one.place % 10}%">{escape(one.text)}</span>' for one in labels
    )


def _by_rank(analysis: Analysis) -> list[Found]:
    """Return the markets as the table has them: by their first move, then those without a rank."""
    places = {ranked.entry.key: place for place, ranked in enumerate(analysis.by_time)}
    return sorted(analysis.markets, key=lambda one: (places.get(one.market.key, len(places)), one.market))


def _row(found: Found, analysis: Analysis) -> str:
    order, key = analysis.order, found.market.key
    first, peak, reference = found.first, found.peak, found.reference
    quote = found.market.symbol.rpartition("-")[2]
    cells = (
        key,
        _rank(analysis.by_time, key),
        _rank(analysis.by_received, key),
        _seconds(first.tick.time - order.at) if first else "–",
        percent(first.gain, 2) if first else "–",
        percent(peak.move.gain, 2) if peak else "–",
        _seconds(peak.move.tick.time - order.at) if peak else "–",
        _part(peak.drawdown) if peak else "–",
        f"{found.before.trades:,} / {found.after.trades:,}",
        f"{_amount(found.before.base)} / {_amount(found.after.base)}",
        f"{_amount(found.after.quote)} {quote}",
        f"{_part(found.before.buy_share)} / {_part(found.after.buy_share)}",
        f"{_amount(reference.price)} {quote}" if reference else "–",
    )
    remarks = "; ".join(_remarks(found, analysis)) or "–"
    # A pair may break behind its stroke, and nowhere else.
    pairs = [escape(cell).replace(" / ", " /</span> <span>") for cell in cells]
    shown = [*(f"<span>{pair}</span>" for pair in pairs), escape(remarks)]
    named = zip(_COLUMNS, shown, strict=True)
    return "<tr>" + "".join(f'<td data-label="{name}">{text}</td>' for name, text in named) + "</tr>"


def _remarks(found: Found, analysis: Analysis) -> Iterable[str]:
    if verdict := _VERDICTS[found.verdict]:
        yield verdict
    if found.early is not None:
        yield f"{percent(found.early.gain, 2)} at {_seconds(found.early.tick.time - analysis.order.at)}"
    if found.reference is not None and found.reference.age is not None:
        yield f"reference {_seconds(found.reference.age).lstrip('+')} old"
    elif found.reference is not None and found.reference.thin:
        yield f"reference of {found.reference.trades} {'trade' if found.reference.trades == 1 else 'trades'}"
    if found.unconfirmed:
        count = len(found.unconfirmed)
        yield f"{count} {'price' if count == 1 else 'prices'} that no other trade confirms"
    if found.left_out:
        yield "left out: " + ", ".join(f"{count} {kind}" for kind, count in sorted(found.left_out.items()))
    if found.verdict == "moved":
        yield f"clock ± {found.clock.tolerance // 1_000_000} ms"


def _notes(analysis: Analysis, judgement: Judgement) -> Iterable[str]:
    order = analysis.order
    for market, lacks in judgement.markets.items():
        for lack in lacks:
            span = f"{_seconds(lack.start - order.at)} to {_seconds(lack.end - order.at)}"
            yield f"{market.key}, {span}: {lack.text}"
    for one in judgement.missing:
        yield f"{one.exchange}.{one.market}: {one.text}"
    for pair in analysis.disagreements:
        yield _disagreement(pair)


def _disagreement(pair: Disagreement) -> str:
    lead, lag = (f"{span // 1_000_000} ms" for span in (pair.lead, pair.lag))
    end = "" if pair.sure else "; one of the two is within tolerance"
    return f"The clocks disagree: {pair.first} leads {pair.second} by {lead}, and was received {lag} later{end}"


# -- words


def _rank(ranking: Sequence[Ranked], key: str) -> str:
    ranked = next((one for one in ranking if one.entry.key == key), None)
    if ranked is None:
        return "–"
    return str(ranked.best) if ranked.best == ranked.worst else f"{ranked.best}–{ranked.worst}"


def _seconds(span: int) -> str:
    """Return a span in seconds with its sign: ``+1.204 s``."""
    shown = f"{Decimal(span).scaleb(-9):+.3f}".rstrip("0").rstrip(".")
    return f"{shown} s".replace("-", "−")


def _part(share: Decimal | None) -> str:
    return "–" if share is None else percent(share, 1).lstrip("+")


def _short(value: Decimal) -> str:
    """Return an amount that has to fit beside the drawing: ``1.3 M``."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= unit:
            return f"{value / unit:.1f} {name}"
    return f"{value:.3g}"


def _amount(value: Decimal) -> str:
    """Return an amount for the eye; the exact one is in the analysis."""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.6g}" if value else "0"
