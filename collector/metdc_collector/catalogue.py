"""The last good lists, in the bucket ``metdc_universe``, and the records of what changes in a market's.

The list serves two ends: names that were published hold for an instrument's life, whoever names it next; and a process
that starts while the venue's REST is down streams what was there before. Value, compressed with gzip, under the key
``<exchange>.<market>``: a line ``{"v":1,"at":1790001510000000000}`` (when the venue gave the list, ns), then the
instrument record of each, with the scales that only the adapters need.

Under the key ``upbit.krw`` is Upbit's KRW market, for all collectors that choose by it (:class:`Krw`)::

    {"v":1,"at":1790001510000000000,"coins":["BTC","SOMI"],"until":{"SOMI":1790087910000000000}}
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import nats.errors
import nats.js.errors
import orjson
from nats.js.api import KeyValueConfig

from metdc_collector.publisher.bucket import Bucket, BucketFailed
from metdc_collector.publisher.link import Link
from metdc_collector.universe import Krw
from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.instrument import Instrument, decode, encode

BUCKET = "metdc_universe"
VERSION = 1
_KRW = "upbit.krw"


class CatalogueFailed(Exception):
    """The list could not be kept or read; the text says why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An instrument list, and when the venue gave it (ns since the epoch)."""

    at: int
    instruments: Mapping[str, Instrument]


class Catalogue:
    """Keeps one market's list, and Upbit's KRW market, through one connection to NATS."""

    def __init__(self, link: Link, *, exchange: str, market: str, replicas: int, create: bool) -> None:
        """A bucket that isn't there is created when ``create`` says so."""
        self._link = link
        self._key = f"{exchange}.{market}"
        self._bucket = Bucket(link, KeyValueConfig(bucket=BUCKET, history=1, replicas=replicas), create=create)

    async def load(self) -> Kept | None:
        """Return the list as it was kept last; null when there is none.

        Raises:
            CatalogueFailed: when it can't be read.
        """
        value = await self._read(self._key)
        return unpack(value) if value else None

    async def keep(self, kept: Kept) -> None:
        """Keep this list.

        Raises:
            CatalogueFailed: when the server doesn't acknowledge it.
        """
        await self._put(self._key, pack(kept))

    async def load_krw(self) -> Krw | None:
        """Return Upbit's KRW market as any collector kept it last; null when none did.

        Raises:
            CatalogueFailed: when it can't be read.
        """
        value = await self._read(_KRW)
        return unpack_krw(value) if value else None

    async def keep_krw(self, krw: Krw) -> None:
        """Keep Upbit's KRW market, for all collectors.

        Raises:
            CatalogueFailed: when the server doesn't acknowledge it.
        """
        await self._put(_KRW, pack_krw(krw))

    async def _read(self, key: str) -> bytes | None:
        try:
            values = await self._bucket.read(key)
        except BucketFailed as error:
            raise CatalogueFailed(f"bucket {BUCKET}: {error}") from error
        return values[0] if values else None

    async def _put(self, key: str, value: bytes) -> None:
        try:
            await self._bucket.put(key, value)
        except BucketFailed as error:
            raise CatalogueFailed(f"bucket {BUCKET}: {error}") from error

    async def announce(self, instruments: Iterable[Instrument]) -> None:
        """Publish the record of each; the same record from another pod at the same time is stored once.

        Raises:
            CatalogueFailed: when one is not acknowledged; those before it are.
        """
        js = self._link.jetstream()
        for instrument in instruments:
            record = encode(instrument)
            identity = {"Nats-Msg-Id": f"{instrument.message_prefix}{zlib.crc32(record):08x}"}
            try:
                await js.publish(instrument.record_subject, record, headers=identity, timeout=5)
            except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
                raise CatalogueFailed(f"{instrument.record_subject}: {error or type(error).__name__}") from error


def pack(kept: Kept) -> bytes:
    """Return the bucket's value."""
    lines = [orjson.dumps({"v": VERSION, "at": kept.at})]
    for instrument in kept.instruments.values():
        record = json.loads(encode(instrument))
        record |= {"price_scale": instrument.price_scale, "quantity_scale": instrument.quantity_scale}
        lines.append(orjson.dumps(record))
    return gzip.compress(b"\n".join(lines), mtime=0)


def unpack(value: bytes) -> Kept:
    """Read the bucket's value.

    Raises:
        CatalogueFailed: when it is none, or of a version that this code does not know.
    """
    try:
        head, *lines = gzip.decompress(value).split(b"\n")
        told = orjson.loads(head)
        if told["v"] != VERSION or type(told["at"]) is not int:
            raise CatalogueFailed(f"bucket {BUCKET}: version {told['v']!r} is not {VERSION}")
        instruments = [decode(line) for line in lines]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, InvalidMessage) as error:
        raise CatalogueFailed(f"bucket {BUCKET}: no instrument list: {error}") from None
    return Kept(told["at"], {instrument.name: instrument for instrument in instruments})


def pack_krw(krw: Krw) -> bytes:
    """Return the bucket's value."""
    until = {coin: krw.until[coin] for coin in sorted(krw.until)}
    return orjson.dumps({"v": VERSION, "at": krw.at, "coins": sorted(krw.coins), "until": until})


def unpack_krw(value: bytes) -> Krw:
    """Read the bucket's value.

    Raises:
        CatalogueFailed: when it is none, or of a version that this code does not know.
    """
    try:
        told = orjson.loads(value)
        if told["v"] != VERSION:
            raise CatalogueFailed(f"bucket {BUCKET}: version {told['v']!r} is not {VERSION}")
        at, coins, until = told["at"], told["coins"], told["until"]
        if not all(type(coin) is str for coin in [*coins]) or not all(
            type(time) is int for time in (at, *until.values())
        ):
            raise ValueError("coins are texts, and times are integers")
        return Krw(at, frozenset(coins), until)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CatalogueFailed(f"bucket {BUCKET}: no list of Upbit's KRW market: {error}") from None
