"""What the bench writes into the document: a scene's part, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench import page
from tests.bench.__main__ import SCENES, Sizes, arguments, concluded, sizes_of

AGES = {"p50": 0.5, "p99": 9.0, "max": 12.0}
RUN = {"cpu_us": 20.0, "age_ms": AGES, "behind": 0.0}
RESULT: dict[str, Any] = {
    "compare": {
        "bare": {"trades_per_second": 100_000, "cpu_us": 0.4},
        "collector": {"trades_per_second": 50_000, "cpu_us": 18.0, "5000": RUN},
        "lost": 0,
        "ratios": {"ceiling": 0.5, "by_cpu": {}},
    },
    "alone": {
        **{name: RUN | {"sent": 10, "lost": 0, "repeated": 0, "catch_up_s": 0.1} for name in ("steady", "bursts")},
        "symbols": 500,
        "rate": 30_000,
        "seconds": 60,
    },
    "memory": {
        "at_rest_mib": 36.0,
        "tls": {"1": 40.0, "each_mib": 0.4},
        "loaded_mib": 58.0,
        "flat": 1.1,
        "rate": 5_000,
        "loaded": {"2300": {"cpu_us": 60.0, "mib": 58.0, "behind": 0.0}},
    },
    "isolation": {
        "venue": "binance.futures",
        "others": 11,
        "lost": 0,
        "repeated": 0,
        "reconnects": 0,
        "quiet_age_ms": AGES,
        "ways": {"reset": {"struck": 1, "seconds": 3.0, "age_ms": AGES, "age_ratio": 1.0}},
        "worst_age_ratio": 1.0,
    },
    "twelve": {"connections": 120, "highest": 4_000, "rates": {"4000": {"age_ms": AGES}}, "lost": 0, "repeated": 0},
}


def test_every_scene_has_a_part_in_the_document() -> None:
    text = Path(page.PAGE).read_text(encoding="utf-8")
    assert set(page.PARTS) == set(SCENES)
    for scene in SCENES:
        assert page.replaced(text, scene, "new") != text


@pytest.mark.parametrize("scene", SCENES)
def test_a_part_tells_its_command_its_figures_and_its_own_targets(scene: str) -> None:
    result = concluded(RESULT)
    assert result["ok"]
    part = page.part(scene, result, "of today")
    assert f'make bench ARGS="--only {scene}"' in part
    shown = [one["target"] for one in result["targets"] if one["target"] in part]
    assert shown == [one["target"] for one in result["targets"] if one["path"].startswith(scene)]
    tables = [line for line in part.splitlines() if line.startswith("|")]
    assert tables


def test_only_what_was_measured_is_written(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(
        "head\n<!-- alone -->\nold\n<!-- /alone -->\nbetween\n<!-- memory -->\nold\n<!-- /memory -->\nend\n"
    )
    page.write(file, concluded({"alone": RESULT["alone"]}), "a machine", "long 60")
    text = file.read_text()
    assert text.startswith("head\n<!-- alone -->\n")
    assert "a machine; long 60." in text
    assert "30,000/s, 60 s" in text
    assert text.endswith("<!-- /alone -->\nbetween\n<!-- memory -->\nold\n<!-- /memory -->\nend\n")


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for alone"):
        page.replaced("text", "alone", "new")


def test_a_late_generator_makes_a_result_invalid_and_a_lost_trade_makes_it_red() -> None:
    late = concluded({"compare": {"collector": {"1000": {"behind": 0.06}}}})
    assert (late["ok"], late["invalid"]) == (False, ["compare.collector.1000"])
    lost = concluded({"compare": {"lost": 1}})
    assert (lost["ok"], lost["problems"]) == (False, ["compare: 1 trades lost"])


def test_a_result_without_a_scene_that_was_asked_for_is_not_ok() -> None:
    assert not concluded({"alone": RESULT["alone"], "failed": {"memory": "the collector ended"}})["ok"]


def test_sizes_of_the_short_form_give_way_to_those_that_are_named() -> None:
    sizes = sizes_of(arguments().parse_args(["--short", "--seconds", "4", "--trades", "10"]))
    assert (sizes.seconds, sizes.trades, sizes.rounds) == (4, 10, 1)
    assert sizes_of(arguments().parse_args([])) == Sizes()
