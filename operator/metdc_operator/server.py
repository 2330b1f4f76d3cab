"""``/healthz`` and ``/metrics`` of the operator, on one port."""

from collections.abc import Callable

from aiohttp import web

from metdc_operator.metrics import Metrics

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Server:
    """Serves both until it is stopped."""

    def __init__(self, listen: tuple[str, int], *, problems: Callable[[], list[str]], metrics: Metrics) -> None:
        """``problems`` tells what is wrong with the operator itself, in words; nothing while it works."""
        self._listen = listen
        self._problems = problems
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: when the address can't be had.
        """
        app = web.Application()
        app.add_routes([web.get("/healthz", self._healthz), web.get("/metrics", self._serve_metrics)])
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        host, port = self._listen
        await web.TCPSite(self._runner, host, port).start()

    @property
    def port(self) -> int:
        """The port in use."""
        assert self._runner is not None
        found: int = self._runner.addresses[0][1]
        return found

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        problems = self._problems()
        return web.Response(text="\n".join(problems or ["ok"]) + "\n", status=503 if problems else 200)

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": TEXT})
