"""A run: an embedded server where one is needed, a process per market, rotation and status as in a cluster."""

import asyncio
import logging
import secrets
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from metdc_operator import rotation
from metdc_operator.installation import Installation
from metdc_operator.local.lines import Lines
from metdc_operator.local.market import Market
from metdc_operator.local.output import Output
from metdc_operator.local.pod import Place, Pod
from metdc_operator.local.server import Server, default_folder, stream_size
from metdc_operator.local.support import needs_exchange_secret, needs_secrets
from metdc_operator.local.timers import Timers, nanoseconds
from metdc_operator.manifests.config import pod_config
from metdc_operator.manifests.names import deployment_name
from metdc_operator.observation import MarketSeen, Rotation, Seen
from metdc_operator.resource import Part, Resource
from metdc_operator.status import status, to_be_written

log = logging.getLogger(__name__)
CREDENTIALS = "METDC_NATS_CREDENTIALS"
EXCHANGE_CREDENTIALS = "METDC_EXCHANGE_CREDENTIALS"
SPOOL = "METDC_SPOOL"
_INVALID = 2


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is told.

    Attributes:
        environment: of this process, for the children.
        nats: address of NATS for resources that name none; null for the embedded server.
        nats_port: of the embedded server; null for any that is free.
        data: where the embedded server keeps trades; null for the usual place.
        credentials: folder with the keys of NATS Secrets as files.
        exchange_credentials: folder with the keys of the exchange's Secret as files.
        timers: of this run.
        verbose: also what the processes say by the way.
        command: how a collector is started; null for the real one.
    """

    environment: Mapping[str, str]
    nats: str | None = None
    nats_port: int | None = None
    data: Path | None = None
    credentials: Path | None = None
    exchange_credentials: Path | None = None
    timers: Timers = field(default_factory=Timers)
    verbose: bool = False
    command: tuple[str, ...] | None = None


class Engine:
    """Runs resources until it is told to stop."""

    def __init__(self, resources: Sequence[Resource], options: Options, output: Output) -> None:
        self._resources = resources
        self._options = options
        self._timers = options.timers
        self._output = output
        self._lines = Lines(output.line, level=logging.INFO if options.verbose else logging.WARNING)
        self._stopping = asyncio.Event()
        self._asked = 0
        self._markets: list[Market] = []
        self._written: dict[str, tuple[int, dict[str, Any]]] = {}
        self._was_ready = False

    def stop(self) -> None:
        """Stop the run: once to deliver what is accepted, three times to give that up."""
        self._asked += 1
        self._stopping.set()
        if self._asked == 2:
            self._output.line("the collectors deliver what they have accepted; once more gives that up")
        if self._asked > 2:
            for market in self._markets:
                for pod in market.pods:
                    pod.give_up()

    async def run(self) -> int:
        """Return the exit code: 0 all was delivered, 1 not, 2 every collector refuses its configuration.

        Raises:
            ServerFailed: when the embedded server can't be had.
        """
        with tempfile.TemporaryDirectory(prefix="metdc-") as folder:
            server = await self._serve(Path(folder))
            try:
                self._markets = self._make(Path(folder), server)
                for market in self._markets:
                    market.start(time.time_ns())
                await self._turn()
                codes = await self._end()
            finally:
                if server is not None:
                    await server.stop()
        self._output.stopped(codes)
        if self._markets and all(market.invalid for market in self._markets):
            return _INVALID
        return 1 if any(codes) else 0

    # -- beginning

    async def _serve(self, runtime: Path) -> Server | None:
        """Start the embedded server if a resource needs it."""
        options = self._options
        wanting = [
            each for each in self._resources if not each.spec["suspend"] and "urls" not in each.spec.get("nats", {})
        ]
        if options.nats is not None or not wanting:
            return None
        server = Server(
            folder=self._folder, runtime=runtime, port=options.nats_port, timers=self._timers, lines=self._lines
        )
        await server.start()
        self._output.line(f"nats-server at {server.url}, keeping trades in {self._folder}")
        return server

    @property
    def _folder(self) -> Path:
        return self._options.data or default_folder(self._options.environment)

    def _spool(self) -> Path | None:
        """Make the folder where trades may wait beside the server's; null where it can't be had."""
        folder = self._options.data / "spool" if self._options.data else self._folder.with_name("spool")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._output.line(f"{folder}: {error.strerror}; with NATS away, trades wait in memory alone")
            return None
        return folder

    def _make(self, runtime: Path, server: Server | None) -> list[Market]:
        base = self._installation(server)
        running = [each for each in self._resources if not each.spec["suspend"]]
        shares = self._shares(running)
        places = {each.key: self._place(runtime, server, each) for each in running}

        def make(resource: Resource, part: Part, slot: str) -> Pod:
            name = f"{deployment_name(resource, part)}-{secrets.token_hex(3)}"
            installation = replace(base, limit_share=shares[resource.exchange])
            config = pod_config(resource, part, slot=slot, installation=installation, pod=name)
            return Pod(config, places[resource.key], self._lines)

        return [
            Market(resource, part, make=make, timers=self._timers, rotated=self._rotated)
            for resource in running
            for part in resource.parts()
        ]

    def _installation(self, server: Server | None) -> Installation:
        if self._options.nats is not None:
            return Installation(operator="local", nats={"urls": [self._options.nats]})
        if server is None:
            return Installation(operator="local")
        streams = len({each.exchange for each in self._resources})
        size = stream_size(self._folder, streams)
        return Installation(operator="local", nats={"urls": [server.url]}, max_bytes=size)

    def _place(self, runtime: Path, server: Server | None, resource: Resource) -> Place:
        options = self._options
        environment = dict(options.environment)
        environment |= {entry["name"]: entry.get("value", "") for entry in resource.spec.get("env", [])}
        environment.pop(CREDENTIALS, None)
        of_installation = options.nats is not None and "urls" not in resource.spec.get("nats", {})
        if options.credentials is not None and (of_installation or needs_secrets(resource.spec)):
            environment[CREDENTIALS] = str(options.credentials)
        environment.pop(EXCHANGE_CREDENTIALS, None)
        if options.exchange_credentials is not None and needs_exchange_secret(resource.spec):
            environment[EXCHANGE_CREDENTIALS] = str(options.exchange_credentials)
        if SPOOL not in environment and (spool := self._spool()) is not None:
            environment[SPOOL] = str(spool)
        keep = () if server is None else (server.lifeline,)
        place = Place(folder=runtime, environment=environment, timers=self._timers, keep=keep)
        return place if options.command is None else replace(place, command=options.command)

    def _shares(self, resources: Sequence[Resource]) -> dict[str, Fraction]:
        """The part of each exchange's limits for one process, successors included: nobody else uses them here."""
        intervals: dict[str, list[int]] = {}
        for resource in resources:
            divided = self._timers.divided(resource.interval)
            intervals.setdefault(resource.exchange, []).extend(divided for _ in resource.parts())
        within = nanoseconds(self._timers.rotation)
        return {
            exchange: Fraction(1, len(each) + min(len(each), rotation.budget(each, rotation=within)))
            for exchange, each in intervals.items()
        }

    # -- turning

    async def _turn(self) -> None:
        while not self._stopping.is_set():
            now = time.time_ns()
            self._rotate(now)
            self._tell(now)
            if self._markets and all(market.invalid for market in self._markets):
                return
            try:
                async with asyncio.timeout(self._timers.probe):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    def _rotate(self, now: int) -> None:
        by_identity = {market.identity: market for market in self._markets if not market.invalid}
        views = [market.view(now) for market in by_identity.values()]
        within = nanoseconds(self._timers.rotation)
        for turn in rotation.turns(views, now, nats_away=self._nats_away(), rotation=within):
            by_identity[turn.identity].take(turn)

    def _nats_away(self) -> bool:
        reports = [market.current.report if market.current is not None else None for market in self._markets]
        return bool(reports) and all(report is not None and not report.nats.connected for report in reports)

    def _tell(self, now: int) -> None:
        if not self._was_ready and self._markets and all(market.ready for market in self._markets):
            self._was_ready = True
            self._output.ready()
        current = {resource.key: self._status(resource, now) for resource in self._resources}
        for key, each in current.items():
            written, before = self._written.get(key, (0, {}))
            if to_be_written(before, each, age=now - written, interval=nanoseconds(self._timers.write)):
                self._written[key] = (now, each)
                self._output.status(key, each, before)
        self._output.turn(current)

    def _status(self, resource: Resource, now: int) -> dict[str, Any]:
        markets = [market for market in self._markets if market.resource is resource]
        seen = Seen(
            markets=[market.seen(now) for market in markets]
            or [MarketSeen(part.market, part.shard, part.shards) for part in resource.parts()],
            generation=resource.generation,
            suspended=resource.spec["suspend"],
            rotation_suspended=resource.spec["rotation"]["suspend"],
            observes_stream=resource.spec.get("nats", {}).get("stream", {}).get("management") == "Observe",
        )
        previous = self._written.get(resource.key, (0, {}))[1]
        return status(seen, now, stale=nanoseconds(self._timers.stale), previous=previous)

    def _rotated(self, market: Market, finished: Rotation) -> None:
        self._output.rotated(market.resource.key, market.resource.exchange, market.part.market, finished)

    # -- ending

    async def _end(self) -> list[int]:
        self._output.line("stopping: the collectors deliver what they have accepted")
        codes = await asyncio.gather(*(market.stop() for market in self._markets))
        return [code for each in codes for code in each]
