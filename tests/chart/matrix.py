"""Values that people set, by what it is called: all of them render, and a real API server takes what they make."""

from collections.abc import Mapping
from typing import Any

_RULES = {"enabled": True, "labels": {"release": "prometheus"}}

MATRIX: Mapping[str, Mapping[str, Any]] = {
    "defaults": {},
    "one namespace": {"clusterWide": False, "operator": {"watchNodes": False}},
    "several namespaces": {"clusterWide": False, "namespaces": ["trades-a", "trades-b"]},
    "credentials in other namespaces": {"namespaces": ["trades-a", "trades-b"]},
    "external NATS": {"nats": {"embedded": {"enabled": False}, "external": {"urls": ["nats://nats.example.com:4222"]}}},
    "external NATS with TLS": {
        "namespaces": ["trades-a"],
        "collectors": {"stream": {"replicas": 3, "maxAge": "72h", "maxBytes": "64Gi"}},
        "nats": {
            "embedded": {"enabled": False},
            "external": {
                "urls": ["tls://a.example.com:4222", "tls://b.example.com:4222"],
                "credentialsSecret": "nats-credentials",
                "tls": {"caSecret": "nats-ca", "certSecret": "nats-client", "handshakeFirst": True},
                "inboxPrefix": "_INBOX.metdc",
                "jetStreamDomain": "hub",
            },
        },
    },
    "external NATS with credentials": {
        "namespaces": ["trades-a"],
        "nats": {
            "embedded": {"enabled": False},
            "external": {"urls": ["nats://a:4222"], "credentials": {"token": "1e3"}},
        },
    },
    "existing secrets": {
        "nats": {"embedded": {"existingSecrets": {"collector": "mine", "listings": "its", "reader": "theirs"}}}
    },
    "a small volume": {
        "nats": {"embedded": {"storage": {"size": "2Gi", "className": "standard"}, "memory": "512Mi", "streams": 2}}
    },
    "a large volume": {
        "nats": {
            "embedded": {
                "storage": {"size": "2Ti"},
                "maxFileStore": "3Ti",
                "memory": "8Gi",
                "tradesPerSecond": 50000,
                "streams": 14,
            }
        },
        "collectors": {"stream": {"maxBytes": "128Gi", "maxAge": "168h"}},
    },
    "monitoring": {
        "monitoring": {
            "podMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}},
            "rules": _RULES | {"disabled": ["MetdcStreamNearFull"]},
            "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Markets"}},
        }
    },
    "monitoring of one namespace": {
        "clusterWide": False,
        "monitoring": {"podMonitor": {"enabled": True}, "rules": _RULES},
    },
    "no policies": {"networkPolicies": {"enabled": False}, "collectors": {"disruptionBudgets": False}},
    "other policies": {
        "networkPolicies": {
            "monitoring": [],
            "natsClients": [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"namespaceSelector": {}}],
            "apiServerPorts": [16443],
        }
    },
    "listings": {"listings": {"enabled": True}},
    "listings of a simulator": {
        "listings": {
            "enabled": True,
            "before": "30s",
            "after": "2m",
            "credentialsSecret": "upbit-key",
            "endpoints": {
                "rest": "http://simulator:9409",
                "webSocket": "ws://simulator:9409",
                "announcements": "http://simulator",
            },
            "logLevel": "debug",
            "podAnnotations": {"example.com/note": "yes"},
        },
    },
    "listings with external NATS and TLS": {
        "clusterWide": False,
        "namespaces": ["trades-a"],
        "listings": {"enabled": True},
        "nats": {
            "embedded": {"enabled": False},
            "external": {
                "urls": ["tls://a.example.com", "tls://b.example.com:4333"],
                "credentialsSecret": "nats-credentials",
                "tls": {"caSecret": "nats-ca", "certSecret": "nats-client", "handshakeFirst": True},
                "inboxPrefix": "_INBOX.metdc",
                "jetStreamDomain": "hub",
            },
        },
    },
    "no definitions": {"crds": {"enabled": False}},
    "definitions that go": {"crds": {"keep": False}},
    "an account that is there": {"operator": {"serviceAccount": {"create": False, "name": "somebody"}}},
    "images by digest": {
        "imagePullSecrets": [{"name": "registry"}],
        "operator": {"image": {"repository": "registry.example.com/metdc/operator", "digest": f"sha256:{'0' * 64}"}},
        "collectors": {
            "image": {"repository": "registry.example.com:5000/collector", "tag": "v1.2", "pullPolicy": "Always"}
        },
        "nats": {"embedded": {"image": {"repository": "registry.example.com/nats", "tag": "2.12"}}},
    },
    "placed pods": {
        "operator": {
            "logLevel": "debug",
            "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
            "podLabels": {"team": "markets"},
            "podAnnotations": {"example.com/note": "yes"},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"key": "dedicated", "operator": "Exists"}],
            "priorityClassName": "system-cluster-critical",
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        },
        "nats": {
            "embedded": {
                "podLabels": {"team": "markets"},
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "affinity": {
                    "nodeAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}
                        ]
                    }
                },
            }
        },
    },
    "labels, patches and more": {
        "fullnameOverride": "trades",
        "commonLabels": {"team": "markets"},
        "commonAnnotations": {"example.com/owner": "markets"},
        "patches": [
            {"target": {"kind": "Service"}, "merge": {"metadata": {"annotations": {"example.com/patched": "yes"}}}},
            {
                "target": {"kind": "Deployment", "name": "trades-operator"},
                "merge": {"spec": {"revisionHistoryLimit": None, "template": {"spec": {"dnsPolicy": "Default"}}}},
            },
        ],
        "extraObjects": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "more"},
                "data": {"of": "{{ .Release.Name }}"},
            },
            'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}-text"}\n',
        ],
    },
}
