"""The entry point of ``metdc``: it imports nothing that may be missing before it can say so."""

import sys


def main() -> None:
    """Run ``metdc`` with the process's arguments."""
    try:
        from metdc_collector.cli.group import metdc
    except ModuleNotFoundError as error:
        sys.exit(f"metdc: the command line needs the package {error.name}: pip install 'metdc[cli]'")
    metdc(prog_name="metdc")


if __name__ == "__main__":
    main()
