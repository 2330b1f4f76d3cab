"""Whether readiness waits for the backlogs of a market's other pods."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from metdc_collector.readiness import Backlogs
from metdc_collector.wire.report import Backlog, Report
from tests.unit.collector.made import MOMENT, SECOND

INTERVAL = 15
PATIENCE = 300
UNJUDGED = ("the reports of the market's other pods, for 30 s after NATS connects",)
PEER = Report(
    namespace="default",
    collector="binance",
    exchange="binance",
    market="spot",
    shard=0,
    shards=1,
    pod="old",
    uid="1",
    slot="2026-11-23T10:00:00Z",
    started=MOMENT,
    at=MOMENT,
)


def pod(at: float, trades: int = 0, age: float | None = None, **fields: object) -> Report:
    """A peer's report, made ``at`` s after MOMENT, with so many trades undelivered, the oldest ``age`` s old."""
    made = MOMENT + int(at * SECOND)
    oldest = None if age is None else made - int(age * SECOND)
    return replace(PEER, at=made, backlog=Backlog(trades, 300 * trades, oldest), **fields)  # type: ignore[arg-type]


class Watch:
    """The backlogs as one pod sees them, NATS being connected since MOMENT unless ``connect`` says otherwise."""

    def __init__(self, *, shard: int = 0, shards: int = 1) -> None:
        self.backlogs = Backlogs(shard=shard, shards=shards, interval=INTERVAL, patience=PATIENCE)
        self.connected = MOMENT
        self.news: list[str] = []

    def connect(self, at: float) -> None:
        self.connected = MOMENT + int(at * SECOND)

    def look(self, at: float, *reports: Report) -> tuple[str, ...]:
        """Look at these reports ``at`` s after MOMENT; return what is waited for."""
        self.news += self.backlogs.look(reports, now=MOMENT + int(at * SECOND), connected=self.connected)
        return self.backlogs.waiting

    def fail(self, at: float) -> tuple[str, ...]:
        """Find the reports unreadable."""
        self.news += self.backlogs.look(None, now=MOMENT + int(at * SECOND), connected=self.connected)
        return self.backlogs.waiting


# -- when it is judged


def test_before_any_look_the_reports_are_waited_for() -> None:
    assert Watch().backlogs.waiting == UNJUDGED


def test_without_other_pods_nothing_is_waited_for_two_intervals_after_nats_connects() -> None:
    watch = Watch()
    assert [watch.look(at) for at in (0, 15, 29.9, 30)] == [UNJUDGED, UNJUDGED, UNJUDGED, ()]


def test_the_two_intervals_are_counted_from_when_nats_connects_however_late_that_is() -> None:
    watch = Watch()
    watch.connect(600)
    assert [watch.look(at) for at in (601, 629, 630)] == [UNJUDGED, UNJUDGED, ()]


def test_a_connection_that_breaks_before_the_verdict_begins_them_anew() -> None:
    watch = Watch()
    watch.look(20)
    watch.connect(25)
    assert [watch.look(at) for at in (31, 54, 55)] == [UNJUDGED, UNJUDGED, ()]


def test_a_backlog_that_is_known_before_is_named_at_once() -> None:
    assert Watch().look(1, pod(1, 12345, age=93)) == (
        "pod old to deliver its backlog of 12,345 trades, the oldest 93 s old",
    )


def test_a_backlog_that_is_delivered_before_the_verdict_leaves_only_the_wait_for_it() -> None:
    watch = Watch()
    watch.look(1, pod(1, 100, age=60))
    assert watch.look(16, pod(16)) == UNJUDGED
    assert watch.look(31, pod(31)) == ()


def test_reports_that_can_never_be_read_are_not_waited_for_beyond_that() -> None:
    watch = Watch()
    assert [watch.fail(at) for at in (0, 29, 30)] == [UNJUDGED, UNJUDGED, ()]


# -- what counts


def test_a_backlog_holds_until_it_is_delivered() -> None:
    watch = Watch()
    watch.look(30, pod(30, 500, age=40))
    assert watch.look(45, pod(45, 200, age=55)) == (
        "pod old to deliver its backlog of 200 trades, the oldest 55 s old",
    )
    assert watch.look(60, pod(60)) == ()
    assert watch.news == []


def test_what_a_healthy_pod_has_under_way_is_no_backlog() -> None:
    watch = Watch()
    assert watch.look(30, pod(30, 8000, age=0.2)) == ()
    assert watch.look(45, pod(45, 3, age=15)) == ()
    assert watch.look(60, pod(60, 3, age=15.1)) != ()


def test_ages_are_by_the_clock_of_the_pod_that_reports_them() -> None:
    watch = Watch()
    assert watch.look(30, pod(7200, 10, age=5)) == ()
    assert watch.look(45, pod(7215, 10, age=20)) == (
        "pod old to deliver its backlog of 10 trades, the oldest 20 s old",
    )


def test_each_pod_with_a_backlog_is_named() -> None:
    held = Watch().look(30, pod(30, 5, age=60), pod(30, pod="other"), pod(30, 1000, age=30, pod="third"))
    assert held == (
        "pod old to deliver its backlog of 5 trades, the oldest 60 s old",
        "pod third to deliver its backlog of 1,000 trades, the oldest 30 s old",
    )


def test_a_pod_that_has_said_farewell_or_is_forgotten_is_not_waited_for() -> None:
    watch = Watch()
    watch.look(30, pod(30, 500, age=40))
    assert watch.look(45) == ()


