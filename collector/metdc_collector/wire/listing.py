"""Listing events: a coin that enters a venue's market for money, once for each coin and market.

Event, on ``listings.<exchange>.<market>.<BASE>``::

    {"v":1,"exchange":"upbit","market":"krw","symbol":"POD-KRW","instrument":"KRW-POD",
     "announced":1790001512000000000,"first_seen":1790001514803112402,"trade_start":1790010000000000000,
     "source":"announcements","notice":"6635","title":"돌핀(POD) 신규 거래지원 안내 (KRW, BTC, USDT 마켓)",
     "url":"https://upbit.com/service_center/notice?id=6635"}
"""

from dataclasses import dataclass
from typing import Literal

import orjson

from metdc_collector.wire import records, subjects
from metdc_collector.wire.errors import InvalidMessage, WireError
from metdc_collector.wire.instrument import VERSION

Source = Literal["announcements", "socket", "markets"]
"""Where it was seen first: the venue's list of notices, its socket of notices, or its list of markets."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A coin's listing. All times are ns since the epoch.

    Attributes:
        exchange: ``upbit``.
        market: the market that the coin enters, by its quote coin in small letters: ``krw``.
        base: the coin's common name, as trades are published under.
        quote: the quote coin: ``KRW``.
        instrument: the venue's own name of the pair: ``KRW-POD``.
        source: where it was seen first.
        first_seen: when this was received, by the watcher's clock.
        announced: when the notice was first published, as the notice says, **to the whole second**: what happened
            within that second cannot be ordered against it. Null where no notice was seen.
        trade_start: when trading was to start, as the notice said when it was seen; null where it doesn't say.
        notice: the venue's number of the notice, null where none was seen.
        title: the notice's title, as the venue wrote it; null likewise.
        url: the notice's page for people; null likewise.
    """

    exchange: str
    market: str
    base: str
    quote: str
    instrument: str
    source: Source
    first_seen: int
    announced: int | None = None
    trade_start: int | None = None
    notice: str | None = None
    title: str | None = None
    url: str | None = None

    @property
    def moment(self) -> int:
        """When it was announced, or else first seen (ns)."""
        return self.first_seen if self.announced is None else self.announced

    @property
    def subject(self) -> str:
        """Where the event goes: ``listings.upbit.krw.POD``."""
        return subjects.listing(self.exchange, self.market, self.base)

    @property
    def message_id(self) -> str:
        """The ``Nats-Msg-Id``, the same from whoever has seen the listing wherever."""
        return f"listing:{self.subject.removeprefix('listings.')}"


def encode(listing: Listing) -> bytes:
    """Return the event as JSON."""
    return orjson.dumps(
        {
            "v": VERSION,
            "exchange": listing.exchange,
            "market": listing.market,
            "symbol": f"{listing.base}-{listing.quote}",
            "instrument": listing.instrument,
            "announced": listing.announced,
            "first_seen": listing.first_seen,
            "trade_start": listing.trade_start,
            "source": listing.source,
            "notice": listing.notice,
            "title": listing.title,
            "url": listing.url,
        }
    )


def decode(data: bytes) -> Listing:
    """Read an event.

    Raises:
        InvalidMessage: when it is no listing event, or is of a version that this code does not know.
    """
    try:
        record = records.load(data, VERSION)
        base, quote = records.symbol(record)
        listing = records.build(Listing, record | {"base": base, "quote": quote})
        if not listing.instrument:
            raise InvalidMessage("instrument: is empty")
        _ = listing.subject
    except WireError as error:
        raise InvalidMessage(f"listing event: {error}") from None
    return listing
