"""The entry point of ``metdc``: it imports nothing that may be missing before it can say so."""

import sys


def main() -> None:
    """Run ``metdc`` with the process's arguments."""
    try:
        from metdc_collector.cli.group import metdc
    except ModuleNotFoundError as error:
        sys.stderr.write(f"metdc: the command line needs the package {error.name}: pip install 'metdc[cli]'\n")
        sys.exit(2)
    metdc(prog_name="metdc")


if __name__ == "__main__":
    main()