def test_a_report_that_is_not_renewed_for_three_intervals_counts_no_more() -> None:
    watch = Watch()
    dead = pod(20, 500, age=40)
    watch.look(21, dead)
    assert watch.look(65.9, dead) != ()
    assert watch.look(66, dead) == ()
    assert watch.look(81, pod(80, 500, age=100)) != (), "it has come back"


def test_another_shard_of_the_same_split_has_other_instruments() -> None:
    watch = Watch(shard=1, shards=3)
    assert watch.look(30, pod(30, 500, age=40, shard=0, shards=3)) == ()
    assert watch.look(45, pod(45, 500, age=40, shard=1, shards=3)) == (
        "pod old (shard 1 of 3) to deliver its backlog of 500 trades, the oldest 40 s old",
    )


def test_every_shard_of_another_split_may_have_ones_own_instruments() -> None:
    watch = Watch(shard=1, shards=3)
    assert watch.look(30, pod(30, 500, age=40, shard=0, shards=2)) == (
        "pod old (shard 0 of 2) to deliver its backlog of 500 trades, the oldest 40 s old",
    )


# -- what is not waited for any longer


def test_a_backlog_that_does_not_shrink_is_waited_for_five_minutes_and_that_is_told_once() -> None:
    watch = Watch()
    held = [bool(watch.look(at, pod(at, 500 + at, age=20 + at))) for at in range(1, 332, 15)]
    assert held == [at - 1 < PATIENCE for at in range(1, 332, 15)]
    size = "801 trades, the oldest 321 s old"
    assert watch.news == [f"the backlog of pod old, {size}, has not shrunk for 300 s and is not waited for any longer"]


def test_each_trade_fewer_begins_the_five_minutes_anew() -> None:
    watch = Watch()
    held = [bool(watch.look(at, pod(at, 100 - at // 300, age=20 + at))) for at in range(0, 3000, 15)]
    assert all(held)


def test_a_backlog_that_swings_without_coming_below_its_lowest_does_not_shrink() -> None:
    watch = Watch()
    held = [bool(watch.look(at, pod(at, 100 + at // 15 % 2, age=60))) for at in range(0, 331, 15)]
    assert held == [at < PATIENCE for at in range(0, 331, 15)]


def test_one_that_shrinks_again_after_all_is_waited_for_again() -> None:
    watch = Watch()
    for at in range(0, 301, 15):
        watch.look(at, pod(at, 500, age=60))
    assert watch.look(315, pod(315, 499, age=60)) == (
        "pod old to deliver its backlog of 499 trades, the oldest 60 s old",
    )
    assert [bool(watch.look(at, pod(at, 499, age=60))) for at in (600, 614.9, 615)] == [True, True, False]
    assert len(watch.news) == 2


def test_a_later_backlog_has_five_minutes_of_its_own() -> None:
    watch = Watch()
    watch.look(30, pod(30, 3, age=20))
    watch.look(45, pod(45))
    assert watch.look(400, pod(400, 90_000, age=60)) != ()
    assert watch.look(699, pod(699, 90_000, age=359)) != ()


def test_a_pod_that_is_started_anew_under_its_name_has_five_minutes_of_its_own() -> None:
    watch = Watch()
    for at in range(0, 301, 15):
        watch.look(at, pod(at, 500, age=60))
    assert watch.look(315, pod(315, 500, age=60, started=MOMENT + 310 * SECOND)) != ()


def test_the_five_minutes_are_counted_from_when_nats_connects() -> None:
    watch = Watch()
    watch.look(30, pod(30, 500, age=40))
    watch.connect(400)
    watch.look(401, pod(401, 9000, age=400))
    assert watch.look(699, pod(699, 9000, age=700)) != ()
    assert watch.look(700, pod(700, 9000, age=701)) == ()


# -- when NATS comes back


def test_a_verdict_stays_while_pods_may_not_have_renewed_their_reports() -> None:
    watch = Watch()
    assert watch.look(30) == ()
    watch.connect(400)
    assert watch.look(401, pod(401, 9000, age=300)) == ()
    assert watch.look(429, pod(429, 5000, age=300)) == ()
    assert watch.look(430, pod(430, 1000, age=300)) != ()
    assert watch.look(445, pod(445)) == ()


def test_who_was_held_when_nats_went_stays_held_until_it_is_judged_again() -> None:
    watch = Watch()
    held = watch.look(30, pod(30, 500, age=40))
    watch.connect(400)
    assert watch.look(401) == held
    assert watch.look(430) == ()


def test_while_reports_cannot_be_read_what_is_known_counts_as_long_as_a_report_does() -> None:
    watch = Watch()
    held = watch.look(30, pod(30, 500, age=40))
    assert [watch.fail(at) for at in (45, 74.9, 75)] == [held, held, ()]


@given(st.lists(st.integers(1, 10**6), min_size=40, max_size=40))
def test_no_two_pods_hold_each_other_for_ever_unless_the_backlogs_come_down(sizes: list[int]) -> None:
    """Whatever else a backlog does: five minutes after its last new low it holds nobody."""
    watch = Watch()
    low, since = sizes[0], 0
    for place, trades in enumerate(sizes):
        at = 15 * place
        if trades < low:
            low, since = trades, at
        held = bool(watch.look(at, pod(at, trades, age=60 + at)))
        assert held == (at - since < PATIENCE)
