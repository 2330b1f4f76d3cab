"""KuCoin's frames for the mutator (:mod:`tests.fuzz`)."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from metdc_collector.wire.instrument import Instrument
from tests.damage import (
    CONTAINERS,
    DECIMALS,
    INTEGERS,
    NAMES,
    NUMBERS_OF_NO_SENSE,
    TIMES,
    WORDS,
    Case,
    Raw,
    Row,
    damage,
    encoded,
    plain,
    wreck,
)

COUNTS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, 5, 1.5, "", "abc", "-1", "+5", "007", "5.0", "1e3", " 5", "٣", "0")
COUNTS += ("9" * 20, "9" * 400, Raw('"\\ud800"'))
TIMES_IN_TEXT = (*COUNTS, "1790001515", "4102444800000000000")
# A fraction of a lot is exact as the frame writes it, so "1.5" and "5.0" are healthy.
LOTS = (*CONTAINERS, *NUMBERS_OF_NO_SENSE, True, False, "12", "", 0, -1, -1.5, Raw("0.0"), 1 << 63, 1 << 64, 10**30)
ENVELOPE: dict[str, Sequence[Any]] = {"topic": NAMES, "type": WORDS, "subject": WORDS, "data": WORDS}
MATCH: dict[str, Sequence[Any]] = {"symbol": NAMES, "sequence": COUNTS, "price": DECIMALS, "size": DECIMALS}
MATCH |= {"side": WORDS, "time": TIMES_IN_TEXT}
EXECUTION: dict[str, Sequence[Any]] = {"symbol": NAMES, "sequence": INTEGERS, "price": DECIMALS, "size": LOTS}
EXECUTION |= {"side": WORDS, "ts": TIMES}


class KuCoin:
    """Pushes of one trade each."""

    def __init__(self, market: str, random: Random) -> None:
        self.spot, self.random = market == "spot", random
        found = [Instrument("kucoin", market, "BTC-USDT", "BTC", "USDT")]
        found += [Instrument("kucoin", market, "1000SATS-USDT", "SATS", "USDT", unit_factor="1000")]
        if not self.spot:
            found = [Instrument("kucoin", market, "XBTUSDTM", "BTC", "USDT", multiplier="0.001")]
            found += [
                Instrument("kucoin", market, "1000XUSDTM", "X", "USDT", multiplier="10", unit_factor="1000"),
            ]
        self.instruments = {instrument.name: instrument for instrument in found}

    def connect(self) -> None:
        """Nothing is kept from frame to frame."""

    def case(self) -> Case:
        """Make one frame and damage it, mostly."""
        random = self.random
        data, row = self._match() if self.spot else self._execution()
        message: dict[str, Any] = {"topic": f"/market/match:{data['symbol']}", "subject": "trade.l3match"}
        if not self.spot:
            message = {"topic": f"/contractMarket/execution:{data['symbol']}", "subject": "match"}
        message |= {"type": "message", "data": data}
        choice = random.random()
        if choice < 0.15:
            data |= {"tradeId": random.choice(WORDS), "type": random.choice(WORDS), "new": random.choice(CONTAINERS)}
            message["sn"] = random.choice(INTEGERS)
            return Case(encoded(message), [row], "")
        if choice < 0.3:
            return wreck(encoded(message), random)
        if choice < 0.45:
            what = damage(message, ENVELOPE, random)
        else:
            what = damage(data, MATCH if self.spot else EXECUTION, random)
        return Case(encoded(message), (), what)

    def _match(self) -> tuple[dict[str, Any], Row]:
        random, instrument = self.random, self.random.choice(list(self.instruments.values()))
        price, size = f"{random.randrange(1, 10**9) / 1000:.8f}", f"{random.randrange(1, 10**6) / 100:.3f}"
        number, time = random.randrange(1, 1 << 63), random.randrange(15 * 10**17, 2 * 10**18)
        data = {"symbol": instrument.name, "sequence": str(number), "price": price, "size": size}
        data |= {"side": random.choice(["buy", "sell"]), "time": str(time), "tradeId": str(number), "type": "match"}
        return data, self._row(instrument, number, price, Decimal(size), data["side"], time)

    def _execution(self) -> tuple[dict[str, Any], Row]:
        random, instrument = self.random, self.random.choice(list(self.instruments.values()))
        price, lots = f"{random.randrange(1, 10**9) / 1000:.4f}", str(random.randrange(1, 10**9))
        if random.random() < 0.1:
            lots += random.choice([".0", ".25", ".000000000001"])
        number, time = random.randrange(1 << 63), random.randrange(15 * 10**17, 2 * 10**18)
        data = {"symbol": instrument.name, "sequence": number, "price": price, "size": Raw(lots)}
        data |= {"side": random.choice(["buy", "sell"]), "ts": time, "tradeId": str(number)}
        coins = Decimal(lots) * Decimal(instrument.multiplier or 1)
        return data, self._row(instrument, number, price, coins, str(data["side"]), time)

    def _row(  # noqa: PLR0917 - the columns of a row
        self, instrument: Instrument, number: int, price: str, units: Decimal, side: str, time: int
    ) -> Row:
        factor = Decimal(instrument.unit_factor or 1)
        return Row(str(number), plain(Decimal(price) / factor), plain(units * factor), side, time, None)
