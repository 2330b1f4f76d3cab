"""Coins, made-up coins, and what they cost: the raw material of all universes. Integers only."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TICKERS = """
BTC ETH SOL XRP BNB DOGE SUI PEPE ADA TRX LINK AVAX LTC ENA WIF TON SHIB BONK NEAR DOT UNI AAVE APT ARB OP FIL BCH ETC
HBAR XLM ICP SEI TIA INJ FET RENDER WLD ORDI FLOKI NOT ATOM ALGO VET GALA SAND MANA AXS CRV LDO MKR COMP SNX DYDX GMX
PENDLE JUP PYTH JTO STRK ZK ZRO W ETHFI EIGEN ALT MANTA DYM PIXEL PORTAL AEVO BOME REZ BB LISTA IO DOGS HMSTR CATI
NEIRO TURBO MEME PEOPLE ACT PNUT MOVE USUAL PENGU VANA BIO TRUMP ANIME BERA LAYER KAITO SHELL RED NIL PARTI GUN WCT
BABY INIT HYPER SIGN STO HAEDAL SOPH HUMA RESOLV HOME SPK NEWT SAHARA ERA PROVE PLUME DOLO WLFI OPEN LINEA AVNT ZKC
BARD XPL ASTER FF EDEN MORPHO ENSO TURTLE SOMI HOLO MIRA EUL ZBT BAT ENJ CHZ ZIL ZEC DASH XMR XTZ EOS NEO IOTA QTUM
ONT IOST ZRX KNC LRC BAND RLC STORJ ANKR CELR CTSI HOT SKL COTI CELO RVN SC DGB ONE FLOW KAVA RSR OCEAN NMR ROSE CFX
MINA IMX STX EGLD THETA TFUEL QNT RUNE GRT FTM KSM WAVES SXP CAKE YFI SUSHI BAL UMA PERP ALPHA TWT C98 MASK DODO LIT
SFP TLM SLP ALICE CHR DENT HIVE LSK STMX MTL OGN NKN DUSK ARPA BEL WING FLM UTK AVA TRB KMD JST SUN BICO ENS YGG ILV
GHST API3 AUDIO RAY SUPER RARE VOXEL HIGH JASMY GTC RAD LOKA LEVER GAL EPX APE BSW LUNC LUNA USTC NEXO OSMO HOOK MAGIC
HFT AGIX GNS SYN LQTY AMB ID EDU COMBO MAV XVG KEY HIFI CYBER ARK GAS POWR IQ BEAMX POLYX BLUR TOKEN VANRY 1INCH XAI
AI NFP ACE RONIN METIS OM BNX OMNI TNSR SAGA BANANA RDNT ARKM MBOX LPT MDT PHB ASTR FXS SSV HNT T GLMR ACH DEXE WOO
JOE ACA BIFI SANTOS PORTO LAZIO PSG JUV BAR CITY ALPINE OG ASR ATM FIDA FIO PHA MLN DIA REQ IRIS CVC IDEX TRU BLZ
FORTH BAKE BURGER QUICK DF AUCTION CVP BADGER FIS POND DEGO LINA TKO PUNDIX RAMP FARM NULS WAN LTO GTO KEEP TCT
"""
COINS = tuple(_TICKERS.split())
"""Real tickers, roughly by how much they trade."""

FACTORS = re.compile(r"^(1000000|10000|1000|1M)(?=[A-Z]{2})")
_KNOWN = {
    "BTC": (8022, 1),
    "ETH": (2913, 0),
    "SOL": (1368, -1),
    "XRP": (2214, -3),
    "BNB": (8871, -1),
    "DOGE": (1512, -4),
    "SUI": (1587, -3),
    "PEPE": (4721, -9),
    "ADA": (4193, -4),
    "TRX": (2764, -4),
    "LINK": (1291, -2),
    "AVAX": (1374, -2),
    "LTC": (8412, -2),
    "SHIB": (8012, -9),
    "BONK": (9671, -9),
    "FLOKI": (4711, -8),
    "MOG": (3129, -10),
    "SATS": (1713, -11),
    "BCH": (5412, -1),
    "AAVE": (1713, -1),
    "MKR": (1512, 0),
    "YFI": (4633, 0),
    "XMR": (3781, -1),
    "LUNC": (2912, -8),
}
_QUOTES = {  # in 10**-6 US dollars
    "BTC": 80227 * 10**6,
    "ETH": 2913 * 10**6,
    "BNB": 887 * 10**6,
    "TRY": 23600,
    "EUR": 1158000,
    "BRL": 185000,
    "JPY": 6400,
    "GBP": 1310000,
    "ARS": 690,
    "MXN": 54000,
    "PLN": 273000,
    "ZAR": 58000,
    "UAH": 24000,
    "IDR": 60,
    "TRX": 276400,
    "XRP": 2214000,
    "DOGE": 151200,
    "AUD": 646000,
    "RUB": 12500,
    "NGN": 690,
    "KRW": 730,
    "BIDR": 60,
    "VAI": 990000,
}


def scaled(value: int, power: int) -> int:
    """`value * 10**power`, cut to a whole number."""
    ten: int = 10 ** abs(power)
    return value * ten if power >= 0 else value // ten


@dataclass(frozen=True, slots=True)
class Worth:
    """A price of `mantissa * 10**exponent` with a mantissa of four digits."""

    mantissa: int
    exponent: int

    def units(self, digits: int) -> int:
        """The price in units of 10**-digits, at least 1."""
        power = self.exponent + digits
        return max(1, scaled(self.mantissa, power))


def normal(value: int, digits: int) -> Worth:
    """`value * 10**-digits` as a four-digit mantissa and exponent."""
    value, exponent = max(1, value), -digits
    while value < 1000:
        value, exponent = value * 10, exponent - 1
    while value >= 10000:
        value, exponent = value // 10, exponent + 1
    return Worth(value, exponent)


def worth(base: str, quote: str, seed: int) -> Worth:
    """What one `base` costs in `quote`; a factor in the name (1000PEPE) counts."""
    factor = FACTORS.match(base)
    coin = base[factor.end() :].strip() if factor else base
    times = int(factor.group(1).replace("1M", "1000000")) if factor else 1
    if coin in _KNOWN:
        mantissa, exponent = _KNOWN[coin]
    else:
        rng = random.Random(f"{seed}:worth:{coin}")
        mantissa, exponent = rng.randrange(1000, 10000), rng.choice((-7, -6, -5, -5, -4, -4, -4, -3, -3, -3, -2))
    dollars = scaled(mantissa * times, exponent + 24)
    return normal(dollars * 10**6 // _QUOTES.get(quote, 10**6), 24)


def given(text: str) -> Worth:
    """A price from a decimal text."""
    whole, _, fraction = text.partition(".")
    return normal(int(whole + fraction), len(fraction))


def invented(seed: int) -> Iterator[str]:
    """Made-up tickers without end: pronounceable, all different, none a real one of the list."""
    rng = random.Random(f"{seed}:names")
    seen = {*COINS, *_QUOTES, "USDT", "USDC", "USD", "FDUSD", "TUSD", "BUSD", "DAI"}
    while True:
        letters = [rng.choice("BCDFGHJKLMNPRSTVWXZ") + rng.choice("AEIOUY") for _ in range(rng.choice((2, 2, 3)))]
        name = "".join(letters)[: rng.choice((3, 4, 4, 5, 6))]
        if name not in seen:
            seen.add(name)
            yield name


def lot_digits(price: Worth, most: int) -> int:
    """Decimals of a lot that is worth somewhere between a cent and a dollar."""
    return min(most, max(0, price.exponent + 5))


def typical_lots(price: Worth, digits: int) -> int:
    """How many lots make about 40 units of the quote coin; at most 10**8, for coins that cost next to nothing."""
    return max(1, min(10**8, scaled(40, digits + 12) // price.units(12)))
