"""What a capture's process says of it: on ``/report`` while it works, and in a file when it ends."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from metdc_collector.captures.completeness import Lack
from metdc_collector.captures.folder import Made
from metdc_collector.captures.order import CaptureRefused, Order
from metdc_collector.captures.report import summary
from metdc_collector.captures.run import Stage
from metdc_collector.captures.store import BUCKET
from metdc_collector.health import Page
from metdc_collector.wire.capture import LAST_WORDS, Absent, Captured, CaptureReport, Span, encode

_TEXT = "text/plain; charset=utf-8"


class Telling:
    """How far a capture is.

    Attributes:
        report: all that is known of it.
    """

    def __init__(self, order: Order) -> None:
        self.report = CaptureReport(order.name, order.base, order.at, order.start, order.end)

    def stage(self, stage: Stage) -> None:
        """Say what it has come to; a result that is kept stays the news while another is made."""
        if self.report.state != "captured":
            self.report = replace(self.report, state=stage)

    def made(self, made: Made) -> None:
        """Say what is kept."""
        judgement, window = made.judgement, made.gathered.window
        markets = [
            Captured(
                f"{market.exchange}.{market.market}",
                market.instrument,
                market.symbol,
                len(window.get(market, ())),
                _spans(lacks),
            )
            for market, lacks in judgement.markets.items()
        ]
        self.report = replace(
            self.report,
            state="captured",
            completeness=judgement.state,
            made=made.at,
            bucket=BUCKET,
            summary=summary(made.analysis),
            trades=sum(one.trades for one in markets),
            traded=sum(one.trades > 0 for one in markets),
            gaps=sum(len(one.lacks) for one in markets),
            absent=len(judgement.missing),
            markets=tuple(markets),
            missing=tuple(Absent(f"{one.exchange}.{one.market}", one.reason, one.text) for one in judgement.missing),
        )

    def refused(self, refusal: CaptureRefused) -> None:
        """Say why there is nothing to capture."""
        self.report = replace(self.report, state="refused", reason=refusal.reason, message=str(refusal))

    def failed(self, error: Exception) -> None:
        """Say why it could not be done, this time."""
        self.report = replace(self.report, state="failed", reason="Failed", message=str(error))

    def pages(self) -> dict[str, Callable[[], Page]]:
        """Return the pages of the process, which any thread may ask for."""
        return {
            "/livez": lambda: (200, _TEXT, b"ok\n"),
            "/report": lambda: (200, "application/json", encode(self.report)),
        }

    def leave(self, file: Path) -> None:
        """Write the last words, as many as a container may leave.

        Raises:
            OSError: when the file can't be written.
        """
        file.write_bytes(encode(self.report, most=LAST_WORDS))


def _spans(lacks: Sequence[Lack]) -> tuple[Span, ...]:
    return tuple(Span(lack.reason, lack.start, lack.end, lack.open) for lack in lacks)
