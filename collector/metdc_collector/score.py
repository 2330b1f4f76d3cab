"""The health score: one number between 0 and 1 for how much of a market flows. Pure.

``score = nats x (streaming / wanted) x promptness``

- nats: 1 while trades can be stored, else 0.5 (they are kept, and delivered afterwards);
- streaming / wanted: instruments that flow, of those wanted and not refused; 0 before the instrument list is read;
- promptness: 1 while the oldest trade that is not acknowledged is younger than 10 s, falling to 0.5 at 60 s.
"""

_PROMPT = 10.0
_LATE = 60.0


def score(*, nats: bool, wanted: int, streaming: int, backlog_age: float) -> float:
    """Return the health score; ``backlog_age`` in seconds, 0 without a backlog."""
    flowing = min(1.0, streaming / wanted) if wanted else 0.0
    lateness = min(max(backlog_age - _PROMPT, 0.0) / (_LATE - _PROMPT), 1.0)
    return round((1.0 if nats else 0.5) * flowing * (1.0 - 0.5 * lateness), 3)
