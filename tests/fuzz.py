"""Damaged frames against every adapter: nothing may be raised, nothing taken from a damaged row, no healthy row lost.

``python -m tests.fuzz --count 100000 --seed 7 [--venue phemex.spot]``; progress on stderr, one JSON object as the last
line on stdout; exit 0 held, 1 failed, 2 bad usage. The same seed makes the same frames. For ten frames of a market, one
REST reply with past trades is damaged (:mod:`tests.fuzz_history`).

The oracle doesn't parse: it writes each frame from rows that it made up, knows which of them it damaged, and computes
what must come of the others with :class:`decimal.Decimal`.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

from metdc_collector.exchanges.base import Conversation, Kind
from metdc_collector.exchanges.history import Source
from metdc_collector.exchanges.registry import MARKETS, venue
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.trade import encode
from tests.damage import (
    CONTAINERS,
    DECIMALS,
    INTEGERS,
    KINDS,
    NAMES,
    TIMES,
    TRUTHS,
    WORDS,
    Case,
    Maker,
    Row,
    damage,
    encoded,
    plain,
    render,
    wreck,
)
from tests.fuzz_bybit import Bybit
from tests.fuzz_forms import FORMS
from tests.fuzz_gate import Gate
from tests.fuzz_history import RECEIVED, Replies, Reply, fault_of
from tests.fuzz_kucoin import KuCoin
from tests.fuzz_okx import Okx
from tests.fuzz_upbit import Upbit

VENUES = [f"{exchange}.{market}" for exchange, markets in MARKETS.items() for market in markets]
REPLIES = 10  # frames for each of them
FRAMES_A_CONNECTION = 40


class Binance:
    """Frames of one trade or aggregate, bare or combined."""

    def __init__(self, market: str, random: Random) -> None:
        self.market, self.random, self.instruments = market, random, _binance_instruments(market)

    def connect(self) -> None:
        """Nothing is kept from frame to frame."""

    def case(self) -> Case:
        """Make one frame and damage it, mostly."""
        random, event = self.random, self.random.choice(["trade", "aggTrade"])
        message, row = self._row(event)
        bare = random.random() < 0.3
        stream = f"{message['s'].lower()}@{event}"
        choice = random.random()
        if choice < 0.1:
            message |= {"M": random.choice(WORDS), "new": random.choice(CONTAINERS), "b": random.choice(INTEGERS)}
            return Case(encoded(message if bare else {"stream": stream, "data": message}), [row], "")
        if choice < 0.25:
            return wreck(encoded(message if bare else {"stream": stream, "data": message}), random)
        envelope: dict[str, Any] = {"stream": stream, "data": message}
        if not bare and choice < 0.35:
            what = damage(envelope, {"stream": NAMES, "data": WORDS}, random)
            return Case(encoded(envelope), (), what)
        fields: dict[str, Sequence[Any]] = {"e": NAMES, "s": NAMES, "p": DECIMALS, "q": DECIMALS, "m": TRUTHS}
        fields |= {"T": TIMES, "E": TIMES}
        fields |= {"t": INTEGERS} if event == "trade" else {"a": INTEGERS, "f": INTEGERS, "l": INTEGERS}
        if "X" in message:
            fields |= {"X": KINDS}
        what = damage(message, fields, random)
        return Case(encoded(message if bare else envelope), (), what)

    def _row(self, event: str) -> tuple[dict[str, Any], Row]:
        random = self.random
        name = random.choice(list(self.instruments))
        price, quantity = f"{random.randrange(1, 10**9) / 1000:.8f}", f"{random.randrange(1, 10**6) / 100:.3f}"
        time = random.randrange(1_500_000_000_000, 2_000_000_000_000)
        number, maker = random.randrange(1 << 63), random.random() < 0.5
        message: dict[str, Any] = {
            "e": event,
            "E": time + 3,
            "s": name,
            "p": price,
            "q": quantity,
            "T": time,
            "m": maker,
        }
        message |= {"t": number} if event == "trade" else {"a": number, "f": number >> 1, "l": number}
        if self.market == "futures" and event == "trade":
            message |= {"X": "MARKET", "st": 1}
        factor = self.instruments[name].unit_factor or "1"
        return message, Row(
            id=str(number) if event == "trade" else f"agg:{number}",
            price=plain(Decimal(price) / Decimal(factor)),
            quantity=plain(Decimal(quantity) * Decimal(factor)),
            side="sell" if maker else "buy",
            time=time * 1_000_000,
            sent=(time + 3) * 1_000_000,
        )


class Phemex:
    """Snapshots and increments of a few rows, some of them equal."""

    def __init__(self, market: str, random: Random) -> None:
        self.spot, self.random, self.instruments = market == "spot", random, _phemex_instruments(market)
        self.rows = "trades" if self.spot else "trades_p"
        self.seen: Counter[tuple[str, str]] = Counter()
        self.start = 0

    def connect(self) -> None:
        """A new connection: equal rows are counted anew, around another time."""
        self.seen.clear()
        self.start = self.random.randrange(1_500_000_000_000_000_000, 2_000_000_000_000_000_000)

    def case(self) -> Case:
        """Make one frame and damage some of its rows, or its envelope."""
        random, name = self.random, self.random.choice(list(self.instruments))
        native = sorted((self._native() for _ in range(random.randrange(1, 7))), key=lambda row: -row[0])
        message: dict[str, Any] = {"sequence": random.randrange(1 << 40), "symbol": name, self.rows: native}
        message["type"] = random.choice(["snapshot", "incremental", "incremental"])
        sent = None
        if not self.spot:
            sent = message["dts"] = native[0][0] + 5_000_000
        choice = random.random()
        if choice < 0.15:
            return wreck(encoded(message), random)
        if choice < 0.25:
            no_rows = [value for value in WORDS if not render(value).startswith("[")]
            fields = {"symbol": NAMES, "type": WORDS, self.rows: no_rows}
            what = damage(message, fields, random)
            return Case(encoded(message), (), what)
        damaged = {place for place in range(len(native)) if choice < 0.9 and random.random() < 0.4}
        what = ""
        if not self.spot and random.random() < 0.1:
            what, sent = "dts", None
            message["dts"] = random.choice(TIMES)
        if message["type"] == "snapshot":
            self.seen = Counter({key: count for key, count in self.seen.items() if key[0] != name})
        rows = [self._expected(name, row, sent) for i, row in reversed(list(enumerate(native))) if i not in damaged]
        for place in damaged:
            native[place], what = self._damaged(native[place])
        message["sequence"] = random.choice(INTEGERS)
        return Case(encoded(message), rows, what)

    def _native(self) -> list[Any]:
        random = self.random
        time = self.start + random.randrange(4) * 1_000_000_000
        price, quantity = random.choice([769100000, 769100001, 12]), random.choice([168200000, 100000000, 1])
        if self.spot:
            return [time, random.choice(["Buy", "Sell"]), price, quantity]
        return [time, random.choice(["Buy", "Sell"]), plain(Decimal(price).scaleb(-8)), f"{quantity / 1000:.4f}"]

    def _expected(self, name: str, row: list[Any], sent: int | None) -> Row:
        instrument = self.instruments[name]
        price, quantity = Decimal(row[2]), Decimal(row[3])
        if self.spot:
            price, quantity = price.scaleb(-8), quantity.scaleb(-(instrument.quantity_scale or 0))
        factor = Decimal(instrument.unit_factor or 1)
        shown_price, shown_quantity = plain(price / factor), plain(quantity * factor)
        key = f"{row[0]}-{row[1][0]}-{shown_price}-{shown_quantity}"
        number = self.seen[name, key]
        self.seen[name, key] += 1
        return Row(f"{key}-{number}", shown_price, shown_quantity, row[1].lower(), row[0], sent)

    def _damaged(self, row: list[Any]) -> tuple[Any, str]:
        random = self.random
        amounts = (*INTEGERS, 0) if self.spot else DECIMALS
        choice = random.random()
        if choice < 0.2:
            place = random.randrange(4)
            return row[:place] + row[place + 1 :], f"element {place} dropped"
        if choice < 0.3:
            return random.choice(WORDS), "a row of another type"
        place = random.randrange(4)
        value = random.choice([TIMES, WORDS, amounts, amounts][place])
        return [*row[:place], value, *row[place + 1 :]], f"element {place} is {str(value)[:40]}"


MAKERS: dict[str, Callable[[str, Random], Maker]] = {
    "binance": Binance,
    "bybit": Bybit,
    "okx": Okx,
    "kucoin": KuCoin,
    "gate": Gate,
    "phemex": Phemex,
    "upbit": Upbit,
}
"""What makes the frames of each exchange."""


def _binance_instruments(market: str) -> dict[str, Instrument]:
    found = [Instrument("binance", market, "BTCUSDT", "BTC", "USDT")]
    found += [Instrument("binance", market, "1000PEPEUSDT", "PEPE", "USDT", unit_factor="1000")]
    return {instrument.name: instrument for instrument in found}


def _phemex_instruments(market: str) -> dict[str, Instrument]:
    found = [Instrument("phemex", market, "BTCUSDT", "BTC", "USDT")]
    found += [Instrument("phemex", market, "u1000PEPEUSDT", "PEPE", "USDT", unit_factor="1000")]
    if market == "spot":
        found = [Instrument("phemex", market, "sBTCUSDT", "BTC", "USDT", price_scale=8, quantity_scale=8)]
        found += [Instrument("phemex", market, "sXUSDT", "X", "USDT", price_scale=8, quantity_scale=0)]
    return {instrument.name: instrument for instrument in found}


@dataclass(slots=True)
class Outcome:
    """What was tried, and the first frames that were judged wrongly."""

    frames: int = 0
    damaged: int = 0
    rows: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def judge(self, case: Case, conversation: Conversation) -> None:
        """Give a frame to the adapter and compare."""
        self._note(case, case.frame, _fault(case, conversation))

    def judge_reply(self, reply: Reply, source: Source) -> None:
        """Give a reply to the adapter and compare."""
        self._note(reply, reply.body, fault_of(reply, source))

    def _note(self, case: Case | Reply, data: bytes, fault: str) -> None:
        self.frames += 1
        self.damaged += bool(case.damage)
        self.rows += len(case.rows)
        if fault:
            self.wrong += 1
            if len(self.examples) < 5:
                self.examples.append(f"{case.damage or 'healthy'}: {fault}: {data[:400]!r}")


def _fault(case: Case, conversation: Conversation) -> str:
    try:
        parsed = conversation.receive(case.frame, RECEIVED)
    except BaseException as error:  # whatever it is, it must not be raised
        return f"raised {type(error).__name__}: {error}"
    rows = [
        Row(trade.id, trade.price, trade.quantity or "", trade.side, trade.time, trade.sent) for trade in parsed.trades
    ]
    if rows != list(case.rows):
        return f"expected {list(case.rows)}, got {rows}"
    if (parsed.kind is Kind.MALFORMED) is not bool(case.damage):
        return f"was taken for {parsed.kind.value}"
    if case.damage and not (parsed.reason and parsed.reason.isascii() and len(parsed.reason) < 400):
        return f"gave the reason {parsed.reason!r}"
    if parsed.out_of_scope or parsed.skipped:
        return "had rows out of scope"
    for trade in parsed.trades:
        json.loads(encode(trade))
    return ""


def fuzz(name: str, count: int, seed: int, progress: Callable[[int], None] = lambda _: None) -> Outcome:
    """Try ``count`` frames on the market ``name`` (``phemex.spot``)."""
    exchange, market = name.split(".")
    adapter = venue(exchange, market)
    random = Random(f"{seed} {name}")
    maker = MAKERS[exchange](market, random)
    outcome = Outcome()
    while outcome.frames < count:
        maker.connect()
        conversation = adapter.converse(maker.instruments, adapter.channels[0])
        for _ in range(min(FRAMES_A_CONNECTION, count - outcome.frames)):
            outcome.judge(maker.case(), conversation)
        progress(outcome.frames)
    return outcome


def fuzz_history(name: str, count: int, seed: int) -> Outcome:
    """Try ``count`` replies with past trades on the market ``name``, each to one of its sources."""
    exchange, market = name.split(".")
    random, outcome = Random(f"{seed} {name} history"), Outcome()
    instruments = list(MAKERS[exchange](market, random).instruments.values())
    sources = venue(exchange, market).sources
    for _ in range(count):
        source = random.choice(sources)
        outcome.judge_reply(Replies(FORMS[name][source.name], instruments, random).make(), source)
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--count", type=int, default=100_000, help="frames a market (100000)")
    parser.add_argument("--seed", type=int, default=7, help="the same seed makes the same frames (7)")
    parser.add_argument("--venue", choices=VENUES, action="append", help="only this market; may be repeated")
    options = parser.parse_args(arguments)
    if options.count < 1:
        parser.error("--count must be at least 1")
    outcomes, histories = {}, {}
    for name in options.venue or VENUES:
        step = max(options.count // 10, FRAMES_A_CONNECTION)

        def progress(done: int, name: str = name, step: int = step) -> None:
            if done % step < FRAMES_A_CONNECTION:
                print(f"{name}: {done} of {options.count} frames", file=sys.stderr)

        outcomes[name] = fuzz(name, options.count, options.seed, progress)
        histories[name] = fuzz_history(name, max(1, options.count // REPLIES), options.seed)
    found = [*outcomes.items(), *histories.items()]
    ok = all(outcome.wrong == 0 for _, outcome in found)
    examples = [f"{name}: {example}" for name, each in found for example in each.examples]
    counts = {"venues": _counts(outcomes, "frames"), "history": _counts(histories, "replies")}
    print(json.dumps({"ok": ok, "seed": options.seed, **counts, "examples": examples}))
    return 0 if ok else 1


def _counts(outcomes: dict[str, Outcome], what: str) -> dict[str, dict[str, int]]:
    return {
        name: {what: each.frames, "damaged": each.damaged, "rows": each.rows, "wrong": each.wrong}
        for name, each in outcomes.items()
    }


if __name__ == "__main__":
    sys.exit(main())
