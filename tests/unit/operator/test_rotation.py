"""When a pod is due to be replaced, and whose turn it is."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from metdc_operator.rotation import (
    ROTATION,
    Market,
    Urgency,
    budget,
    desired_slot,
    due_since,
    next_turn,
    phase,
    slot_start,
    turns,
    urgency,
)

SECOND = 10**9
HALF_HOUR = 1800 * SECOND
NOW = 1_790_000_000 * SECOND

identities = st.text("abcdefghij-/0123456789", min_size=1, max_size=60)
intervals = st.integers(3 * SECOND, 7 * 24 * 3600 * SECOND)
moments = st.integers(0, 4 * 10**18)


def market(identity: str = "default/binance/spot/0", *, slot: int | None = 0, interval: int = HALF_HOUR) -> Market:
    """A market whose pod belongs to the ``slot``-th slot after the one that NOW lies in."""
    live = None if slot is None else slot_start(identity, interval, NOW) + slot * interval
    return Market(identity=identity, exchange="binance", interval=interval, slot=live)


def chosen(*markets: Market, now: int = NOW, nats_away: bool = False) -> list[str]:
    return [turn.identity for turn in turns(markets, now, nats_away=nats_away)]


# -- slots


@given(identities, intervals, moments, moments)
def test_slots_never_run_backwards(identity: str, interval: int, one: int, other: int) -> None:
    early, late = sorted((one, other))

    assert slot_start(identity, interval, early) <= slot_start(identity, interval, late)


@given(identities, intervals, moments)
def test_a_moment_lies_in_its_slot_and_slots_are_one_interval_apart(identity: str, interval: int, now: int) -> None:
    start = slot_start(identity, interval, now)

    assert start <= now < start + interval
    assert slot_start(identity, interval, start) == start
    assert slot_start(identity, interval, start - 1) == start - interval


@given(identities, intervals, moments)
def test_the_phase_follows_from_the_identity_alone(identity: str, interval: int, now: int) -> None:
    assert slot_start(identity, interval, now) % interval == phase(identity, interval)


def test_the_phase_is_what_it_was_in_the_first_release() -> None:
    assert phase("default/binance/spot/0", HALF_HOUR) == 308_915_743_887


def test_phases_spread_over_the_interval() -> None:
    tenths = Counter(phase(f"default/c{n}/spot/0", HALF_HOUR) * 10 // HALF_HOUR for n in range(2000))

    assert set(tenths) == set(range(10))
    assert max(tenths.values()) < 2 * min(tenths.values())


# -- being due


def test_a_pod_of_the_current_slot_is_not_due() -> None:
    assert urgency(market(), NOW) is None


def test_a_pod_of_an_earlier_slot_is_due() -> None:
    assert urgency(market(slot=-1), NOW) is Urgency.SCHEDULE


def test_missed_slots_collapse_into_one() -> None:
    late = market(slot=-100)
    (turn,) = turns([late], NOW)

    assert turn.slot == slot_start(late.identity, HALF_HOUR, NOW)
    assert turns([replace(late, slot=turn.slot)], NOW) == []


def test_a_pod_without_a_slot_is_due() -> None:
    assert urgency(market(slot=None), NOW) is Urgency.SCHEDULE


def test_a_slot_from_a_clock_that_was_years_ahead_is_due() -> None:
    assert urgency(market(slot=1000), NOW) is Urgency.SCHEDULE


def test_a_slot_from_a_clock_that_was_a_little_ahead_waits() -> None:
    assert urgency(market(slot=1), NOW) is None


def test_an_edit_and_an_upgrade_are_due_at_once() -> None:
    assert urgency(replace(market(), change=Urgency.EDIT), NOW) is Urgency.EDIT
    assert urgency(replace(market(), change=Urgency.UPGRADE), NOW) is Urgency.UPGRADE


def test_a_suspended_rotation_holds_the_schedule_and_not_an_edit() -> None:
    suspended = replace(market(slot=-1), suspended=True)

    assert urgency(suspended, NOW) is None
    assert urgency(replace(suspended, change=Urgency.EDIT), NOW) is Urgency.EDIT


def test_an_order_to_rotate_is_obeyed_once_and_also_while_suspended() -> None:
    ordered = replace(market(slot=-1), suspended=True, rotate_after=NOW - SECOND)
    (turn,) = turns([ordered], NOW)

    assert turn.slot == NOW - SECOND
    assert turns([replace(ordered, slot=turn.slot)], NOW) == []


def test_an_order_within_the_current_slot_rotates_and_the_next_slot_still_does() -> None:
    ordered = replace(market(), rotate_after=NOW - 1)
    (turn,) = turns([ordered], NOW)
    after = replace(ordered, slot=turn.slot)

    assert urgency(after, NOW) is None
    assert urgency(after, slot_start(after.identity, HALF_HOUR, NOW) + HALF_HOUR) is Urgency.SCHEDULE


def test_an_order_in_the_future_waits() -> None:
    ordered = replace(market(), rotate_after=NOW + 5)

    assert urgency(ordered, NOW) is None
    assert desired_slot(ordered, NOW) == ordered.slot
    assert urgency(ordered, NOW + 5) is Urgency.SCHEDULE


@given(moments, moments)
def test_the_slot_that_is_written_never_runs_backwards(one: int, other: int) -> None:
    early, late = sorted((one, other))
    ordered = replace(market(), rotate_after=NOW)

    assert desired_slot(ordered, early) <= desired_slot(ordered, late)


# -- when


def test_the_next_turn_is_the_next_slot_or_an_earlier_order() -> None:
    start = slot_start("default/binance/spot/0", HALF_HOUR, NOW)

    assert next_turn(market(), NOW) == start + HALF_HOUR
    assert next_turn(replace(market(), rotate_after=NOW + 1), NOW) == NOW + 1
    assert next_turn(replace(market(), rotate_after=NOW - HALF_HOUR), NOW) == start + HALF_HOUR


def test_nothing_is_next_while_suspended_but_an_order() -> None:
    suspended = replace(market(), suspended=True)

    assert next_turn(suspended, NOW) is None
    assert next_turn(replace(suspended, rotate_after=NOW + 1), NOW) == NOW + 1


def test_what_is_due_tells_since_when() -> None:
    start = slot_start("default/binance/spot/0", HALF_HOUR, NOW)

    assert next_turn(market(slot=-3), NOW) == start - 2 * HALF_HOUR
    assert due_since(replace(market(slot=-3), rotate_after=start - 3 * HALF_HOUR + 7), NOW) == start - 3 * HALF_HOUR + 7
    assert due_since(replace(market(slot=-1), suspended=True, rotate_after=NOW - 7), NOW) == NOW - 7


def test_edits_and_slots_that_are_wrong_are_due_since_now() -> None:
    for each in (replace(market(slot=-3), change=Urgency.EDIT), market(slot=None), market(slot=50)):
        assert due_since(each, NOW) == NOW
    assert due_since(replace(market(slot=-3), suspended=True), NOW) == NOW


# -- turns


def test_edits_go_first_then_upgrades_then_the_oldest() -> None:
    names = [f"default/{name}/spot/0" for name in ("edited", "upgraded", "oldest", "older", "unknown")]
    edited, upgraded, oldest, older, unknown = (market(name, slot=-2, interval=60 * SECOND) for name in names)
    order = chosen(
        replace(older, slot=NOW - 3600 * SECOND),
        replace(upgraded, change=Urgency.UPGRADE),
        replace(oldest, slot=NOW - 7200 * SECOND),
        replace(unknown, slot=None),
        replace(edited, change=Urgency.EDIT),
    )

    assert order == [names[0], names[1], names[4], names[2], names[3]]


def test_a_market_that_is_being_replaced_is_not_replaced_again() -> None:
    assert chosen(replace(market(slot=-1), rotating=True)) == []


def test_a_stalled_market_waits_but_for_what_may_be_the_cure() -> None:
    stalled = replace(market(slot=-1), rotating=True, stalled=True)

    assert chosen(stalled) == []
    assert chosen(replace(stalled, drain=NOW)) == []
    assert chosen(replace(stalled, change=Urgency.UPGRADE)) == [stalled.identity]
    assert chosen(replace(stalled, change=Urgency.EDIT)) == [stalled.identity]


def test_a_market_on_a_cordoned_node_is_due_until_its_template_is_newer() -> None:
    leaving = replace(market(), drain=NOW - SECOND, suspended=True)

    assert urgency(leaving, NOW) is Urgency.DRAIN
    assert desired_slot(leaving, NOW) == NOW - SECOND
    assert due_since(leaving, NOW) == NOW - SECOND
    assert urgency(replace(leaving, slot=NOW - SECOND), NOW) is None
    assert urgency(replace(leaving, drain=NOW + SECOND), NOW) is None


def test_a_drain_goes_before_upgrades_and_after_edits() -> None:
    leaving = replace(market(), drain=NOW)

    assert urgency(replace(leaving, change=Urgency.EDIT), NOW) is Urgency.EDIT
    assert urgency(replace(leaving, change=Urgency.UPGRADE), NOW) is Urgency.DRAIN


def test_stalled_replacements_do_not_use_up_the_budget() -> None:
    stalled = [replace(market(f"default/s{n}/spot/0", slot=-1), rotating=True, stalled=True) for n in range(5)]

    assert chosen(*stalled, market("default/due/spot/0", slot=-1)) == ["default/due/spot/0"]


def test_a_market_that_works_off_its_backlog_is_held_back() -> None:
    assert chosen(replace(market(slot=-1), held=True)) == []


def test_while_nats_is_away_only_an_edit_rolls() -> None:
    edited = replace(market("default/edited/spot/0"), change=Urgency.EDIT)

    assert chosen(market(slot=-1), edited, nats_away=True) == [edited.identity]


def test_the_budget_follows_from_the_intervals() -> None:
    assert budget([HALF_HOUR] * 4) == 2
    assert budget([HALF_HOUR] * 48) == 3
    assert budget([60 * SECOND] * 4) == 6
    assert budget([]) == 2
    assert budget([HALF_HOUR] * 48, rotation=ROTATION // 20) == 2


@st.composite
def fleets(draw: st.DrawFn) -> list[Market]:
    count = draw(st.integers(0, 30))
    return [
        Market(
            identity=f"default/c{n}/spot/0",
            exchange=draw(st.sampled_from(["binance", "phemex", "okx"])),
            interval=draw(st.sampled_from([60 * SECOND, 300 * SECOND, HALF_HOUR])),
            slot=draw(st.none() | st.integers(NOW - 10**14, NOW + 10**14)),
            change=draw(st.sampled_from([None, Urgency.EDIT, Urgency.UPGRADE])),
            rotate_after=draw(st.none() | st.integers(NOW - 10**14, NOW + 10**14)),
            suspended=draw(st.booleans()),
            rotating=draw(st.booleans()),
            stalled=draw(st.booleans()),
            held=draw(st.booleans()),
        )
        for n in range(count)
    ]


@given(fleets(), st.booleans())
def test_the_budget_is_never_exceeded_in_all_nor_per_exchange(fleet: list[Market], away: bool) -> None:
    started = {turn.identity for turn in turns(fleet, NOW, nats_away=away)}
    under_way = [each for each in fleet if each.rotating and not each.stalled]
    assert started.isdisjoint(each.identity for each in under_way)

    def within(members: list[Market]) -> bool:
        busy = sum(each in under_way for each in members)
        more = sum(each.identity in started for each in members)
        return more == 0 or busy + more <= budget([each.interval for each in members])

    assert within(fleet)
    assert all(within([each for each in fleet if each.exchange == name]) for name in ("binance", "phemex", "okx"))


@given(fleets())
def test_whoever_is_replaced_is_not_due_again_in_the_same_slot(fleet: list[Market]) -> None:
    by_identity = {each.identity: each for each in fleet}
    for turn in turns(fleet, NOW):
        after = replace(by_identity[turn.identity], slot=turn.slot, change=None, rotating=False)
        assert urgency(after, NOW) is None


@given(fleets(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_decides_nothing(fleet: list[Market], random: object) -> None:
    shuffled = list(fleet)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert turns(shuffled, NOW) == turns(fleet, NOW)
