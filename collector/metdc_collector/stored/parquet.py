"""Trades as a Parquet file: one row a trade, amounts as exact decimals, times in ns.

A decimal column holds 20 digits before the point and 18 after it. pyarrow, of the extra ``parquet``, is imported only
when it is used.
"""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import islice
from typing import Any, BinaryIO

import orjson

from metdc_collector.wire.trade import Trade

PRECISION, SCALE = 38, 18
ROWS = 50_000
"""Rows of a row group, which is what is held in memory."""
_LATEST = 2**63

_DECIMALS = ("price", "quantity", "contracts", "multiplier", "unit_factor")
_TIMES = ("time", "received", "sent")
_FLAGS = ("backfilled", "late")
_COLUMNS = (
    *("time", "exchange", "market", "symbol", "instrument", "id", "seq", "price", "quantity", "side", "received"),
    *("sent", "kind", "contracts", "multiplier", "unit_factor", "first_id", "last_id", "backfilled", "late"),
)
_REQUIRED = {*_COLUMNS[:8], "side", "received", *_FLAGS} - {"seq"}


class DoesNotFit(Exception):
    """A trade holds what a column cannot hold exactly; the text names the trade, the value and the remedy."""


def available() -> bool:
    """Whether files can be written here: pyarrow is installed."""
    return find_spec("pyarrow") is not None


def check(entry: Trade) -> None:
    """Pass a trade whose values the columns hold exactly.

    Raises:
        DoesNotFit: for any other.
    """
    amounts = (entry.price, entry.quantity, entry.contracts, entry.instrument.multiplier, entry.instrument.unit_factor)
    for name, text in zip(_DECIMALS, amounts, strict=True):
        if text is not None:
            whole, _, fraction = text.partition(".")
            if len(whole) > PRECISION - SCALE or len(fraction) > SCALE:
                raise _does_not_fit(entry, name, text, f"{PRECISION - SCALE} digits before the point and {SCALE} after")
    for name, time in zip(_TIMES, (entry.time, entry.received, entry.sent), strict=True):
        if time is not None and time >= _LATEST:
            raise _does_not_fit(entry, name, str(time), "64 bits")


def _does_not_fit(entry: Trade, name: str, value: str, room: str) -> DoesNotFit:
    return DoesNotFit(
        f"{name} {value} of {entry.message_id} does not fit a Parquet column exactly ({room}):"
        " use --format jsonl, or leave it out with --subject"
    )


def write(payloads: Iterator[bytes], out: BinaryIO) -> None:
    """Write payloads, all of which passed :func:`check`, sorted by time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types: dict[str, Any] = (
        dict.fromkeys(_COLUMNS, pa.string())
        | dict.fromkeys(_DECIMALS, pa.decimal128(PRECISION, SCALE))
        | dict.fromkeys(_TIMES, pa.timestamp("ns", tz="UTC"))
        | dict.fromkeys(_FLAGS, pa.bool_())
    )
    schema = pa.schema([pa.field(name, types[name], nullable=name not in _REQUIRED) for name in _COLUMNS])
    by_time = [pq.SortingColumn(schema.get_field_index("time"))]
    with pq.ParquetWriter(out, schema, compression="zstd", sorting_columns=by_time) as writer:
        while columns := _columns(islice(payloads, ROWS)):
            # Arrow reads the decimals from their text by itself: exactly, or not at all.
            arrays = [_array(pa.array, name, columns[name], types[name]) for name in _COLUMNS]
            writer.write_table(pa.table(arrays, schema=schema), row_group_size=ROWS)


def _array(make: Callable[..., Any], name: str, values: list[Any], kind: Any) -> Any:
    return make(values, "string").cast(kind) if name in _DECIMALS else make(values, kind)


def _columns(payloads: Iterator[bytes]) -> dict[str, list[Any]]:
    """Return the values of each column; nothing at the end."""
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for payload in payloads:
        record = dict.fromkeys(_FLAGS, False) | orjson.loads(payload)
        record |= record.get("aggregate") or {}
        for name, values in columns.items():
            values.append(record.get(name))
    return columns if columns["time"] else {}
