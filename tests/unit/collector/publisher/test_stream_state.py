"""What a stream is seen to be."""

import pytest

from metdc_collector.publisher.streams import StreamState


@pytest.mark.parametrize(
    ("config", "most"), [({"max_bytes": 8}, 8), ({"max_bytes": -1}, None), ({"max_bytes": 0}, None), ({}, None)]
)
def test_what_a_stream_may_hold_is_null_where_it_is_not_limited(config: dict[str, int], most: int | None) -> None:
    assert StreamState(config, (), 0).max_bytes == most
