"""``python -m metdc_operator``: the operator, in its pod or on a machine that KUBECONFIG leads to a cluster."""

import asyncio
import sys

from metdc_operator import logs
from metdc_operator.app import run
from metdc_operator.options import InvalidOptions, read


def main() -> int:
    """Return the exit code: 0 ended by a signal, 1 failed, 2 told something that cannot be."""
    try:
        options = read(sys.argv[1:])
    except InvalidOptions as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logs.configure(options.log_level, options.log_format)
    return asyncio.run(run(options))


if __name__ == "__main__":
    sys.exit(main())
