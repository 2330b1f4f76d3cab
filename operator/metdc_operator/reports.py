"""The pods' health reports, read over HTTP from each pod itself.

No NATS is needed for that, so a pod whose NATS is away can say so.
"""

import asyncio
from collections.abc import Callable

import aiohttp

from metdc_collector.wire.errors import InvalidMessage
from metdc_collector.wire.report import Report, decode
from metdc_operator.manifests.names import PORT
from metdc_operator.records import PodRecord

Address = tuple[str, int]
Resolve = Callable[[PodRecord], Address | None]
_MOST = 4 * 1024 * 1024
_PARALLEL = 32
_WITHIN = 3.0


def pod_address(pod: PodRecord) -> Address | None:
    """Return where a pod serves its report; null while it has no address."""
    return (pod.address, PORT) if pod.address else None


class Reports:
    """Reads reports, so many at a time, each in bounded time and size."""

    def __init__(self, resolve: Resolve = pod_address, *, parallel: int = _PARALLEL, within: float = _WITHIN) -> None:
        """``resolve`` tells where a pod is to be asked, ``within`` for how many seconds an answer is waited for."""
        self._resolve = resolve
        self._within = within
        self._room = asyncio.Semaphore(parallel)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()

    def reachable(self, pod: PodRecord) -> bool:
        """Return whether a pod can be asked."""
        return pod.running and self._resolve(pod) is not None

    async def read(self, pod: PodRecord) -> Report | None:
        """Return what the pod says, without the ids, which pods compare by themselves and which would fill the memory.

        Null when it does not answer, or what it says is no report of its own.
        """
        data = await self.fetch(pod)
        if data is None:
            return None
        try:
            report = decode(data, ids=False)
        except InvalidMessage:
            return None
        # An address may have passed to another pod since the watch told of it.
        return report if report.pod == pod.meta.name else None

    async def fetch(self, pod: PodRecord) -> bytes | None:
        """Return what the pod serves at ``/report``, as it is; null when it does not answer."""
        address = self._resolve(pod)
        if address is None:
            return None
        async with self._room:
            try:
                async with asyncio.timeout(self._within):
                    return await self._get(address)
            except (aiohttp.ClientError, OSError, TimeoutError, InvalidMessage):
                return None

    async def _get(self, address: Address) -> bytes:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector)
        host, port = address
        host = f"[{host}]" if ":" in host else host
        async with self._session.get(f"http://{host}:{port}/report") as answer:
            answer.raise_for_status()
            data = await answer.content.read(_MOST + 1)
            while len(data) <= _MOST and (more := await answer.content.read(_MOST)):
                data += more
        if len(data) > _MOST:
            raise InvalidMessage("a report of more than 4 MiB")
        return data
