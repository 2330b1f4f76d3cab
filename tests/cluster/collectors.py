"""Collector pods from the operator's own manifests, without the operator."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from metdc_operator.installation import Installation
from metdc_operator.manifests.deployment import deployment
from metdc_operator.manifests.names import deployment_name, selector
from metdc_operator.validate import parse_text
from tests.cluster.images import Images
from tests.cluster.kube import Json
from tests.cluster.place import Place
from tests.harness import eventually

DIVIDE: Final = 20
"""Of the collectors' timers, and of the simulator's."""
GRACE: Final = 60.0
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MANIFEST = """
apiVersion: metdc.io/v1alpha1
kind: ExchangeCollector
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  exchange: binance
  markets: [{{name: spot}}]
  rotation: {{interval: 1m, overlap: 10s}}
  endpoints: {{rest: "http://simulator:9401", webSocket: "ws://simulator:9401"}}
  nats: {{urls: ["nats://{nats}:4222"], stream: {{maxBytes: 1Gi}}}}
  env: [{{name: METDC_DIVIDE_TIMERS, value: "{divide}"}}]
"""


class Collector:
    """One market's Deployment, applied as an operator would."""

    def __init__(
        self, where: Place, images: Images, *, name: str = "binance", nats: str = "nats", divide: int = DIVIDE
    ) -> None:
        text = MANIFEST.format(name=name, namespace=where.name, nats=nats, divide=divide)
        (self._resource,), problems = parse_text(text)
        assert not problems
        self.where = where
        self._installation = Installation(image=images.collector)
        self._slot = BEGIN
        self._part = next(self._resource.parts())
        self.labels = selector(self._resource, self._part)
        self.name = deployment_name(self._resource, self._part)

    def apply(self, **security: Any) -> None:
        """Apply the Deployment with a slot later than the one before; ``security`` is added to the pod's context."""
        self._slot += timedelta(minutes=1)
        slot = self._slot.strftime("%Y-%m-%dT%H:%M:%SZ")
        built = deployment(self._resource, self._part, slot=slot, installation=self._installation)
        del built["metadata"]["ownerReferences"]  # there is no resource that could own it
        built["spec"]["template"]["spec"]["securityContext"] |= security
        self.where.apply(built)

    def rolled_out(self) -> None:
        """Wait until its pod is the new one, available, and the old one has gone."""
        self.where.rolled_out(self.name)
        eventually(lambda: len(self.where.pods(self.labels)) == 1, 2 * GRACE, "the old pod has gone")

    def pod(self) -> Json:
        """Return its pod, the newest."""
        return self.where.pods(self.labels)[-1]
