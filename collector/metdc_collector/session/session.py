"""A connection that is kept: replaced when it ends, and before it ends where the venue says so in time."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from metdc_collector.clock import Timers
from metdc_collector.limits import Budget
from metdc_collector.session.connection import Connection, Plan
from metdc_collector.session.policy import End, Outcome, Policy, State

log = logging.getLogger(__name__)
_OVERLAP_TIMEOUT = 30.0


@dataclass(slots=True, eq=False)
class Session:
    """Streams ``names`` until cancelled; one line in the log for each change of state, never for each attempt.

    Attributes:
        names: :meth:`add` and :meth:`remove` change them while it runs.
        connects: the budget of new connections, shared by all sessions of the process.
        number: gives each connection a number that is unique in the process.
    """

    plan: Plan
    names: list[str]
    timers: Timers
    connects: Budget
    number: Callable[[], int]
    random: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    state: State = State.CONNECTING
    reason: str = ""
    connection: Connection | None = None
    _live: dict[Connection, asyncio.Task[Outcome]] = field(default_factory=dict)

    @property
    def streaming(self) -> set[str]:
        """Instruments that flow now."""
        return self.connection.streaming if self.connection is not None and self.state is State.ACTIVE else set()

    @property
    def answered(self) -> bool:
        """Whether each subscription of the present connection was acknowledged, seen or refused."""
        return self.connection is not None and self.connection.answered.is_set()

    def add(self, names: Sequence[str]) -> None:
        """Stream these as well."""
        self.names.extend(names)
        for connection in self._live:
            connection.add(names)

    def remove(self, names: Collection[str]) -> None:
        """Stream these no longer."""
        self.names = [name for name in self.names if name not in names]
        for connection in self._live:
            connection.remove(names)

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        policy = Policy(self.timers, self.random)
        try:
            while True:
                outcome = await self._keep(await self._open())
                pause = policy.after(outcome)
                self._turn(pause.state, outcome)
                await self.sleep(pause.seconds)
        finally:
            for task in self._live.values():
                task.cancel()
            await asyncio.gather(*self._live.values(), return_exceptions=True)

    async def _open(self) -> Connection:
        await self.sleep(self.connects.take())
        while (left := self.connects.held) > 0:  # the venue has ordered to stop meanwhile, through another connection
            await self.sleep(left)
        connection = Connection(self.plan, self.number(), list(self.names))
        self._live[connection] = asyncio.create_task(connection.run())
        return connection

    async def _keep(self, connection: Connection) -> Outcome:
        """Stay with a connection, and with those that replace it in a planned way, until one ends by itself."""
        while True:
            self.connection = connection
            await self._first(connection, connection.answered.wait())
            if not self._live[connection].done():
                self._turn(State.ACTIVE, None)
            await self._first(connection, connection.ending.wait())
            if self._live[connection].done():
                return self._live.pop(connection).result()
            connection = await self._replace(connection)

    async def _replace(self, connection: Connection) -> Connection:
        """Return the one to stay with: a successor that streams, or the connection itself, if it ends before."""
        policy = Policy(self.timers, self.random)
        while not self._live[connection].done():
            successor = await self._open()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_OVERLAP_TIMEOUT):
                    await self._first(successor, successor.answered.wait())
            if not self._live[successor].done() and (successor.answered.is_set() or self._live[connection].done()):
                await connection.close()
                await self._live.pop(connection)
                return successor
            outcome = await self._abandon(successor)
            if not policy.failures:
                log.warning("%s: its replacement does not stream yet: %s", self._where(), outcome.reason)
            await self._first(connection, self.sleep(policy.after(outcome).seconds))
        return connection

    async def _abandon(self, connection: Connection) -> Outcome:
        task = self._live.pop(connection)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait({task})
        return Outcome(End.FAILED, f"its subscriptions were not answered within {_OVERLAP_TIMEOUT:g} s")

    async def _first(self, connection: Connection, event: Awaitable[object]) -> None:
        """Wait for the event or for the connection's end, whichever comes first."""
        waiter = asyncio.ensure_future(event)
        try:
            await asyncio.wait({waiter, self._live[connection]}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()

    def _turn(self, state: State, outcome: Outcome | None) -> None:
        reason = "" if outcome is None else outcome.reason
        if state is not self.state:
            level = logging.INFO if state is State.ACTIVE else logging.WARNING
            log.log(level, "%s: %s%s", self._where(), state.value, f": {reason}" if reason else "")
        self.state, self.reason = state, reason

    def _where(self) -> str:
        first = self.names[0] if self.names else "nothing"
        return f"connection of {len(self.names)} instruments ({first}, …)"
