"""Many specs, good and bad, over all fields and rules of the definition: how the local validator judges each."""

import copy

import pytest

from metdc_operator.validate import check
from tests.specs import definition
from tests.specs.breaches import BREACHES
from tests.specs.generate import Spec, bad, good, of_the_spec

GOOD, BAD = good(), bad()
RULES = [
    (path, rule["message"])
    for path, schema in definition.fields(definition.root())
    for rule in schema.get("x-kubernetes-validations", ())
    if "oldSelf" not in rule["rule"]
]


@pytest.mark.parametrize("spec", GOOD, ids=lambda spec: spec.name)
def test_a_good_spec_is_accepted(spec: Spec) -> None:
    assert check(copy.deepcopy(spec.manifest)) == []


@pytest.mark.parametrize("spec", BAD, ids=lambda spec: spec.name)
def test_a_bad_spec_is_refused_for_its_field_and_by_the_rule_that_forbids_it(spec: Spec) -> None:
    problems = check(copy.deepcopy(spec.manifest))

    fields = {problem.path for problem in problems}
    assert spec.field in fields
    assert [each for each in fields if not (each.startswith(spec.field) or spec.field.startswith(each))] == []
    assert not spec.message or spec.message in {problem.message for problem in problems}


def test_there_are_enough_of_both() -> None:
    assert len({spec.name for spec in GOOD}) == len(GOOD) >= 50
    assert len({spec.name for spec in BAD}) == len(BAD) >= 100


def test_every_field_and_every_rule_is_broken_at_least_once() -> None:
    names = [spec.name.rpartition("-")[0] or spec.name for spec in BAD]

    assert [path for path, _ in of_the_spec() if not any(name.startswith(f"{path}: ") for name in names)] == []
    assert [rule for rule in RULES if f"{rule[0]}: {rule[1]}" not in names] == []
    assert BREACHES.keys() - {message for _, message in RULES} == set()


def test_the_same_seed_makes_the_same_specs_and_another_one_others() -> None:
    assert (good(1), bad(1)) == (good(1), bad(1))
    assert bad(1) != bad(2)
