"""Sizes as people write them in a resource."""

import pytest

from metdc_collector.wire.sizes import parse


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (1024, 1024),
        ("1024", 1024),
        ("8Gi", 8 * 1024**3),
        ("5G", 5 * 10**9),
        ("2k", 2000),
        ("1Ki", 1024),
        ("1Ti", 2**40),
    ],
)
def test_quantities_are_bytes(quantity: str | int, expected: int) -> None:
    assert parse(quantity) == expected


@pytest.mark.parametrize("quantity", ["", "8GB", "-1", "1.5Gi", "Gi", "8 Gi"])
def test_what_is_no_size_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match="such as 8Gi"):
        parse(quantity)
