"""A run as a live table: what each market does, and above it what happened."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table as RichTable
from rich.text import Text

from metdc_operator.handover import handover_message
from metdc_operator.local.output import Status, ending
from metdc_operator.observation import Rotation
from metdc_operator.times import parse

_COLOURS = {"True": "green", "False": "red", "Unknown": "yellow"}
_SCORES = ((100, "green"), (80, "yellow"), (0, "red"))
_SYMBOLS = ("symbolsStreaming", "symbolsWanted")
_HAPPENED = 3


class Table:
    """The terminal's own view; what happens stands in the lines below it, and stays when the run has ended."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._live = Live(console=self._console, refresh_per_second=4, transient=False)
        self._happened: deque[str] = deque(maxlen=_HAPPENED)

    def shown(self) -> AbstractContextManager[object]:
        """The table itself."""
        return self._live

    def line(self, text: str) -> None:
        """Above the table."""
        self._console.print(Text(text, style="dim"))

    def ready(self) -> None:
        """Below the table."""
        self._note("every market carries its data")

    def rotated(self, resource: str, exchange: str, market: str, rotation: Rotation) -> None:
        """Below the table."""
        self._note(f"{resource} {handover_message(market, rotation)}")

    def status(self, resource: str, status: Status, before: Status) -> None:
        """The table shows every moment anyway."""

    def stopped(self, codes: Sequence[int]) -> None:
        """Below the table."""
        self._console.print(ending(codes))

    def turn(self, statuses: Mapping[str, Status]) -> None:
        """Draw."""
        notes = [Text(each, style="dim", overflow="ellipsis", no_wrap=True) for each in self._happened]
        self._live.update(Group(draw(statuses, datetime.now(UTC)), *notes))

    def _note(self, text: str) -> None:
        self._happened.append(f"{datetime.now(UTC):%H:%M:%S} {text}")


def draw(statuses: Mapping[str, Status], now: datetime) -> RichTable:
    """Return the table of every market of every resource."""
    table = RichTable(expand=False, pad_edge=False, box=None, header_style="bold")
    for title in (
        "",
        "Market",
        "State",
        "Symbols",
        "Trades/s",
        "Stored",
        "Backlog",
        "Newest",
        "Score",
        "Next rotation",
    ):
        table.add_column(title, justify="left" if title in {"", "Market", "State"} else "right", no_wrap=True)
    for resource, status in statuses.items():
        for cells in _rows(resource, status, now):
            table.add_row(*cells)
    return table


def _rows(resource: str, status: Status, now: datetime) -> Iterator[tuple[Text | str, ...]]:
    conditions = {each["type"]: each for each in status["conditions"]}
    ready = conditions["Ready"]
    for place, market in enumerate(status["markets"]):
        name = Text(resource, style=_COLOURS[ready["status"]]) if place == 0 else Text("")
        yield (name, str(market["name"]), _state(market, ready), *_figures(market, now))
    if ready["status"] != "True":
        yield ("", "", Text(f"{ready['reason']}: {ready['message']}", style=_COLOURS[ready["status"]]))


def _state(market: Mapping[str, Any], ready: Mapping[str, Any]) -> Text:
    pods = market.get("pods", [])
    if not pods:
        return Text(str(ready["reason"]), style="yellow")
    words = [each["state"] + ("" if each["ready"] else "…") for each in pods]
    return Text(" + ".join(words), style="green" if pods[0]["ready"] else "yellow")


def _figures(market: Mapping[str, Any], now: datetime) -> Iterator[Text | str]:
    if "symbolsWanted" in market:
        score = market["healthScorePercent"]
        colour = next(colour for least, colour in _SCORES if score >= least)
        yield "/".join(str(market[name]) for name in _SYMBOLS)
        yield f"{market['tradesPerSecond']:,}"
        yield f"{market['tradesStoredSinceRotation']:,}"
        yield f"{market['backlogTrades']:,}"
        yield _distance(market.get("lastTradeAt"), now, suffix=" ago")
        yield Text(f"{score} %", style=colour)
    else:
        yield from ("-",) * 6
    yield _distance(market.get("nextRotationAt"), now, prefix="in ")


def _distance(moment: str | None, now: datetime, *, prefix: str = "", suffix: str = "") -> str:
    if moment is None:
        return "-"
    seconds = abs(parse(moment) // 10**9 - int(now.timestamp()))
    minutes, seconds = divmod(seconds, 60)
    return f"{prefix}{f'{minutes} min ' if minutes else ''}{seconds} s{suffix}"
