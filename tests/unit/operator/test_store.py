"""What the watches have shown."""

from dataclasses import replace

from metdc_operator import records
from metdc_operator.observation import Reason, Trouble
from metdc_operator.plan import Check
from metdc_operator.reconcile.store import Shelf, Store
from metdc_operator.resource import Part
from tests.unit.operator.examples import resource
from tests.unit.operator.objects import SPOT, raw_deployment


def found(version: int = 10, *, uid: str = "d1", part: Part = SPOT) -> records.Deployment:
    record = records.deployment(raw_deployment(resource(), part))
    return replace(record, meta=replace(record.meta, version=version, uid=uid))


def test_an_older_record_replaces_no_newer_one() -> None:
    shelf = Store().deployments
    first, later = found(10), found(11)

    assert shelf.put(first) is first
    assert shelf.put(later) is first
    assert shelf.put(first) is None
    assert shelf.get(("default", "binance-spot-0")) is later
    assert shelf.of(("default", "binance")) == [later]
    assert list(shelf) == [later]


def test_what_has_gone_is_forgotten_but_not_its_successor() -> None:
    shelf = Store().deployments
    shelf.put(found(10))
    assert shelf.drop(found(12)) == found(10)
    assert shelf.drop(found(12)) is None
    assert (len(shelf), shelf.of(("default", "binance"))) == (0, [])

    shelf.put(found(20, uid="d2"))
    assert shelf.drop(found(15, uid="d1")) is None
    assert len(shelf) == 1


def test_a_list_shows_what_a_watch_has_missed() -> None:
    shelf: Shelf[records.Deployment] = Store().deployments
    gone, known, young = found(10), found(11, part=Part("spot", 1, 2)), found(99, part=Part("spot", 2, 3))
    for each in (gone, known, young):
        shelf.put(each)
    newer = replace(known, meta=replace(known.meta, version=12))
    unseen = found(13, part=Part("spot", 3, 4))

    assert shelf.differences([newer, unseen], 50) == ([newer, unseen], [gone])
    assert shelf.differences([gone, known, young], 50) == ([], [])


def test_what_was_found_out_goes_with_the_object() -> None:
    store = Store()
    store.missing["d1"] = Trouble(Reason.SECRET_MISSING, "x")
    store.checks["d1"] = Check(3, template=False, shell=False)
    store.forget("d1")
    store.forget("d2")

    assert (store.missing, store.checks) == ({}, {})
