"""Values that are good though odd, by the end of a field's path, and what else has to stand beside some of them."""

from typing import Any, TypeVar

T = TypeVar("T")

_LABEL = "A" + "-_.9" * 15 + "z0"
_OBJECTS = ["a", "0.a-b.c", "x" * 253]
_KEYS = ["ca.crt", "..x", "A_b-C.9"]
_QUANTITIES: list[Any] = [0, "0.5", "250m", "1e3", "64Mi", "1.5Gi", 4, "100u", "2E", "3k"]
_DURATIONS = ["24h", "90s", "0h0m60s", "00001h", "99999h99999h", "1h1h1h1h1h"]
_SIZES: list[Any] = [1, "1", "8Gi", "999999Ti", 999999999999999, "999999999999999", "5k"]

# The first of each is the plain one that stands in where a field is required.
GOOD: dict[str, list[Any]] = {
    "exchange": ["binance", "bybit", "okx", "kucoin", "gate", "phemex", "upbit"],
    "markets[].name": ["spot", "futures"],
    "shards": [1, 32, 7],
    "quotes[]": ["USDT", "1", "KRW", "USDC9", "A" * 16],
    "include[]": ["BTC", "币安人生USDT", "1INCH-USDT", "a.b_c", "*", "ß", "🚀", "x" * 64],
    "exclude[]": ["ETH", "人生", "100%", "x" * 63],
    "upbitKRW": ["Ignore", "Include", "Exclude"],
    "requests{}": _QUANTITIES,
    "limits{}": _QUANTITIES,
    "rest": ["https://a", "http://127.0.0.1:9401", "https://[::1]:8443/a/b.c", "http://x/%20", "http://ü.example"],
    "webSocket": ["wss://a", "ws://127.0.0.1:9401/x", "wss://[::1]/a/b", "ws://h/a:b@c"],
    "interval": ["30m", "1m", "60s", "30m1h", "1h30m0s", "00060s", "99999h99999h", "1m1m1m1m1m"],
    "overlap": ["30s", "0s", "450s", "7m30s", "0h", "30s7m", "00000s"],
    "rotation.suspend": [False, True],
    "redundancy": [1, 2],
    "urls[]": ["nats://a", "nats://[::1]:4222", "tls://nats.example.com", "nats://10.0.0.1:1/", "tls://a_b"],
    "Ref.name": _OBJECTS,
    "Ref.key": _KEYS,
    "handshakeFirst": [False, True],
    "stream.name": ["TRADES", "-", "_", "trades-2026_A", "9" * 64, "METDC_EVENTS_2"],
    "management": ["Ensure", "Observe"],
    "replicas": [1, 3, 5],
    "maxAge": _DURATIONS,
    "duplicateWindow": ["10s", "1m", "0h0m10s", "5s5s"],
    "maxBytes": _SIZES,
    "inboxPrefix": ["_INBOX", "a.b.c", "-", "_INBOX_a.9"],
    "jetStreamDomain": ["hub", "-", "a_B-9"],
    "spec.suspend": [False, True],
    "image": ["metdc/collector", "a", "localhost:5000/a/b:c@sha256:0", "x" * 512],
    "imagePullPolicy": ["Always", "IfNotPresent", "Never"],
    "imagePullSecrets[].name": _OBJECTS,
    "nodeSelector{}": ["", "a", _LABEL],
    "matchLabels{}": ["", "a", _LABEL],
    "podLabels{}": ["", "a", _LABEL],
    "podAnnotations{}": ["", "with space\nand line", "x" * 1024, "{}"],
    "tolerations[].key": ["a", "example.com/x", ""],
    "tolerations[].operator": ["Exists", "Equal"],
    "tolerations[].value": ["", "a", _LABEL],
    "effect": ["NoExecute", "NoSchedule", "PreferNoSchedule"],
    "tolerationSeconds": [0, -1, 2**63 - 1],
    "affinity": [{}, {"nodeAffinity": {"anything": [1, "two", None, 0.5]}}],
    "maxSkew": [1, 1024],
    "topologyKey": ["kubernetes.io/hostname", "x"],
    "whenUnsatisfiable": ["DoNotSchedule", "ScheduleAnyway"],
    "minDomains": [1, 1024],
    "nodeAffinityPolicy": ["Honor", "Ignore"],
    "nodeTaintsPolicy": ["Honor", "Ignore"],
    "matchExpressions[].key": ["app", "example.com/team"],
    "matchExpressions[].operator": ["Exists", "DoesNotExist"],
    "values[]": ["", "a", _LABEL],
    "priorityClassName": ["system-node-critical", "a"],
    "env[].name": ["HTTPS_PROXY", "_", "a9", "METDC_POD_2", "X" * 253],
    "value": ["", "{}", " ", "$(METDC_POD)", "ü\n", "x" * 4096],
    "optional": [True, False],
    "fieldPath": ["status.hostIP", "metadata.labels['a.b/c']", "metadata.annotations['x y']", "spec.nodeName"],
}

# What a map's value stands under, by the end of the map's path.
KEY: dict[str, str] = {"requests": "cpu", "limits": "memory"}

# What else an entry needs for a value of this field to be good.
BESIDE: dict[str, dict[str, Any]] = {
    "interval": {"overlap": "0s"},
    "tolerations[].key": {"operator": "Exists"},
    "tolerations[].value": {"key": "a"},
    "tolerations[].effect": {"key": "a"},
    "tolerations[].tolerationSeconds": {"key": "a", "effect": "NoExecute"},
    "tolerations[].operator": {"key": "a"},
    "tolerations[]": {"operator": "Exists"},
    "matchExpressions[].values": {"operator": "NotIn"},
}


def ending(table: dict[str, T], path: str) -> T | None:
    """The entry whose key is the longest end of a path."""
    ends = [key for key in table if path.endswith(key)]
    return table[max(ends, key=len)] if ends else None
