"""What breaks each rule of the definition: values of what the rule stands on, by the rule's message."""

from typing import Any

_DURATION = "write a duration as whole numbers of at most five digits with a unit, such as 90s, 30m or 1h30m"
_REST = "write a base address that starts with http:// or https:// and has no user, query or trailing slash"
_SOCKET = "write a base address that starts with ws:// or wss:// and has no user, query or trailing slash"
_OBJECT = "write the object's name in small letters, digits, - and ., such as nats-credentials"
_NAME = (
    "metadata.name must be a DNS label of at most 40 characters (small letters, digits and -), "
    "as pods are named after it"
)
_SPACE = "a name of an instrument holds no white space; give each name an entry of its own"
_LABEL_KEY = (
    "write a label's key in letters, digits, -, _ and ., with a domain in front at most, such as example.com/team"
)
_ANNOTATION_KEY = _LABEL_KEY.replace("a label's", "an annotation's")
_LABEL_VALUE = (
    "a label's value holds letters, digits, -, _ and . only, and begins and ends with a letter or digit; mend it"
)
_RESOURCE = "name the resources cpu, memory, ephemeral-storage, hugepages-SIZE or, of a vendor, such as example.com/gpu"
_OPERATORS = (
    "labels under metdc.io/, app.kubernetes.io/name and app.kubernetes.io/managed-by belong to the operator; "
    "choose another key"
)
_VARIABLES = (
    "METDC_CONFIG, METDC_POD, METDC_SPOOL, METDC_NATS_CREDENTIALS, METDC_EXCHANGE_CREDENTIALS and METDC_EXTRA_CA "
    "are set by the operator; remove them"
)
_FIELD = (
    "choose metadata.name, .namespace, .uid, .labels['KEY'] or .annotations['KEY'], spec.nodeName or "
    ".serviceAccountName, status.hostIP, .hostIPs, .podIP or .podIPs"
)


def _expression(operator: str, *values: str) -> dict[str, Any]:
    return {"key": "a", "operator": operator, "values": list(values)}


