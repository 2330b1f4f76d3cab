"""Sizes as people write them in a resource, Kubernetes' quantities of bytes: ``512Mi``, ``8Gi``, ``1000000``."""

import re

_WHOLE = re.compile(r"([0-9]{1,18})(k|Ki|M|Mi|G|Gi|T|Ti)?", re.ASCII)
_FACTORS: dict[str | None, int] = {None: 1, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4} | {
    f"{unit}i": 1024**power for power, unit in enumerate("KMGT", start=1)
}


def parse(quantity: str | int) -> int:
    """Return the size in bytes.

    Raises:
        ValueError: when it is none.
    """
    match = _WHOLE.fullmatch(str(quantity))
    if match is None:
        raise ValueError(f"{quantity!r} is no size: write bytes, or a number with Ki, Mi, Gi or Ti, such as 8Gi")
    return int(match[1]) * _FACTORS[match[2]]
