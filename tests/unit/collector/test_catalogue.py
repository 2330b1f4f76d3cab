"""The instrument list that is kept in a bucket: written and read back the same."""

import gzip
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.catalogue import CatalogueFailed, Kept, pack, pack_krw, unpack, unpack_krw
from metdc_collector.universe import Krw
from metdc_collector.wire.instrument import Instrument
from tests.unit.collector.made import BTC, ETH
from tests.unit.wire.examples import instruments


@given(st.lists(instruments, max_size=5, unique_by=lambda one: one.name), st.integers(0, 2**62))
def test_a_list_comes_back_as_it_was_kept(listed: list[Instrument], at: int) -> None:
    kept = Kept(at, {one.name: one for one in listed})
    assert unpack(pack(kept)) == kept


def test_scales_that_only_adapters_need_are_kept_too() -> None:
    scaled = replace(BTC, price_scale=8, quantity_scale=6)
    assert unpack(pack(Kept(5, {"BTCUSDT": scaled}))).instruments["BTCUSDT"] == scaled


def test_the_same_list_is_the_same_bytes() -> None:
    kept = Kept(5, {"BTCUSDT": BTC, "ETHUSDT": ETH})
    assert pack(kept) == pack(kept)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"v":1}',
        b'{"v":1,"at":"now"}',
        b'{"v":1,"at":5}\nnothing',
        b'{"v":1,"at":5}\n{"v":1}',
        b'{"v":2,"at":5}',
    ],
)
def test_what_is_no_list_is_refused_in_words(text: bytes) -> None:
    with pytest.raises(CatalogueFailed, match="bucket metdc_universe: "):
        unpack(gzip.compress(text))


@pytest.mark.parametrize("value", [b"", b"nothing", gzip.compress(b'{"v":1,"at":5}', mtime=0)[:-3]], ids=len)
def test_what_is_not_compressed_is_refused_in_words(value: bytes) -> None:
    with pytest.raises(CatalogueFailed, match="bucket metdc_universe: "):
        unpack(value)


# -- Upbit's KRW market

times = st.integers(0, 2**62)
markets = st.builds(Krw, times, st.frozensets(st.text()), st.dictionaries(st.text(), times))


@given(markets)
def test_the_krw_market_comes_back_as_it_was_kept(krw: Krw) -> None:
    assert unpack_krw(pack_krw(krw)) == krw


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"v":1}',
        b'{"v":2,"at":5,"coins":[],"until":{}}',
        b'{"v":1,"at":"now","coins":[],"until":{}}',
        b'{"v":1,"at":5,"coins":[7],"until":{}}',
        b'{"v":1,"at":5,"coins":7,"until":{}}',
        b'{"v":1,"at":5,"coins":["BTC"],"until":{"BTC":"soon"}}',
        b'{"v":1,"at":5,"coins":["BTC"],"until":["BTC"]}',
    ],
)
def test_what_is_no_krw_market_is_refused_in_words(text: bytes) -> None:
    with pytest.raises(CatalogueFailed, match="bucket metdc_universe: "):
        unpack_krw(text)