BREACHES: dict[str, list[Any]] = {
    _NAME: [{"metadata": {"name": name}} for name in ("a.b", "a" * 41, "0.0")],
    "Upbit has a spot market only; remove the others from markets": [
        {"exchange": "upbit", "markets": [{"name": "futures"}]},
        {"exchange": "upbit", "markets": [{"name": "spot"}, {"name": "futures"}]},
    ],
    "write quote coins in capital letters and digits, such as USDT": [["usdt"], ["USDT", "US D"], ["ÜSD"], ["*"]],
    _SPACE: [["BTC ETH"], ["BTC", "ETH\n"], ["\t"]],
    "a name stands in include and in exclude; remove it from one of them": [
        {"include": ["BTC"], "exclude": ["BTC"]},
        {"include": ["BTC", "ETH", "人"], "exclude": ["SOL", "人"]},
    ],
    _RESOURCE: [{"cpus": 1}, {"cpu": 1, "mem": "64Mi"}, {"": 1}],
    _REST: [
        "https://a/",
        "a.example.com",
        "wss://a",
        "https://me@a",
        "https://a?b=c",
        "https://a/#b",
        "https://a b",
        "HTTP://a",
    ],
    _SOCKET: ["wss://a/", "https://a", "ws://me:secret@a", "ws:///a", "wss://a/b?c"],
    _DURATION: ["999999s", "000000s", "1h123456s"],
    "interval must be at least 1m; lengthen interval": [
        {"interval": each, "overlap": "0s"} for each in ("59s", "0h0m59s", "0h")
    ],
    "overlap must be at most a quarter of interval; shorten overlap or lengthen interval": [
        {"interval": "1m", "overlap": "16s"},
        {"overlap": "7m31s"},
        {"interval": "119s"},
        {"interval": "1h1h", "overlap": "30m1s"},
    ],
    "write a NATS address that starts with nats:// or tls://": [["http://nats:4222"], ["wss://nats"], ["TLS://nats"]],
    "an address holds no credentials; put them into a Secret and name it in credentialsSecretRef": [
        ["nats://me:secret@nats:4222"],
        ["nats://a", "tls://token@b"],
    ],
    "an address is scheme, host and port, such as nats://nats.example.com:4222; give each server an entry": [
        ["nats://a,nats://b"],
        ["nats://a:4222/path"],
        ["nats://a:b"],
        ["nats://:4222"],
        ["nats://a b"],
        ["nats://a:4222:4222"],
        ["nats://"],
    ],
    _OBJECT: ["Upper", "a_b", "-a", "a-", "a/b", "ä"],
    "a key holds letters, digits, -, _ and . only; write it as it stands in the object": ["a/b", "a b", "ä"],
    "a stream's name holds letters, digits, _ and - only": ["a.b", "a*", "a b", ">"],
    "METDC_EVENTS keeps gaps, listings and instruments; choose another name": ["METDC_EVENTS"],
    "replicas must be 1, 3 or 5, since a majority must agree": [2, 4],
    "maxAge must be at least 1m; lengthen maxAge": [{"maxAge": "59s"}, {"maxAge": "0h"}],
    "duplicateWindow must be at least 10s; lengthen duplicateWindow": [{"duplicateWindow": "9s"}],
    "duplicateWindow must not be longer than maxAge; shorten duplicateWindow or lengthen maxAge": [
        {"maxAge": "1m", "duplicateWindow": "2m"},
        {"maxAge": "1m", "duplicateWindow": "61s"},
    ],
    "write letters, digits, _ and -, in parts that single dots separate, without a dot at the end": [
        "a.",
        ".a",
        "a..b",
        "a.*",
        "a b",
    ],
    "a domain holds letters, digits, _ and - only": ["a.b", "a b"],
    "an image reference holds no white space": ["a b", "a\n"],
    _LABEL_KEY: [{"": "a"}, {"-a": "a"}, {"a/b/c": "a"}, {"Upper.example/x": "a"}, {"a ": "a"}],
    _ANNOTATION_KEY: [{"": "a"}, {"a/": "a"}, {"ä": "a"}],
    _LABEL_VALUE: [{"a": "-"}, {"a": "b "}, {"a": "ä"}, {"a": "b/c"}],
    _OPERATORS: [
        {"metdc.io/market": "x"},
        {"metdc.io/": "x"},
        {"app.kubernetes.io/name": "x"},
        {"app.kubernetes.io/managed-by": "me"},
    ],
    "annotations under metdc.io/ belong to the operator; choose another key": [{"metdc.io/config": "{}"}],
    "a toleration without a key tolerates every taint; give a key, or operator Exists": [
        {},
        {"value": "a"},
        {"key": "", "operator": "Equal"},
    ],
    "the operator Exists looks at no value; remove value, or choose Equal": [
        {"key": "a", "operator": "Exists", "value": "b"}
    ],
    "tolerationSeconds goes with the effect NoExecute only; set the effect, or remove tolerationSeconds": [
        {"key": "a", "tolerationSeconds": 1},
        {"operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 0},
    ],
    "minDomains goes with whenUnsatisfiable DoNotSchedule only; set that, or remove minDomains": [
        {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 2}
    ],
    "In and NotIn need values, Exists and DoesNotExist have none; add or remove values": [
        _expression("In"),
        {"key": "a", "operator": "NotIn"},
        _expression("Exists", "b"),
        _expression("DoesNotExist", "b"),
    ],
    "write the name of a PriorityClass in small letters, digits, - and ., such as high-priority": ["High", "a_b", "a-"],
    _VARIABLES: [
        [{"name": "METDC_POD", "value": "x"}],
        [{"name": "A"}, {"name": "METDC_CONFIG"}],
        [{"name": "METDC_SPOOL", "value": "/tmp"}],
        [{"name": "METDC_NATS_CREDENTIALS"}, {"name": "METDC_EXCHANGE_CREDENTIALS"}, {"name": "METDC_EXTRA_CA"}],
    ],
    "give a variable a value or valueFrom, not both": [
        [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    ],
    "a variable's name holds letters, digits and _ only, and no digit first; mend it": ["9A", "A-B", "A B", "Ä", "A=B"],
    "give exactly one of secretKeyRef, configMapKeyRef and fieldRef": [
        {},
        {"secretKeyRef": {"name": "a", "key": "b"}, "fieldRef": {"fieldPath": "metadata.name"}},
        {"secretKeyRef": {"name": "a", "key": "b"}, "configMapKeyRef": {"name": "a", "key": "b"}},
    ],
    _FIELD: ["a", "status.phase", "metadata.labels", "metadata.labels['']", "spec.containers[0].image"],
    "give either configMapRef or secretRef": [{}, {"configMapRef": {"name": "a"}, "secretRef": {"name": "a"}}],
}
