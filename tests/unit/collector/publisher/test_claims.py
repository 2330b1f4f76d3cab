"""Which spooled trades are still to be published."""

from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.publisher.claims import Claims

NAMES = st.lists(st.integers(min_value=0, max_value=60).map("binance.spot.BTCUSDT.{}".format), max_size=60)


@given(NAMES, NAMES, NAMES)
def test_each_spooled_trade_that_nobody_stored_is_claimed_once(
    spooled: list[str], early: list[str], later: list[str]
) -> None:
    claims = Claims()
    for place, name in enumerate(spooled):
        claims.expect(name)
        if place < len(early):
            claims.note(early[place])
    noted = {*early[: len(spooled)], *later}
    for place in range(claims.parts):
        claims.arrange(place)
    claims.start()
    for name in later:
        claims.note(name)
    claimed = [name for name in spooled if claims.claim(name)]
    assert sorted(claimed) == sorted(set(spooled) - noted)
    assert not any(claims.claim(name) for name in spooled)
