"""What goes on in one market's shard."""

from dataclasses import replace
from typing import Any

from metdc_collector.wire import report as reports
from metdc_collector.wire.report import Handover
from metdc_operator.judgement import Judgement, Read
from metdc_operator.observation import Reason, Rotation, Trouble
from metdc_operator.resource import Resource
from metdc_operator.rotation import Urgency
from metdc_operator.times import render
from tests.unit.operator.examples import HANDOVER, NOW, SECOND, report, resource
from tests.unit.operator.objects import judged, raw_deployment, raw_pod

QUIET: dict[str, Any] = {"last": None, "refused": None}


def surging(wanted: Resource | None = None, *pods: Any, **status: Any) -> Judgement:
    """A market whose new pod is to take over from an old one."""
    wanted = wanted or resource()
    old, new = raw_deployment(wanted, slot=NOW - SECOND), raw_deployment(wanted, slot=NOW, replicas=2, **status)
    both = pods or (raw_pod(old, "old"), young(new))
    return judged(wanted, new, *both)


def young(deployed: Any, **more: Any) -> Any:
    """A pod that is not ready, made a minute ago."""
    made = {"creationTimestamp": render(NOW - 60 * SECOND)}
    return raw_pod(deployed, "new", metadata=made, status={"conditions": []} | more)


def test_a_market_is_due_by_its_slot_and_its_change() -> None:
    view = judged(resource(), raw_deployment(resource(), slot=NOW)).market(NOW)
    assert view is not None
    assert (view.slot, view.change, view.rotating, view.stalled) == (NOW, None, False, False)

    edited = replace(resource("  symbols: {include: [BTC]}"), generation=2)
    waiting = judged(edited, raw_deployment(resource()))
    changed = waiting.market(NOW)
    assert changed is not None
    assert changed.change is Urgency.EDIT
    withheld = waiting.market(NOW, waits=True)
    assert withheld is not None
    assert withheld.change is None


def test_what_an_upgrade_changes_is_no_edit() -> None:
    upgraded = judged(replace(resource("  symbols: {include: [BTC]}")), raw_deployment(resource()))
    view = upgraded.market(NOW)
    assert view is not None
    assert view.change is Urgency.UPGRADE


def test_without_a_deployment_or_pods_there_is_nothing_to_take_turns_for() -> None:
    empty = raw_deployment(resource(), replicas=0, updatedReplicas=0, availableReplicas=0)
    empty["spec"]["replicas"] = 0
    suspended = resource("  suspend: true")

    assert judged(resource()).market(NOW) is None
    assert judged(resource(), empty).market(NOW) is None
    assert judged(suspended, raw_deployment(suspended)).market(NOW) is None
    assert not judged(suspended, raw_deployment(suspended)).surging
    assert not judged(resource()).surging
    assert not judged(resource()).rotating(NOW)
    assert judged(resource()).blocked(NOW) is None


def test_a_replacement_is_under_way_until_the_old_pod_has_ended() -> None:
    assert surging().rotating(NOW)
    deployed = raw_deployment(resource())
    ending = raw_pod(deployed, metadata={"deletionTimestamp": render(NOW - 29 * SECOND)})
    assert judged(resource(), deployed, ending).rotating(NOW)
    assert not judged(resource(), deployed, ending).rotating(NOW + SECOND)  # its node is dead


def test_a_first_start_counts_as_a_replacement_while_it_may_last() -> None:
    starting = raw_deployment(resource(), availableReplicas=0)
    starting["metadata"]["creationTimestamp"] = render(NOW - 60 * SECOND)

    assert judged(resource(), starting).rotating(NOW)
    assert not judged(resource(), starting).rotating(NOW + 600 * SECOND)


def test_a_successor_in_trouble_stalls_after_a_while_and_one_that_is_slow_when_its_time_is_up() -> None:
    pulling = {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "gone"}}}]}
    new = raw_deployment(resource(), replicas=2)
    old = raw_pod(raw_deployment(resource(), slot=NOW - SECOND), "old")
    look = judged(resource(), new, old, young(new, **pulling))

    assert look.blocked(NOW - 31 * SECOND) is None
    stalled = look.blocked(NOW)
    assert stalled is not None
    assert stalled.reason is Reason.IMAGE_NOT_FOUND
    assert look.seen(NOW, **QUIET).stalled == stalled

    slow = surging(conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}])
    waits = replace(slow, reads={"uid-new": Read(report(waiting=("its first acknowledgement",)))})
    assert "waits for its first acknowledgement" in str(waits.blocked(NOW))
    assert "waits for its first report" in str(replace(slow, reads={}).blocked(NOW))
    assert "no pod of the current template" in str(replace(slow, pods=()).blocked(NOW))


def test_a_successor_whose_volumes_lack_something_stalls() -> None:
    missing = Trouble(Reason.SECRET_MISSING, "new: secret x not found")

    assert replace(surging(), missing={"uid-new": missing}).blocked(NOW) == missing


