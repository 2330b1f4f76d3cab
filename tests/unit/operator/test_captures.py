"""What a ListingCapture's Job is made of, and what its status tells."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
import yaml

from metdc_collector.wire.capture import LAST_WORDS, Absent, Captured, CaptureReport, Span, encode
from metdc_operator import cel, records
from metdc_operator.captures.capture import KIND, Capture, capture
from metdc_operator.captures.manifests import job, labels_of, network_policy
from metdc_operator.captures.news import news
from metdc_operator.captures.state import Seen, failure, newest, said, status
from metdc_operator.installation import Captures, Installation, parse
from metdc_operator.notices import record
from metdc_operator.observation import Reason, Trouble
from metdc_operator.records import PodRecord
from tests.unit.operator.examples import SECOND
from tests.unit.operator.test_resource_definition import CAPTURE

AT = 1_795_744_800 * SECOND
CREATED = "2026-11-27T02:00:03Z"
NATS = {"urls": ["nats://metdc-nats.metdc:4222"], "inboxPrefix": "_INBOX_collector"}
OWN = {"urls": ["nats://metdc-nats.metdc:4222"], "credentialsSecretRef": {"name": "metdc-nats-listings"}}
INSTALLATION = Installation(nats=NATS, captures=Captures(image="metdc/listings:1", nats=OWN))


def made(status: dict[str, Any] | None = None, **spec: Any) -> Capture:
    metadata = {"name": "somi", "namespace": "metdc", "uid": "u1", "resourceVersion": "7", "generation": 1}
    wanted = {"base": "SOMI", "at": "2026-11-27T02:00:00Z", "before": "20s", "after": "20s"} | spec
    wanted = {name: value for name, value in wanted.items() if value is not None}
    return capture({"metadata": metadata | {"creationTimestamp": CREATED}, "spec": wanted, "status": status})


def container(found: Capture, installation: Installation = INSTALLATION) -> dict[str, Any]:
    (one,) = job(found, installation)["spec"]["template"]["spec"]["containers"]
    return dict(one)


def report(**parts: Any) -> CaptureReport:
    lacks = (Span("gap", AT, AT + SECOND, open=True),)
    held = CaptureReport(
        name="SOMI-20261127T020000Z",
        base="SOMI",
        at=AT,
        start=AT - 20 * SECOND,
        end=AT + 20 * SECOND,
        state="captured",
        completeness="Provisional",
        made=AT + 21 * SECOND,
        bucket="metdc_captures",
        summary="binance.spot.SOMI-USDT moved first.",
        trades=1207,
        traded=1,
        gaps=1,
        absent=2,
        markets=(
            Captured("binance.spot", "SOMIUSDT", "SOMI-USDT", 1207, lacks),
            Captured("okx.spot", "SOMI-USDT", "SOMI-USDT", 0),
        ),
        missing=(Absent("gate.spot", "not_listed", "it was not there"), Absent("okx.futures", "not_collected")),
    )
    return replace(held, **parts)


BEGUN = CaptureReport("SOMI-20261127T020000Z", "SOMI", AT, AT - 20 * SECOND, AT + 20 * SECOND)


def of(seen: Seen, found: Capture | None = None, now: int = AT) -> dict[str, Any]:
    return status(found or made(), seen, now)


def conditions(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in found["conditions"]}


def test_the_fake_listing_is_a_capture_of_now() -> None:
    manifest = yaml.safe_load((CAPTURE.file.parents[1] / "config" / "samples" / "fake-listing.yaml").read_text())
    assert (manifest["kind"], "at" in manifest["spec"]) == (KIND, False)
    jsonschema.validate(manifest, CAPTURE.root)
    assert cel.check(manifest, CAPTURE.root) == []


# -- what is made


def test_the_job_runs_the_command_for_exactly_this_window() -> None:
    assert container(made(before="30s", markets=["okx", "binance.spot"]))["args"] == [
        "capture",
        "--at=2026-11-27T02:00:00Z",
        "--before=30s",
        "--after=20s",
        "--wait",
        "--market=okx",
        "--market=binance.spot",
        "--nats=nats://metdc-nats.metdc:4222",
        "--http=0.0.0.0:8080",
        "--last-words=/dev/termination-log",
        "--",
        "SOMI",
    ]


def test_without_a_moment_it_is_when_the_resource_was_created() -> None:
    found = made(at=None)
    assert "--at=2026-11-27T02:00:03Z" in container(found)["args"]
    assert (found.start, found.end) == (AT - 17 * SECOND, AT + 23 * SECOND)
    assert found.key == ("metdc", "somi")


def test_the_job_ends_in_time_is_kept_a_day_and_is_not_tried_again_where_that_is_of_no_use() -> None:
    spec = job(made(after="10m"), INSTALLATION)["spec"]
    assert spec["activeDeadlineSeconds"] == 597 + 3600
    assert job(made(at="2026-11-26T02:00:00Z"), INSTALLATION)["spec"]["activeDeadlineSeconds"] == 3600
    assert (spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (6, 86_400)
    codes, disruption = spec["podFailurePolicy"]["rules"]
    assert (codes["action"], codes["onExitCodes"]["values"]) == ("FailJob", [2, 3])
    assert disruption["action"] == "Ignore"


def test_the_pod_is_restricted_has_no_token_and_belongs_to_the_capture() -> None:
    made_job = job(made(), INSTALLATION)
    pod = made_job["spec"]["template"]["spec"]
    assert (pod["restartPolicy"], pod["automountServiceAccountToken"]) == ("Never", False)
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (owner,) = made_job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == (KIND, "u1", True)
    labels = made_job["spec"]["template"]["metadata"]["labels"]
    assert labels == made_job["metadata"]["labels"]
    assert labels.items() >= labels_of(made()).items()
    assert labels["metdc.io/operator"] == "metdc"


def test_nats_is_the_captures_own_else_that_of_captures_else_that_of_the_installation() -> None:
    (nats,) = job(made(), INSTALLATION)["spec"]["template"]["spec"]["volumes"]
    assert nats["projected"]["sources"] == [{"secret": {"name": "metdc-nats-listings"}}]
    assert container(made())["env"] == [{"name": "METDC_NATS_CREDENTIALS", "value": "/var/run/metdc/nats"}]
    own = made(nats={"urls": ["tls://a:1"], "jetStreamDomain": "hub", "tls": {"handshakeFirst": True}})
    assert container(own)["env"] == [
        {"name": "NATS_DOMAIN", "value": "hub"},
        {"name": "NATS_HANDSHAKE_FIRST", "value": "true"},
    ]
    assert "--nats=tls://a:1" in container(own)["args"]
    of_collectors = container(made(nats={"jetStreamDomain": "hub"}), Installation(nats=NATS))
    assert [each["name"] for each in of_collectors["env"]] == ["NATS_INBOX_PREFIX", "NATS_DOMAIN"]
    assert "volumeMounts" not in of_collectors


def test_image_resources_and_pull_secrets_are_the_installation_s() -> None:
    text = """
        imagePullSecrets: [{name: registry}]
        captures: {image: a/b:c, imagePullPolicy: Always, resources: {limits: {memory: 1Gi}}}
    """
    installation = parse(yaml.safe_load(text))
    one = container(made(), installation)
    assert (one["image"], one["imagePullPolicy"], one["resources"]) == (
        "a/b:c",
        "Always",
        {"limits": {"memory": "1Gi"}},
    )
    assert job(made(), installation)["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert "resources" not in container(made())


def test_the_policy_lets_the_pod_out_to_nats_and_dns_alone_and_the_operator_in() -> None:
    found = network_policy(made(nats={"urls": ["nats://a:4333", "nats://b", "nats://[::1"]}), INSTALLATION)
    assert found["spec"]["podSelector"]["matchLabels"] == labels_of(made())
    dns, nats = found["spec"]["egress"]
    assert {each["port"] for each in dns["ports"]} == {53}
    assert [each["port"] for each in nats["ports"]] == [4222, 4333]
    assert found["spec"]["ingress"][0]["from"] == list(INSTALLATION.report_clients)
    assert found["metadata"]["name"] == job(made(), INSTALLATION)["metadata"]["name"] == "capture-somi"


# -- what is told


def test_a_status_of_every_kind_is_one_that_the_definition_takes() -> None:
    schema = CAPTURE.root["properties"]["status"]
    troubled = Seen(trouble=Trouble(Reason.IMAGE_NOT_FOUND, "no such image"))
    for seen in (Seen(), Seen(BEGUN), Seen(report()), troubled, Seen(failure=("DeadlineExceeded", ""))):
        found = of(seen)
        jsonschema.validate(found, schema)
        assert set(found) <= set(schema["properties"])


@pytest.mark.parametrize(
    ("seen", "phase", "reason"),
    [
        (Seen(), "Pending", "Starting"),
        (Seen(trouble=Trouble(Reason.UNSCHEDULABLE, "fits on no node")), "Pending", "Unschedulable"),
        (Seen(BEGUN), "Waiting", "Waiting"),
        (Seen(replace(BEGUN, state="reading")), "Reading", "Reading"),
        (Seen(replace(BEGUN, state="failed", message="NATS is away")), "Pending", "Retrying"),
        (Seen(report()), "Captured", "Captured"),
        (Seen(replace(BEGUN, state="refused", reason="UnknownCoin")), "Failed", "UnknownCoin"),
        (Seen(replace(BEGUN, state="refused")), "Failed", "Refused"),
        (Seen(failure=("BackoffLimitExceeded", "too often")), "Failed", "BackoffLimitExceeded"),
        (Seen(failure=("", "")), "Failed", "JobFailed"),
    ],
)
def test_the_phase_follows_from_what_is_seen(seen: Seen, phase: str, reason: str) -> None:
    found = of(seen)
    assert found["phase"] == phase
    assert conditions(found)["Captured"] == ("True" if phase == "Captured" else "False", reason)
    assert made(found).over == (phase == "Failed")


def test_a_job_that_has_failed_tells_the_last_words_of_its_pod() -> None:
    found = of(Seen(replace(BEGUN, state="failed", message="NATS is away"), ("BackoffLimitExceeded", "too often")))
    assert found["conditions"][0]["message"] == "too often; last: NATS is away"


def test_a_result_is_told_with_its_trades_gaps_missing_markets_and_place() -> None:
    found = of(Seen(report()))
    assert found["result"] == {"bucket": "metdc_captures", "folder": "SOMI-20261127T020000Z"}
    assert (found["totalTrades"], found["instrumentsTraded"], found["gapsInWindow"], found["marketsMissing"]) == (
        *(1207, 1, 1, 2),
    )
    binance, okx = found["markets"]
    assert (binance["market"], binance["trades"], okx["trades"], "lacks" in okx) == ("binance.spot", 1207, 0, False)
    assert binance["lacks"] == [
        {"reason": "gap", "from": "2026-11-27T02:00:00Z", "to": "2026-11-27T02:00:01Z", "open": True}
    ]
    assert found["missing"] == [
        {"market": "gate.spot", "reason": "not_listed", "message": "it was not there"},
        {"market": "okx.futures", "reason": "not_collected"},
    ]
    assert (found["windowFrom"], found["windowTo"]) == ("2026-11-27T01:59:40Z", "2026-11-27T02:00:20Z")


@pytest.mark.parametrize(
    ("parts", "complete", "over"),
    [
        ({}, ("False", "Provisional"), False),
        ({"completeness": "Final"}, ("False", "Lacking"), True),
        ({"completeness": "Final", "gaps": 0}, ("True", "NothingLacks"), True),
    ],
)
def test_complete_is_what_is_final_and_lacks_nothing(
    parts: dict[str, Any], complete: tuple[str, str], over: bool
) -> None:
    found = of(Seen(report(**parts)))
    assert conditions(found)["Complete"] == complete
    assert made(found).over == over
    assert conditions(of(Seen()))["Complete"] == ("Unknown", "NotCaptured")


def test_what_was_told_of_a_result_stays_while_another_pod_begins_anew_or_fails() -> None:
    first = of(Seen(report()))
    for seen in (Seen(BEGUN), Seen(), Seen(replace(BEGUN, state="failed")), Seen(failure=("DeadlineExceeded", ""))):
        again = status(made(first), seen, AT + 60 * SECOND)
        assert again == first


def test_a_condition_that_stays_keeps_its_time_and_one_that_turns_has_a_new_one() -> None:
    first = of(Seen(BEGUN))
    later = status(made(first), Seen(report()), AT + 30 * SECOND)
    captured, complete = later["conditions"]
    assert (captured["lastTransitionTime"], complete["lastTransitionTime"]) == ("2026-11-27T02:00:30Z",) * 2
    final = status(made(later), Seen(report(completeness="Final")), AT + 90 * SECOND)
    assert {each["lastTransitionTime"] for each in final["conditions"]} == {"2026-11-27T02:00:30Z"}


def test_of_very_many_instruments_the_liveliest_are_told() -> None:
    many = tuple(Captured("okx.spot", f"S{number:03d}", "S-T", number) for number in range(300))
    found = of(Seen(report(markets=many)))
    jsonschema.validate(found, CAPTURE.root["properties"]["status"])
    assert [each["instrument"] for each in found["markets"]] == [f"S{number}" for number in range(200, 300)]


# -- what is read


def pod(words: str | None, created: str = CREATED) -> tuple[PodRecord, dict[str, Any]]:
    state: dict[str, Any] = {"running": {}} if words is None else {"terminated": {"exitCode": 0, "message": words}}
    raw = {
        "metadata": {"name": "a", "uid": "p", "resourceVersion": "1", "creationTimestamp": created},
        "spec": {},
        "status": {"phase": "Running", "containerStatuses": [{"state": state}]},
    }
    return records.pod(raw), raw


def test_last_words_are_those_of_the_newest_pod_that_left_any() -> None:
    older, newer = (encode(report(trades=number), most=LAST_WORDS).decode() for number in (1, 2))
    found = newest(made(), [pod(older), pod(newer), pod("Killed"), pod(None)])
    assert found is not None
    assert found.trades == 2
    assert newest(made(), [pod(None)]) is None


def test_a_report_of_another_capture_or_of_anything_else_is_none_of_this_one() -> None:
    assert said(made(), encode(report())) == report()
    for words in (None, b"", "", b"hello", encode(report(base="ETH")), encode(report(at=AT + 1))):
        assert said(made(), words) is None


def test_a_job_has_failed_when_its_condition_says_so() -> None:
    true = {"type": "Failed", "status": "True", "reason": "PodFailurePolicy", "message": "exit code 3"}
    assert failure({"status": {"conditions": [{"type": "Complete", "status": "True"}, true]}}) == (
        *("PodFailurePolicy", "exit code 3"),
    )
    assert failure({"status": {"conditions": [true | {"status": "False"}]}}) is None
    assert failure({}) is None


# -- events


def test_events_tell_a_result_its_end_and_trouble_once() -> None:
    begun, provisional = of(Seen(BEGUN)), of(Seen(report()))
    final = of(Seen(report(completeness="Final", gaps=0)))
    trouble = of(Seen(trouble=Trouble(Reason.IMAGE_NOT_FOUND, "no such image")))

    def told(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[bool, str]]:
        return [(each.warning, each.reason) for each in news(before, after)]

    assert told({}, begun) == []
    assert told({}, trouble) == [(True, "ImageNotFound")]
    assert told(begun, provisional) == [(False, "Captured"), (False, "Provisional")]
    assert told(provisional, provisional) == []
    assert told(provisional, final) == [(False, "NothingLacks")]
    assert told(provisional, of(Seen(report(completeness="Final")))) == [(True, "Lacking")]
    refused = of(Seen(replace(BEGUN, state="refused", reason="Empty", message="nothing")))
    (notice,) = news(begun, refused)
    assert (notice.warning, notice.message) == (True, "Captured is False: nothing")
    event = record(
        notice, kind=KIND, meta=made().meta, identity="operator-1", moment=datetime(2026, 11, 27, tzinfo=UTC)
    )
    assert (event["type"], event["involvedObject"]["kind"], event["involvedObject"]["uid"]) == ("Warning", KIND, "u1")
