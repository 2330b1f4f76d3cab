"""What is wrong with a manifest, in words for the person who wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend; ``path`` is the field (``spec.rotation.interval``), empty for the whole."""

    path: str
    message: str
    resource: str = ""
    file: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.resource, self.path, self.message) if part)


class InvalidManifest(ValueError):
    """At least one manifest cannot be used; the text has a line for each problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


def joined(parts: Sequence[str | int]) -> str:
    """Return the path of a field as Kubernetes writes it: ``spec.markets[0].name``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
