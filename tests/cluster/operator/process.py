"""The operator as a process of its own, its pods' reports at this machine: 10.1.2.3 is asked at 127.1.2.3.

Run it as ``python -m tests.cluster.operator.process PORT FLAGS…``; the flags are the operator's. Its
clock can be set back.
"""

import asyncio
import os
import sys
import time
from functools import partial

sys.modules["kubernetes"] = None  # type: ignore[assignment]  # as in the operator's pod; kopf would import it from here
from metdc_operator import logs  # noqa: E402
from metdc_operator.app import run  # noqa: E402
from metdc_operator.options import read  # noqa: E402
from metdc_operator.records import PodRecord  # noqa: E402
from metdc_operator.reports import Address  # noqa: E402
from tests.cluster.operator import BEHIND  # noqa: E402


def local_address(port: int, pod: PodRecord) -> Address | None:
    """Where the stub answers for a pod."""
    return (f"127.{pod.address.split('.', 1)[1]}", port) if pod.address else None


def main() -> int:
    """Run the operator as it runs in its pod, but for where it asks."""
    options = read(sys.argv[2:])
    logs.configure(options.log_level, options.log_format)
    behind = int(float(os.environ.get(BEHIND, "0")) * 10**9)
    resolve = partial(local_address, int(sys.argv[1]))
    return asyncio.run(run(options, resolve=resolve, now=lambda: time.time_ns() - behind))


if __name__ == "__main__":
    sys.exit(main())
