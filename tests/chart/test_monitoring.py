"""Alerts, dashboard and PodMonitors name what exists, and alerts go off when they should, by Prometheus' own tool."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from metdc_operator.installation import Installation
from metdc_operator.manifests.deployment import deployment
from metdc_operator.validate import parse_text
from tests import tools
from tests.checks import metrics
from tests.checks.rendering import CHART, ROOT, Json, named, render

ON: dict[str, Any] = {
    "listings": {"enabled": True},
    "monitoring": {"podMonitor": {"enabled": True}, "rules": {"enabled": True}, "dashboard": {"enabled": True}},
}
COLLECTORS = {name for each in metrics.of_collectors() for name in each.samples}
OPERATOR = {name for each in metrics.of_operator() for name in each.samples}
WATCHER = {name for each in metrics.of_watcher() for name in each.samples}
MARKET = 'namespace="a",collector="binance",exchange="binance",market="spot",shard="0"'


def alerts(values: Mapping[str, Any] = ON) -> list[Json]:
    groups = named(render(values), "PrometheusRule")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[Json]:
    text = named(render(ON), "ConfigMap", "metdc-dashboard")["data"]["metdc.json"]
    found: list[Json] = json.loads(text)["panels"]
    return found


def expressions() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])
    text = (CHART / "files" / "dashboard.json").read_text(encoding="utf-8")
    yield from (each["query"]["query"] for each in json.loads(text)["templating"]["list"] if each["type"] == "query")
    yield from (rule["expr"] for rule in alerts())


def promtool(*words: object) -> None:
    done = subprocess.run(
        [str(word) for word in (tools.promtool(), *words)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("expression", list(expressions()))
def test_alerts_and_dashboard_name_only_metrics_that_are_served(expression: str) -> None:
    asked = set(re.findall(r"\bmetdc_\w+", expression))
    assert asked
    assert asked <= COLLECTORS | OPERATOR | WATCHER


def test_every_figure_of_the_dashboard_says_what_it_shows_and_has_its_own_place() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()]
    assert len(set(places)) == len(places) > 10
    assert [panel["title"] for panel in panels() if not panel["description"]] == []


def test_every_alert_is_explained_with_what_to_do() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [rule["alert"] for rule in alerts()]


def test_every_alert_has_a_severity_and_says_what_is_wrong() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_alerts_can_be_left_out_by_name() -> None:
    without = alerts(ON | {"monitoring": {"rules": {"enabled": True, "disabled": ["MetdcGapOpen"]}}})
    assert {rule["alert"] for rule in alerts()} - {rule["alert"] for rule in without} == {"MetdcGapOpen"}


def test_of_listings_there_are_alerts_only_where_they_are_watched() -> None:
    without = alerts({"monitoring": {"rules": {"enabled": True}}})
    left = {rule["alert"] for rule in alerts()} - {rule["alert"] for rule in without}
    assert left == {"MetdcListingsNotWatched", "MetdcListingsNotCaptured", "MetdcListingsNotUnderstood"}


def test_prometheus_takes_the_rules_and_the_dashboard_s_queries(tmp_path: Path) -> None:
    asked = [re.sub(r"\$\w+", "x", target["expr"]) for panel in panels() for target in panel["targets"]]
    recorded = [{"record": f"panel_{number}", "expr": query} for number, query in enumerate(asked)]
    groups = [*named(render(ON), "PrometheusRule")["spec"]["groups"], {"name": "dashboard", "rules": recorded}]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    promtool("check", "rules", tmp_path / "rules.yaml")


class Case(NamedTuple):
    """Series by the minute, and when the alert has to be silent and when to be heard."""

    alert: str
    series: dict[str, str]
    silent: list[int]
    heard: list[int]


def of(name: str, pod: str = "x", **more: str) -> str:
    """A series of a collector."""
    labels = "".join(f',{key}="{value}"' for key, value in more.items())
    return f'{name}{{{MARKET},pod="{pod}"{labels}}}'


def ready(namespace: str, pod: str = "a") -> str:
    """The series of a watcher that tells whether it is ready."""
    return f'metdc_listings_ready{{namespace="{namespace}",pod="{pod}"}}'


def understood(name: str, source: str = "markets") -> str:
    """A series of a watcher that counts what it has not understood."""
    return f'metdc_listings_{name}{{namespace="metdc",source="{source}"}}'


CASES = [
    Case("MetdcMarketNotReady", {of("metdc_ready"): "1x5 0x20"}, [5, 10], [12]),
    Case("MetdcMarketNotReady", {of("metdc_ready"): "0x20", of("metdc_ready", "y"): "1x20"}, [10, 20], []),
    Case("MetdcMarketGone", {of("metdc_ready"): "1x5 stale _x60"}, [5, 9, 45], [12, 30]),
    Case("MetdcMarketGone", {of("metdc_ready"): "1x5 stale _x60", of("metdc_ready", "y"): "_x4 1x60"}, [12, 30], []),
    Case(
        "MetdcNotStreaming",
        {of("metdc_symbols_streaming"): "431x5 430x30", of("metdc_symbols_wanted"): "431x35"},
        [5, 14],
        [17],
    ),
    Case(
        "MetdcNotStreaming",
        {
            of("metdc_symbols_streaming"): "0x30",
            of("metdc_symbols_wanted"): "431x30",
            of("metdc_symbols_streaming", "y"): "431x30",
        },
        [20],
        [],
    ),
    Case("MetdcRegionBlocked", {of("metdc_connections_failed"): "0x3 2x20"}, [3, 8], [10]),
    Case("MetdcNatsDisconnected", {of("metdc_nats_connected"): "1x5 0x5"}, [5, 6], [8]),
    Case("MetdcSpoolFilling", {of("metdc_backlog_bytes"): "100000000x5 200000000x5"}, [5, 6], [8]),
    Case("MetdcGapOpen", {of("metdc_gaps_open"): "0x5 1x60"}, [5, 35], [37]),
    Case("MetdcGapUnfillable", {of("metdc_gaps_unfillable_total"): "0x5 1x5"}, [5], [6]),
    Case("MetdcFramesMalformed", {of("metdc_frames_malformed_total"): "0x5 1x5 2x60"}, [5, 9, 60], [14]),
    Case(
        "MetdcStreamNearFull",
        {of("metdc_stream_bytes"): "85x5 95x30", of("metdc_stream_max_bytes"): "100x35"},
        [5, 20],
        [22],
    ),
    Case("MetdcStreamNearFull", {of("metdc_stream_bytes"): "95x30", of("metdc_stream_max_bytes"): "0x30"}, [30], []),
    Case("MetdcStreamNotInSync", {of("metdc_stream_in_sync"): "0x30"}, [14], [16]),
    Case("MetdcOperatorDown", {'metdc_operator_lease_held{namespace="metdc"}': "1x5 stale _x20"}, [5, 10], [12]),
    Case("MetdcOperatorDown", {'metdc_operator_lease_held{namespace="metdc",pod="a"}': "0x20"}, [4], [6]),
    Case("MetdcOperatorDown", {'metdc_operator_lease_held{namespace="other"}': "1x20"}, [4], [6]),
    Case("MetdcRotationStalled", {'metdc_operator_rotations_stalled{namespace="metdc"}': "0x5 1x20"}, [5, 10], [12]),
    Case(
        "MetdcRotationOverdue",
        {'metdc_operator_rotation_overdue_seconds{namespace="metdc"}': "1800x5 1801x20"},
        [5, 10],
        [12],
    ),
    Case(
        "MetdcReconcileFailing",
        {
            'metdc_operator_reconcile_total{namespace="metdc",result="done"}': "0+10x60",
            'metdc_operator_reconcile_total{namespace="metdc",result="failed"}': "0x5 1+1x20 21x40",
        },
        [5, 14, 60],
        [17],
    ),
    Case("MetdcListingsNotWatched", {ready("metdc"): "1x5 stale _x20"}, [5, 10], [12]),
    Case("MetdcListingsNotWatched", {ready("metdc"): "1x5 0x20"}, [5, 10], [12]),
    Case("MetdcListingsNotWatched", {ready("metdc", "a"): "0x20", ready("metdc", "b"): "1x20"}, [4, 10], []),
    Case("MetdcListingsNotWatched", {ready("other"): "1x20"}, [4], [6]),
    Case(
        "MetdcListingsNotCaptured",
        {'metdc_listings_captures_waiting{namespace="metdc"}': "0x5 1x1 0x5 2x5"},
        [5, 7, 9, 15],
        [16, 18],
    ),
    Case(
        "MetdcListingsNotUnderstood",
        {understood("not_understood_total"): "7x5 8x80", understood("malformed_total"): "0x90"},
        [5, 70],
        [6, 60],
    ),
    Case(
        "MetdcListingsNotUnderstood",
        {
            understood("not_understood_total"): "7x90",
            understood("malformed_total", source="announcements"): "0x5 1x80",
            understood("malformed_total", source="markets"): "0x90",
        },
        [5, 70],
        [6, 60],
    ),
]


def test_every_alert_is_tried() -> None:
    assert {case.alert for case in CASES} == {rule["alert"] for rule in alerts()}
    assert {case.alert for case in CASES if case.heard} == {rule["alert"] for rule in alerts()}


@pytest.mark.parametrize("case", CASES, ids=[f"{case.alert}-{number}" for number, case in enumerate(CASES)])
def test_an_alert_goes_off_when_it_should_and_not_before(case: Case, tmp_path: Path) -> None:
    rules = [rule for rule in alerts() if rule["alert"] == case.alert]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": rules}]}))
    asked = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    tests = [
        {"expr": asked, "eval_time": f"{minute}m", "exp_samples": [{"value": 1}] if minute in case.heard else []}
        for minute in (*case.silent, *case.heard)
    ]
    series = [{"series": name, "values": values} for name, values in case.series.items()]
    unit = {"interval": "1m", "input_series": series, "promql_expr_test": tests}
    text = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [unit]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(text))
    promtool("test", "rules", tmp_path / "tests.yaml")


def test_an_alert_names_the_market_and_the_resource(tmp_path: Path) -> None:
    rules = [rule for rule in alerts() if rule["alert"] == "MetdcSpoolFilling"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": rules}]}))
    labels = {"namespace": "a", "collector": "binance", "exchange": "binance", "market": "spot", "shard": "0"}
    told = {
        "summary": "binance spot fills its spool",
        "description": "ExchangeCollector a/binance, shard 0: 256MiB wait for NATS. Past spec.spool.maxBytes (1Gi) the "
        "oldest trades are given up.",
    }
    wanted = {"exp_labels": labels | {"severity": "warning"}, "exp_annotations": told}
    unit = {
        "interval": "1m",
        "input_series": [{"series": of("metdc_backlog_bytes"), "values": f"{256 * 1024**2}x5"}],
        "alert_rule_test": [{"eval_time": "3m", "alertname": "MetdcSpoolFilling", "exp_alerts": [wanted]}],
    }
    text = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [unit]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump(text))
    promtool("test", "rules", tmp_path / "tests.yaml")


def test_a_podmonitor_finds_the_pods_that_the_operator_makes() -> None:
    monitor = named(render(ON), "PodMonitor", "metdc-collectors")["spec"]
    manifest = "{apiVersion: metdc.io/v1alpha1, kind: ExchangeCollector, metadata: {name: binance, namespace: a}, "
    (resource,), _ = parse_text(manifest + "spec: {exchange: binance, markets: [{name: spot}]}}")
    part = next(resource.parts())
    pod = deployment(resource, part, slot="2026-11-27T00:00:00Z", installation=Installation())["spec"]["template"]
    assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
    (relabelling,) = endpoint["relabelings"]
    (source,) = relabelling["sourceLabels"]
    labels = {f"__meta_kubernetes_pod_label_{re.sub(r'[^a-zA-Z0-9]', '_', name)}" for name in pod["metadata"]["labels"]}
    assert source in labels


def test_a_podmonitor_finds_the_operator() -> None:
    objects = render(ON)
    monitor = named(objects, "PodMonitor", "metdc-operator")["spec"]
    template = named(objects, "Deployment", "metdc-operator")["spec"]["template"]
    assert monitor["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


def test_of_one_namespace_no_other_is_scraped() -> None:
    monitor = named(render(ON | {"clusterWide": False, "namespaces": ["b"]}), "PodMonitor", "metdc-collectors")
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": ["metdc", "b"]}
