"""Messages that hypothesis makes: every one that the product can encode, and damage to them."""

import json
from typing import Any

from hypothesis import strategies as st

from metdc_collector.wire.capture import Absent, Captured, CaptureReport, Span
from metdc_collector.wire.gap import Edge, Gap
from metdc_collector.wire.instrument import Instrument
from metdc_collector.wire.listing import Listing
from metdc_collector.wire.report import (
    Backlog,
    Connections,
    Frames,
    Gaps,
    Handover,
    Nats,
    Refused,
    Report,
    Symbols,
    Trades,
)
from metdc_collector.wire.trade import Aggregate, Trade

BTC = Instrument(exchange="binance", market="spot", name="BTCUSDT", base="BTC", quote="USDT")
TRADE = Trade(
    BTC,
    id="5312345678",
    seq="5312345678",
    price="80227.01",
    quantity="0.00042",
    side="sell",
    time=1790001515463000000,
    received=1790001515465120331,
)
GAP = Gap(
    exchange="binance",
    market="spot",
    base="BTC",
    quote="USDT",
    instrument="BTCUSDT",
    before=Edge("5312345678", 1790001515463000000),
    after=Edge("5312345700", 1790001519000000000),
    start=1790001515463000000,
    end=1790001519000000000,
    cause="disconnected",
    state="open",
    at=1790001519100000000,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
coins = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
quotes = coins.filter(lambda name: "-" not in name)
natives = st.one_of(
    st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True),
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8),
).filter(str.isprintable)
exchanges = st.sampled_from(["binance", "phemex", "okx"])
markets = st.sampled_from(["spot", "futures"])
numbers = st.integers(0, 2**63 - 1)
counts = st.integers(0, 10**12)
decimals = st.one_of(
    st.integers(0, 10**20).map(str),
    st.builds(
        "{}.{}{}".format, st.integers(0, 10**9), st.text("0123456789", max_size=12), st.sampled_from("123456789")
    ),
)
ids = st.from_regex(r"[A-Za-z0-9:._-]{1,40}", fullmatch=True)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Null, or what the strategy makes."""
    return st.none() | strategy


traded = st.builds(
    Instrument,
    exchange=exchanges,
    market=markets,
    name=natives,
    base=coins,
    quote=quotes,
    multiplier=maybe(decimals),
    unit_factor=maybe(st.just("1000")),
)
instruments = st.builds(
    Instrument,
    exchange=exchanges,
    market=markets,
    name=natives,
    base=coins,
    quote=quotes,
    tick=maybe(decimals),
    lot=maybe(decimals),
    multiplier=maybe(decimals),
    unit_factor=maybe(st.just("1000")),
    status=st.sampled_from(["trading", "pending", "halted", "delisted"]),
    listed=maybe(numbers),
    delisted=maybe(numbers),
)
trades = st.builds(
    Trade,
    instrument=traded,
    id=ids,
    seq=maybe(ids),
    price=decimals,
    quantity=maybe(decimals),
    side=st.sampled_from(["buy", "sell"]),
    time=numbers,
    received=numbers,
    sent=maybe(numbers),
    kind=maybe(texts),
    contracts=maybe(decimals),
    aggregate=maybe(st.builds(Aggregate, ids, ids)),
    backfilled=st.booleans(),
    late=st.booleans(),
).filter(lambda trade: trade.quantity is not None or trade.contracts is not None)
edges = maybe(st.builds(Edge, id=ids, time=numbers))
gaps = st.builds(
    Gap,
    exchange=exchanges,
    market=markets,
    base=coins,
    quote=quotes,
    instrument=natives,
    before=edges,
    after=edges,
    start=numbers,
    end=numbers,
    cause=st.sampled_from(["disconnected", "restarted", "dropped"]),
    state=st.sampled_from(["open", "filled", "partial", "unfillable", "empty"]),
    at=numbers,
    first_missing=maybe(ids),
    last_missing=maybe(ids),
    missing=maybe(counts),
    filled=maybe(counts),
)
listings = st.builds(
    Listing,
    exchange=st.just("upbit"),
    market=st.sampled_from(["krw", "btc"]),
    base=coins,
    quote=quotes,
    instrument=natives,
    source=st.sampled_from(["announcements", "socket", "markets"]),
    first_seen=numbers,
    announced=maybe(numbers),
    trade_start=maybe(numbers),
    notice=maybe(texts),
    title=maybe(texts),
    url=maybe(texts),
)
places = st.builds("{}.{}".format, exchanges, markets)
captures = st.builds(
    CaptureReport,
    name=ids,
    base=coins,
    at=numbers,
    start=numbers,
    end=numbers,
    state=st.sampled_from(["waiting", "reading", "captured", "refused", "failed"]),
    completeness=st.sampled_from(["", "Provisional", "Final"]),
    made=maybe(numbers),
    bucket=texts,
    summary=texts,
    trades=counts,
    traded=counts,
    gaps=counts,
    absent=counts,
    markets=st.lists(
        st.builds(
            Captured,
            market=places,
            instrument=natives,
            symbol=st.builds("{}-{}".format, coins, quotes),
            trades=counts,
            lacks=st.lists(
                st.builds(Span, reason=texts, start=numbers, end=numbers, open=st.booleans()), max_size=3
            ).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    missing=st.lists(st.builds(Absent, market=places, reason=texts, text=texts), max_size=3).map(tuple),
    reason=texts,
    message=texts,
)
reports = st.builds(
    Report,
    namespace=texts,
    collector=texts,
    exchange=exchanges,
    market=markets,
    shard=st.integers(0, 15),
    shards=st.integers(1, 16),
    pod=texts,
    uid=texts,
    slot=texts,
    started=numbers,
    at=numbers,
    state=st.sampled_from(["starting", "streaming", "draining", "stopped"]),
    ready=st.booleans(),
    waiting=st.lists(texts, max_size=3).map(tuple),
    nats=st.builds(
        Nats,
        connected=st.booleans(),
        acknowledged=st.booleans(),
        stream=maybe(texts),
        stream_in_sync=maybe(st.booleans()),
        message=maybe(texts),
        stream_bytes=maybe(counts),
        stream_max_bytes=maybe(counts),
    ),
    connections=st.builds(Connections, active=counts, reconnecting=counts, cooldown=counts, failed=counts),
    symbols=st.builds(
        Symbols,
        wanted=counts,
        streaming=counts,
        refused=st.lists(st.builds(Refused, instrument=texts, reason=texts), max_size=3).map(tuple),
        listed_at=maybe(numbers),
    ),
    channel=maybe(texts),
    trades=st.builds(
        Trades,
        received=counts,
        stored=counts,
        duplicates=counts,
        late=counts,
        expired=counts,
        per_second=st.floats(0, 1e9),
    ),
    frames=st.builds(Frames, malformed=counts, out_of_scope=counts),
    backlog=st.builds(Backlog, trades=counts, bytes=counts, oldest=maybe(numbers)),
    gaps=st.builds(Gaps, open=maybe(counts), filled=maybe(counts), unfillable=maybe(counts)),
    last_trade=maybe(numbers),
    score=st.floats(0, 1),
    last_ids=st.dictionaries(texts, texts, max_size=3),
    ended=maybe(numbers),
    handover=maybe(
        st.builds(
            Handover,
            predecessor=texts,
            farewell=st.booleans(),
            final=st.booleans(),
            started=maybe(numbers),
            finished=maybe(numbers),
            overlap=numbers,
            lost=maybe(counts),
            symbols=counts,
            by_id=counts,
            by_rows=counts,
            by_subscription=counts,
            by_rest=counts,
            backfilled=counts,
            unfilled=counts,
            open=counts,
            duplicates=counts,
        )
    ),
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | texts
    | st.sampled_from(["", "-1", "01", "1.0", "1e3", "NaN", "BTC", "BTC-", "-USDT", "A.B", "a b", "x\ny", "*"])
)
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


@st.composite
def damaged(draw: st.DrawFn, messages: st.SearchStrategy[bytes]) -> bytes:
    """A message with one member, at any depth, dropped, replaced by junk, or the bytes cut."""
    data = draw(messages)
    how = draw(st.sampled_from(["drop", "replace", "replace", "replace", "cut"]))
    if how == "cut":
        return data[: draw(st.integers(0, len(data)))]
    record = json.loads(data)
    place, name = draw(st.sampled_from(list(_places(record))))
    if how == "drop":
        del place[name]
    else:
        place[name] = draw(junk)
    return json.dumps(record).encode()


def _places(node: Any) -> Any:
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for name, value in list(pairs):
        yield node, name
        if isinstance(value, dict | list):
            yield from _places(value)
