"""The drawing of a capture: price paths on one normalised axis, volume bars, and where their scales lie. Pure.

Two SVG pictures that stretch to any size, without text: strokes and dots keep their width, and the page writes the
labels beside them, so that they stay readable on a phone. All coordinates are integers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from itertools import groupby
from statistics import median
from typing import NamedTuple

from metdc_collector.captures.analysis import Found
from metdc_collector.captures.completeness import Lack
from metdc_collector.captures.moves import between
from metdc_collector.captures.order import Order
from metdc_collector.captures.ticks import Market, Tick
from metdc_collector.wire.durations import SECOND

WIDTH, HEIGHT, BARS_HEIGHT = 4_000, 1_000, 200
COLUMN = 8
"""Units of one column: of all that a market traded in it, four points are drawn at most."""
BARS = 40
_STEPS = tuple(Decimal(factor).scaleb(power) for power in range(-3, 5) for factor in (1, 2, 5))
_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300)
_MOST_LINES, _MOST_TIMES = 6, 9
_LEAST = Decimal("0.005")
_FAR, _NEAR = 2, Decimal("0.1")
"""A market leaves the picture beyond so many times what most reach, and 10 %."""


class Label(NamedTuple):
    """A text beside the drawing and where it stands: per mille of the height from above, or of the width from left."""

    place: int
    text: str


class Path(NamedTuple):
    """One market's prices.

    Attributes:
        style: the class that gives it its colour and dashes.
        found: what its trades show; its reference price is what the path is drawn by.
    """

    market: Market
    style: str
    found: Found
    ticks: Sequence[Tick]
    lacks: Sequence[Lack]

    @property
    def base(self) -> Decimal:
        """The price of return 0: the reference, where there is none the first of the window."""
        return self.found.reference.price if self.found.reference else self.ticks[0].price


@dataclass(frozen=True, slots=True)
class Drawing:
    """Both pictures and their labels."""

    prices: str
    bars: str
    returns: Sequence[Label]
    times: Sequence[Label]
    most: Decimal


def draw(order: Order, paths: Sequence[Path]) -> Drawing:
    """Return the drawing of these markets' trades within the window, each of at least one trade."""
    low, high = _range(paths)
    scale = _Scale(order, low, high)
    zero = f'<path class="zero" d="M0 {scale.y(Decimal(0))}H{WIDTH}"/>'
    moment = f'<path class="moment" d="M{scale.x(order.at)} 0V{HEIGHT}"/>'
    shades = "".join(_shade(scale, path, lack) for path in paths for lack in path.lacks)
    grid = "".join(f'<path class="grid" d="M0 {scale.y(each)}H{WIDTH}"/>' for each in _lines(low, high))
    lines = "".join(_line(scale, path) for path in paths)
    dots = "".join(_dots(scale, path) for path in paths)
    bars, most = _bars(order, paths)
    return Drawing(
        prices=_svg("prices", HEIGHT, _moment_span(scale, order) + grid + shades + zero + moment + lines + dots),
        bars=_svg("bars", BARS_HEIGHT, bars + f'<path class="moment" d="M{scale.x(order.at)} 0V{BARS_HEIGHT}"/>'),
        returns=[Label(scale.y(each) * 1_000 // HEIGHT, percent(each)) for each in _lines(low, high)],
        times=[Label(scale.x(time) * 1_000 // WIDTH, text) for time, text in _times(order)],
        most=most,
    )


def percent(share: Decimal, places: int = 3) -> str:
    """Return a return or a share as people read it: ``+8.2 %``."""
    shown = f"{share * 100:+.{places}f}".rstrip("0").rstrip(".")
    return f"{'0' if shown in ('+0', '-0') else shown} %".replace("-", "−")


class _Scale:
    """Times and returns as coordinates."""

    def __init__(self, order: Order, low: Decimal, high: Decimal) -> None:
        self._start, self._span = order.start, order.end - order.start
        self._low, self._high = low, high

    def x(self, time: int) -> int:
        return (time - self._start) * WIDTH // self._span

    def y(self, gain: Decimal) -> int:
        place = int((self._high - gain) * HEIGHT / (self._high - self._low))
        return min(max(place, 0), HEIGHT)


def _svg(name: str, height: int, content: str) -> str:
    box = f'viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none"'
    return f'<svg class="{name}" {box} role="img" aria-label="{name}">{content}</svg>'


# -- prices


def _range(paths: Sequence[Path]) -> tuple[Decimal, Decimal]:
    """Return the lowest and the highest return that is drawn.

    Prices that nothing confirms don't count, and one market that goes much further than the others leaves the picture.
    """
    lows, highs = [], []
    for path in paths:
        doubtful = {move.tick for move in path.found.unconfirmed}
        gains = [tick.price / path.base - 1 for tick in path.ticks if tick not in doubtful] or [Decimal(0)]
        lows.append(min(*gains, Decimal(0)))
        highs.append(max(*gains, Decimal(0)))
    low, high = max(min(lows), _FAR * median(lows) - _NEAR), min(max(highs), _FAR * median(highs) + _NEAR)
    room = max(_LEAST, (high - low) / 20)
    return low - room, high + room


def _lines(low: Decimal, high: Decimal) -> list[Decimal]:
    """Return the returns at which a line is drawn: round ones, six at most."""
    step = next((step for step in _STEPS if (high - low) / step <= _MOST_LINES), high - low)
    return [number * step for number in range(-int(-low // step), int(high // step) + 1)]


def _times(order: Order) -> Iterator[tuple[int, str]]:
    """Yield the times that are labelled, in whole seconds from the moment on."""
    span = order.end - order.start
    step = SECOND * next(step for step in _SECONDS if span <= step * (_MOST_TIMES - 1) * SECOND)
    for number in range(-(order.before // step), order.after // step + 1):
        seconds = number * step // SECOND
        yield order.at + number * step, f"{seconds:+d}".replace("-", "−") if seconds else "0 s"


def _moment_span(scale: _Scale, order: Order) -> str:
    """Return the second in which an announcement was that is known to the second."""
    if order.at % SECOND:
        return ""
    left, right = scale.x(order.at), scale.x(min(order.at + SECOND, order.end))
    return f'<path class="second" d="M{left} 0H{right}V{HEIGHT}H{left}Z"/>'


def _shade(scale: _Scale, path: Path, lack: Lack) -> str:
    left, right = scale.x(lack.start), max(scale.x(lack.end), scale.x(lack.start) + COLUMN)
    title = escape(f"{path.market.key}: {lack.text}")
    return f'<path class="gap {path.style}" d="M{left} 0H{right}V{HEIGHT}H{left}Z"><title>{title}</title></path>'


def _line(scale: _Scale, path: Path) -> str:
    """Return the price as steps: each holds until the next trade."""
    points = list(_points(scale, path))
    (left, first), *others = points
    steps = "".join(f"H{x}V{y}" for x, y in others)
    return f'<path class="line {path.style}" d="M{left} {first}{steps}H{WIDTH}"/>'


def _points(scale: _Scale, path: Path) -> Iterator[tuple[int, int]]:
    """Yield what is drawn of each column: its first, lowest, highest and last price, in their order."""
    doubtful = {move.tick for move in path.found.unconfirmed}
    sure = [tick for tick in path.ticks if tick not in doubtful] or path.ticks
    for column, group in groupby(sure, key=lambda tick: scale.x(tick.time) // COLUMN):
        prices = [tick.price for tick in group]
        chosen = sorted({0, prices.index(min(prices)), prices.index(max(prices)), len(prices) - 1})
        for place in chosen:
            yield column * COLUMN, scale.y(prices[place] / path.base - 1)


def _dots(scale: _Scale, path: Path) -> str:
    """Return the first move, whole, and what nothing confirms, hollow; what is beyond the scale stands at its edge."""
    found = path.found
    moved = [("first", move) for move in (found.early, found.first) if move is not None]
    doubtful = [("doubtful", move) for move in found.unconfirmed]
    return "".join(
        f'<path class="dot {kind} {path.style}"'
        f' d="M{scale.x(move.tick.time)} {scale.y(move.tick.price / path.base - 1)}h0"/>'
        for kind, move in doubtful + moved
    )


# -- volumes


def _bars(order: Order, paths: Sequence[Path]) -> tuple[str, Decimal]:
    """Return the bars, buyers below and sellers above, and how many base coins the highest stands for."""
    bins = [_volumes(order, paths, number) for number in range(BARS)]
    most = max(bought + sold for bought, sold in bins)
    width = WIDTH // BARS
    drawn: list[str] = []
    for number, (bought, sold) in enumerate(bins):
        if bought or sold:
            split, top = (BARS_HEIGHT - int(volume * BARS_HEIGHT / most) for volume in (bought, bought + sold))
            left, right = number * width + 6, (number + 1) * width - 6
            drawn.append(f'<path class="buy" d="M{left} {BARS_HEIGHT}V{split}H{right}V{BARS_HEIGHT}Z"/>')
            drawn.append(f'<path class="sell" d="M{left} {split}V{top}H{right}V{split}Z"/>')
    return "".join(drawn), most


def _volumes(order: Order, paths: Sequence[Path], number: int) -> tuple[Decimal, Decimal]:
    """Return the base coins that takers bought and sold in one bar's time on all markets."""
    span = order.end - order.start
    begin, end = (order.start + span * place // BARS for place in (number, number + 1))
    sums = {True: Decimal(0), False: Decimal(0)}
    for path in paths:
        for tick in between(path.ticks, begin, end):
            sums[tick.buy] += tick.quantity
    return sums[True], sums[False]


def styles(markets: Sequence[Market]) -> Mapping[Market, tuple[str, str]]:
    """Return each market's class and the CSS of it: a hue an exchange, dashes for futures, dots for a further quote.

    Of several quotes of a market the one that stands first here is drawn like any other.
    """
    exchanges = sorted({market.exchange for market in markets})
    found: dict[Market, tuple[str, str]] = {}
    seen: set[tuple[str, str]] = set()
    for number, market in enumerate(markets):
        hue = 25 + exchanges.index(market.exchange) * 360 // len(exchanges)
        again = market[:2] in seen
        seen.add((market.exchange, market.market))
        dashes = "1 5" if again else "7 4" if market.market == "futures" else "none"
        name = f"m{number}"
        found[market] = name, f".{name}{{--c:oklch(var(--l) .15 {hue});--d:{dashes}}}"
    return found
