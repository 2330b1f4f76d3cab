"""One market of one venue: its instruments, its subscribers, and the way of a trade to the clients and the ledger."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from tests.simulator.core.model import History, Instrument, Trade, trimmed
from tests.simulator.core.venue import Lister, Wire, compact

if TYPE_CHECKING:
    from tests.simulator.core.faults import Disturbance
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket

HISTORY = 5000
"""Rows kept for each instrument and channel."""
FRAME_ROWS = 1024
"""No frame holds more: the only limit that a venue publishes (Bybit, reference 4.5)."""


class Market:
    """The core that all venues share; what differs between venues is in `wire` and `lister`."""

    def __init__(
        self,
        hub: Hub,
        exchange: str,
        name: str,
        *,
        wire: Wire,
        lister: Lister,
        share: float,
        unledgered: frozenset[str] = frozenset(),
    ) -> None:
        self.hub, self.exchange, self.name = hub, exchange, name
        self.wire, self.lister = wire, lister
        self.unledgered = unledgered
        """Channels that tell the fills of another one in another form: they have a history, but no ledger lines."""
        self.share = share
        self.key = f"{exchange}.{name}"
        self.rng = random.Random(f"{hub.seed}:{self.key}")
        self.instruments = {row.name: row for row in lister.universe(hub.seed)}
        self.routes: defaultdict[tuple[str, str], dict[Hashable, dict[Socket, None]]] = defaultdict(dict)
        self.version = 0
        self.serial = 0
        self.frames = 0
        self.sent = 0
        self.prelude = 0
        """Rows of trading before the start that each instrument gets at its first use."""
        self.prelude_span = 3600 * 10**9
        self._started = hub.clock.ns()
        self._pending: deque[tuple[int, Instrument]] = deque()
        self._held: dict[str, tuple[str, Trade]] = {}
        for instrument in self.instruments.values():
            self.place(instrument)

    # The list

    def place(self, instrument: Instrument) -> None:
        """Takes a new or changed row: judges what trades, tells the ledger."""
        self.version += 1
        self.instruments[instrument.name] = instrument
        instrument.open, instrument.busy = self.lister.judge(instrument)
        instrument.anchor = instrument.anchor or instrument.price
        instrument.ledger_head = (
            f'"exchange":"{self.exchange}","market":"{self.name}","instrument":{compact(instrument.name)}'
        )
        self.hub.ledger.instrument(self.exchange, self.name, instrument)

    def remove(self, name: str) -> None:
        """Takes a row out of the list altogether; its subscriptions stay and are silent."""
        instrument = self.instruments.pop(name)
        instrument.open = instrument.busy = False
        self.version += 1

    def relist(self, name: str, seed: int) -> None:
        """Lists an instrument that is gone anew, at its last price: its ids begin again, and nothing came before."""
        old = self.instruments[name]
        if old.open:
            raise ValueError(f"{name} still trades: delist it first")
        made = self.lister.make(old.base, old.quote, trimmed(old.price, old.price_digits), seed)
        if made.name != name:
            raise ValueError(f"{name} would be listed as {made.name}")
        made.begun = True
        self.place(made)

    def history(self, instrument: Instrument, channel: str) -> History:
        """What was traded, as the REST back-fill and snapshots show it."""
        self.begin(instrument)
        found = instrument.histories.get(channel)
        if found is None:
            found = instrument.histories[channel] = History(HISTORY)
        return found

    def over_rest(self, instrument: Instrument, channel: str) -> list[Trade]:
        """What REST can show just now, oldest first: all that is kept but for what the fault `rest_lag` hides."""
        rows = self.history(instrument, channel).all()
        lag = self.hub.switchboard.lag(self)
        return rows if lag is None else lag.shown(rows, self.hub.clock.ns())

    def told(self, instrument: Instrument, channel: str, rows: Sequence[Trade], held: Sequence[Trade]) -> None:
        """Notes a REST reply in the ledger: its rows, and those that any query could have got just now."""
        aggregates = channel != self.wire.channel
        self.hub.ledger.rest(instrument, runs(rows), runs(held), at=self.hub.clock.ns(), aggregates=aggregates)

    def begin(self, instrument: Instrument) -> None:
        """Makes the trading before the start, at the first use of an instrument.

        However late that use is: whoever has listened since would miss what is newer.
        """
        if instrument.begun:
            return
        instrument.begun = True
        if not self.prelude or not instrument.open or self.hub.replaying:
            return
        end = min(self._started, self.hub.clock.ns()) - 10**9
        steps = sorted(self.rng.randrange(self.prelude_span) for _ in range(self.prelude))
        for step in steps:
            trade = self.hub.generator.draw(self, instrument, end - self.prelude_span + step)
            self._record(instrument, self.wire.channel, trade, connections=0, snapshot_only=True)
            for channel, joined in self.wire.derived(instrument, trade, trade.time):
                self._record(instrument, channel, joined, connections=0, snapshot_only=True)
        for channel, joined in self.wire.finish(instrument):
            self._record(instrument, channel, joined, connections=0, snapshot_only=True)

    # Subscriptions

    def subscribe(self, socket: Socket, channel: str, instrument: str, form: Hashable) -> None:
        """From now on this client gets the channel's frames in this form."""
        topic = (self.key, channel, instrument)
        if topic in socket.topics:
            self._unroute(socket, topic)
        self.routes[channel, instrument].setdefault(form, {})[socket] = None
        socket.topics[topic] = (self, (channel, instrument), form)
        row = self.instruments.get(instrument)
        if row is not None and self.hub.switchboard.strikes("old_trades", self):
            newest = self.history(row, channel).newest(1)
            payload = self.wire.encode(row, channel, newest, form, self.hub.clock.ns()) if newest else None
            if payload is not None:
                socket.queue(self.wire.frame(payload))

    def accepts(self, name: str) -> bool:
        """Whether an instrument may be subscribed to: it is listed, or anything goes."""
        return name in self.instruments or self.hub.replaying or self.hub.switchboard.accepts_unknown(self)

    def unsubscribe(self, socket: Socket, channel: str, instrument: str) -> bool:
        """Stops a channel of an instrument; False when it did not flow."""
        topic = (self.key, channel, instrument)
        if topic not in socket.topics:
            return False
        self._unroute(socket, topic)
        return True

    def _unroute(self, socket: Socket, topic: tuple[str, str, str]) -> None:
        _, route, form = socket.topics.pop(topic)
        forms = self.routes[route]
        assert isinstance(form, Hashable)
        forms[form].pop(socket, None)
        if not forms[form]:
            del forms[form]
        if not forms:
            del self.routes[route]

    # Trades

    def trade(self, instrument: Instrument, trade: Trade, now: int) -> None:
        """A new fill: into its own frame, or into the frame that its instrument is filling."""
        self.begin(instrument)
        if not self.wire.frame_ns:
            self._fill(instrument, [trade], now)
            return
        if not instrument.batches:
            instrument.batches.append([])
            self._pending.append((now + self.wire.frame_ns, instrument))
        elif len(instrument.batches[-1]) >= FRAME_ROWS:
            self.split(instrument)
        instrument.batches[-1].append(trade)

    def split(self, instrument: Instrument) -> None:
        """Closes the frame that an instrument is filling: what comes now goes into the next one."""
        if instrument.batches and instrument.batches[-1]:
            instrument.batches.append([])

    def settle(self, now: int) -> None:
        """Sends the frames whose time has come and the aggregates that time completes."""
        while self._pending and self._pending[0][0] <= now:
            _, instrument = self._pending.popleft()
            batch = instrument.batches.pop(0)
            if instrument.batches:
                self._pending.append((now + self.wire.frame_ns, instrument))
            if batch:
                self._fill(instrument, batch, now)
        for instrument, channel, joined in self.wire.settled(now):
            self._emit(instrument, channel, [joined], now)
        if self._held and not self.hub.switchboard.active("out_of_order_rows", self):
            for name, (channel, trade) in list(self._held.items()):
                self._send(self.instruments[name], channel, [trade], now)
            self._held.clear()

    def holds(self, instrument: Instrument) -> bool:
        """Whether a frame of this instrument waits to be sent after the next one (fault `out_of_order_rows`)."""
        return instrument.name in self._held

    def _fill(self, instrument: Instrument, trades: list[Trade], now: int) -> None:
        self._emit(instrument, self.wire.channel, trades, now)
        for trade in trades:
            for channel, joined in self.wire.derived(instrument, trade, now):
                self._emit(instrument, channel, [joined], now)

    def _emit(self, instrument: Instrument, channel: str, trades: list[Trade], now: int) -> None:
        disturbance = self.hub.switchboard.disturb(self, instrument, channel, trades)
        if disturbance is None:
            reached = self._send(instrument, channel, trades, now)
            for trade in trades:
                self._record(instrument, channel, trade, connections=reached)
            return
        reached = self._send_disturbed(instrument, channel, disturbance, now)
        for trade in trades:
            note = disturbance.notes.get(id(trade), "")
            self._record(instrument, channel, trade, connections=0 if note else reached, note=note)

    def _send(self, instrument: Instrument, channel: str, trades: Sequence[Trade], now: int) -> int:
        forms = self.routes.get((channel, instrument.name))
        if not forms:
            return 0
        reached = 0
        for form, sockets in forms.items():
            frame = self.wire.frame(self.wire.encode(instrument, channel, trades, form, now))
            for socket in sockets:
                reached += socket.queue(frame)
        self.frames += reached
        return reached

    def _send_disturbed(self, instrument: Instrument, channel: str, fault: Disturbance, now: int) -> int:
        if fault.hold:
            reached = self._audience(instrument, channel)
            self._held[instrument.name] = (channel, fault.kept[0])
            return reached
        reached = 0
        forms = self.routes.get((channel, instrument.name), {})
        for form, sockets in forms.items():
            frames = self._disturbed_frames(instrument, channel, fault, form, now)
            for socket in sockets:
                reached += sum(1 for frame in frames if socket.queue(frame)) > 0
        if instrument.name in self._held:
            held_channel, held = self._held.pop(instrument.name)
            self._send(instrument, held_channel, [held], now)
        self.frames += reached
        return 0 if fault.silent else reached

    def _disturbed_frames(
        self, instrument: Instrument, channel: str, fault: Disturbance, form: Hashable, now: int
    ) -> list[bytes]:
        frames: list[bytes] = []
        if fault.damage is not None:
            whole = self.wire.encode(instrument, channel, fault.shown, form, now)
            frames.append(fault.damage(whole, self.wire.frame))
        if fault.kept and not fault.silent:
            frame = self.wire.frame(self.wire.encode(instrument, channel, fault.kept, form, now))
            frames.extend([frame] * fault.copies)
        return frames

    def _audience(self, instrument: Instrument, channel: str) -> int:
        forms = self.routes.get((channel, instrument.name), {})
        return sum(1 for sockets in forms.values() for socket in sockets if socket.open and not socket.muted)

    def _record(
        self,
        instrument: Instrument,
        channel: str,
        trade: Trade,
        *,
        connections: int,
        snapshot_only: bool = False,
        note: str = "",
    ) -> None:
        history = instrument.histories.get(channel)
        if history is None:
            history = instrument.histories[channel] = History(HISTORY)
        history.append(trade)
        if not snapshot_only and connections:
            self.sent += 1
        if channel in self.unledgered:
            return
        self.serial += 1
        self.hub.ledger.trade(
            instrument,
            trade,
            serial=self.serial,
            id_text=self.wire.id_text(trade),
            order_text=self.wire.order_text(trade),
            connections=connections,
            snapshot_only=snapshot_only,
            note=note,
        )


def runs(rows: Sequence[Trade]) -> list[list[int]]:
    """The places of trades in their history, as ranges with both ends."""
    found: list[list[int]] = []
    for row in sorted(trade.row for trade in rows):
        if found and row <= found[-1][1] + 1:
            found[-1][1] = row
        else:
            found.append([row, row])
    return found
