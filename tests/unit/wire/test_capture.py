"""What a capture's process says: whole at /report, and as much as fits as a container's last words."""

from dataclasses import replace

import orjson
import pytest

from metdc_collector.wire.capture import LAST_WORDS, Absent, Captured, CaptureReport, Span, decode, encode
from metdc_collector.wire.errors import InvalidMessage
from tests.unit.wire.kinds import VALIDATORS

AT = 1_795_744_800_000_000_000
SECOND = 1_000_000_000
BARE = CaptureReport("SOMI-20261127T020000Z", "SOMI", AT, AT - 20 * SECOND, AT + 20 * SECOND)


def report(instruments: int, *, spans: int = 0, summary: str = "binance.spot.SOMI-USDT moved first.") -> CaptureReport:
    lacks = tuple(Span("gap", AT + n, AT + n + SECOND, open=True) for n in range(spans))
    markets = [Captured("binance.spot", f"SOMI{n}", f"SOMI-Q{n}", n, lacks) for n in range(instruments)]
    missing = tuple(Absent(f"okx.{n}", "not_listed", "the coin was not there at that time") for n in range(12))
    return replace(
        BARE,
        state="captured",
        completeness="Final",
        made=AT + 21 * SECOND,
        bucket="metdc_captures",
        summary=summary,
        trades=7,
        traded=instruments,
        gaps=instruments * spans,
        absent=12,
        markets=tuple(markets),
        missing=missing,
    )


def test_what_fits_is_left_as_it_is() -> None:
    said = report(9, spans=1)
    assert decode(encode(said, most=LAST_WORDS)) == said


@pytest.mark.parametrize(("instruments", "spans"), [(20, 8), (40, 1), (400, 20)])
def test_what_does_not_fit_is_left_out_and_the_counts_stay(instruments: int, spans: int) -> None:
    said = report(instruments, spans=spans)
    words = encode(said, most=LAST_WORDS)
    read = decode(words)
    assert len(words) <= LAST_WORDS
    assert (read.traded, read.gaps, read.absent) == (instruments, instruments * spans, 12)
    assert [one.trades for one in read.markets] == list(range(instruments - 1, instruments - 1 - len(read.markets), -1))
    assert len(read.markets) > 10


def test_words_that_are_too_long_are_cut_and_nothing_else_need_be() -> None:
    read = decode(encode(report(2, summary='"코인 \n' * 4000), most=LAST_WORDS))
    assert 300 < len(read.summary.encode()) <= 600
    assert "\n" not in read.summary
    assert len(read.markets) == 2


def test_where_nothing_else_fits_the_counts_do() -> None:
    said = report(2, summary="x" * 600)
    read = decode(encode(said, most=len(encode(replace(said, markets=(), missing=())))))
    assert (read.markets, read.missing, read.absent) == ((), (), 12)


@pytest.mark.parametrize(("instruments", "spans"), [(20, 8), (40, 1), (400, 20)])
def test_what_is_left_is_a_message_as_its_schema_has_it(instruments: int, spans: int) -> None:
    words = encode(report(instruments, spans=spans), most=LAST_WORDS)
    VALIDATORS["capture"].validate(orjson.loads(words))


@pytest.mark.parametrize(("member", "value"), [("v", 2), ("at", -1), ("base", "")])
def test_what_is_no_such_report_is_refused_as_none(member: str, value: object) -> None:
    with pytest.raises(InvalidMessage, match=r"^report of a capture: "):
        decode(orjson.dumps(orjson.loads(encode(BARE)) | {member: value}))