def test_a_refused_pod_stalls_at_once_and_only_beside_one_that_goes_on() -> None:
    quota = [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: full"}]
    refused = surging(conditions=quota)

    assert refused.seen(NOW, **QUIET).stalled == refused.blocked(NOW)
    alone = replace(refused, pods=refused.pods[1:])
    assert alone.seen(NOW, **QUIET).stalled is None
    assert alone.seen(NOW, **QUIET).trouble == alone.blocked(NOW)


def test_a_shrinking_old_backlog_holds_the_rotation() -> None:
    deployed = raw_deployment(resource())

    def look(trades: int, before: int | None, age: int, **pod: Any) -> bool:
        backlog = reports.Backlog(trades=trades, oldest=NOW - age * SECOND)
        former = reports.Backlog(trades=before) if before is not None else None
        reads = {"uid-a": Read(report(backlog=backlog), former)}
        return judged(resource(), deployed, raw_pod(deployed, "a", **pod), reads=reads).held(NOW)

    assert look(10, 20, 11)
    assert not look(20, 20, 11)
    assert not look(10, 20, 9)
    assert not look(10, None, 11)
    assert not look(10, 20, 11, status={"conditions": []})
    assert not replace(judged(resource(), deployed, raw_pod(deployed)), reads={}).held(NOW)


def test_a_pod_on_a_cordoned_node_is_to_leave_it() -> None:
    deployed = raw_deployment(resource())
    staying, leaving = raw_pod(deployed), raw_pod(deployed, metadata={"deletionTimestamp": render(NOW)})

    assert judged(resource(), deployed, staying, cordoned={"node1": NOW}).drain == NOW
    assert judged(resource(), deployed, staying, cordoned={"node2": NOW}).drain is None
    assert judged(resource(), deployed, leaving, cordoned={"node1": NOW}).drain is None
    assert judged(resource(), deployed, staying).drain is None


def test_the_status_sees_pods_with_what_they_lack() -> None:
    deployed = raw_deployment(resource())
    missing = Trouble(Reason.SECRET_MISSING, "a: secret x not found")
    both = raw_pod(deployed, "a"), raw_pod(deployed, "b")
    seen = judged(resource(), deployed, *both, reads={}, missing={"uid-a": missing}).seen(NOW, **QUIET)

    assert [pod.trouble for pod in seen.pods] == [missing, None]
    assert [pod.report for pod in seen.pods] == [None, None]
    assert not seen.rotating
    assert seen.next is not None
    assert judged(resource()).seen(NOW, **QUIET).next is None


def test_a_name_that_is_taken_and_a_deployment_that_is_refused_are_told() -> None:
    refused = Trouble(Reason.NOT_CREATED, "no")

    taken = judged(resource(), foreign="").seen(NOW, **QUIET).trouble
    assert taken is not None
    assert taken.reason is Reason.NAME_TAKEN
    assert judged(resource()).seen(NOW, last=None, refused=refused).trouble == refused


def test_the_last_replacement_is_the_one_that_ends_or_the_one_that_is_remembered() -> None:
    new = raw_deployment(resource())
    old = raw_pod(raw_deployment(resource(), slot=NOW - SECOND), "old", metadata={"deletionTimestamp": render(NOW)})
    before = Rotation(slot="", old="x", new="y", finished=1)
    look = judged(resource(), new, old, raw_pod(new, "new"))
    remembering: dict[str, Any] = {"last": before, "refused": None}

    last = look.seen(NOW, **remembering).last
    assert last is not None
    assert (last.old, last.new, last.finished, last.handover) == ("old", "new", NOW - 60 * SECOND, None)
    assert replace(look, reads={}).seen(NOW, **remembering).last == last
    assert replace(look, pods=look.pods[1:]).seen(NOW, **remembering).last == before


def test_a_replacement_is_told_with_its_proof_or_a_minute_later_without() -> None:
    new = raw_deployment(resource())
    old = raw_pod(raw_deployment(resource(), slot=NOW - SECOND), "old", metadata={"deletionTimestamp": render(NOW)})
    young = raw_pod(new, "new")

    def last(handover: Handover, at: int) -> Rotation | None:
        reads = {"uid-new": Read(report(pod="new", handover=handover))}
        return judged(resource(), new, old, young, reads=reads).seen(at, **QUIET).last

    assert last(replace(HANDOVER, final=False), NOW - SECOND) is None
    later = last(replace(HANDOVER, final=False), NOW)
    assert later is not None
    assert (later.old, later.new, later.finished, later.handover) == ("old", "new", NOW - 60 * SECOND, None)
    proven = last(HANDOVER, NOW)
    assert proven is not None
    assert (proven.old, proven.new, proven.finished, proven.handover) == ("old", "new", NOW, HANDOVER)


def test_what_was_told_of_a_replacement_stays_once_the_old_pod_has_ended() -> None:
    new = raw_deployment(resource())
    old = raw_pod(raw_deployment(resource(), slot=NOW - SECOND), "old", metadata={"deletionTimestamp": render(NOW)})
    ended = judged(resource(), new, raw_pod(new, "new"), left=judged(resource(), new, old).pods[0])

    first = ended.seen(NOW, **QUIET).last
    assert first is not None
    assert (first.old, first.new) == ("old", "new")
    told = replace(first, finished=7)
    assert ended.seen(NOW, last=told, refused=None).last == told
    assert ended.seen(NOW, last=replace(told, old="older"), refused=None).last == first
    ending = judged(resource(), new, old, raw_pod(new, "new"))
    assert ending.seen(NOW, last=told, refused=None).last == first
