"""``python -m tests.audit --ledger L --nats URL [--gaps] [--since-mark]``: judge what is stored against the ledger.

Progress on stderr; the last line on stdout is one JSON object. Exit code 0: all held, 1: something did not, 2: bad
usage, or nothing to compare.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from tests.audit import ledger as ledgers
from tests.audit import stream, unaided
from tests.audit.gaps import Gaps
from tests.audit.judge import SKEW, Judge, Verdict

OK, FAILED, NOTHING = 0, 1, 2


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description="Judge stored trades, independently.")
    parser.add_argument(
        "--ledger", type=Path, help="the simulator's ledger; without it only what the stream itself proves is judged"
    )
    parser.add_argument("--nats", required=True, metavar="URL", help="the server whose streams on trades.> are read")
    parser.add_argument(
        "--gaps", action="store_true", help="a lost trade inside a gap record counts as gapped, not as lost"
    )
    parser.add_argument(
        "--since-mark", action="store_true", help="owe only the trades after the last mark that has any after it"
    )
    parser.add_argument(
        "--skew", type=float, default=SKEW / 1e9, metavar="SECONDS", help="allowed clock difference (%(default)s)"
    )
    return parser


async def audit(
    path: Path, url: str, *, with_gaps: bool = False, since_mark: bool = False, skew: int = SKEW
) -> Verdict:
    """Judge the streams of a server against a ledger.

    Raises:
        BadLedger, OSError: the ledger can't be read.
        CannotRead: the server can't.
    """
    ledger = ledgers.read(path, since_mark=since_mark)
    _say(f"ledger: {sum(ledger.lines.values())} lines, {ledger.lines['trade']} trades of {len(ledger.markets)} markets")
    judge = Judge(ledger.book, markets=ledger.markets, skew=skew)
    gaps = Gaps() if with_gaps else None
    nc = await stream.connect(url)
    try:
        count = await stream.read(nc, "trades.>", judge.take)
        _say(f"streams: {count} messages")
        if gaps is not None:
            _say(f"gap records: {await stream.read(nc, 'gaps.>', gaps.take)}")
    finally:
        await nc.close()
    return judge.verdict(gaps)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = arguments().parse_args(argv)
    try:
        if options.ledger is None:
            verdict = asyncio.run(unaided.audit(options.nats))
        else:
            verdict = asyncio.run(
                audit(
                    options.ledger,
                    options.nats,
                    with_gaps=options.gaps,
                    since_mark=options.since_mark,
                    skew=int(options.skew * 1e9),
                )
            )
    except (ledgers.BadLedger, stream.CannotRead, OSError) as error:
        _say(str(error))
        print(json.dumps({"ok": False, "error": str(error)}))
        return NOTHING
    record = verdict.record()
    print(json.dumps(record, ensure_ascii=False))
    if verdict.empty:
        _say("nothing to compare: no trade was owed")
        return NOTHING
    return OK if record["ok"] else FAILED


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
