"""Access to a venue as every process has it: within its share of the limits, trusted by certificates."""

import ssl
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from metdc_collector.clock import Clock
from metdc_collector.exchanges.base import Endpoints, Rhythm, Venue
from metdc_collector.limits import Budget
from metdc_collector.rest import Rest
from metdc_collector.tap import Tap

_LEAST_SILENCE = 5.0


def within_limits(
    venue: Venue,
    endpoints: Endpoints,
    *,
    share: Fraction,
    clock: Clock,
    tls: ssl.SSLContext | None,
    tap: Tap | None = None,
    key: str | None = None,
) -> tuple[Budget, Rest]:
    """Return the budget of new connections, and the REST client, both within ``share`` of the venue's limits.

    ``key`` as :class:`Rest` takes it.
    """

    def monotonic() -> float:
        return clock.now() / 1e9

    weight = Budget(venue.limits.rest_weight, share=share, monotonic=monotonic)
    connects = Budget(venue.limits.connects, share=share, monotonic=monotonic)
    return connects, Rest(endpoints.rest, venue=venue, weight=weight, connects=connects, tls=tls, tap=tap, key=key)


def trust(addresses: Iterable[str], extra_ca: Path | None) -> ssl.SSLContext | None:
    """Return by whom these addresses are trusted; null where none of them is encrypted.

    Raises:
        OSError: when the file of further authorities can't be read, or (``ssl.SSLError``) holds no certificate.
    """
    if not any(address.startswith(("https:", "wss:")) for address in addresses):
        return None
    context = ssl.create_default_context()
    if extra_ca is not None:
        context.load_verify_locations(extra_ca)
    return context


def divided(rhythm: Rhythm, by: float) -> Rhythm:
    """Return a venue's rhythm with its timers divided, for a simulator that divides its own.

    How soon a request is answered is no timer of the venue's: it stays. Nor is a machine that is busy with a dozen
    processes a silent venue: a few seconds of silence are always allowed.
    """
    return replace(
        rhythm,
        heartbeat=None if rhythm.heartbeat is None else rhythm.heartbeat / by,
        silence=max(rhythm.silence / by, min(rhythm.silence, _LEAST_SILENCE)),
        life=None if rhythm.life is None else rhythm.life / by,
    )
