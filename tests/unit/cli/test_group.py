"""``metdc`` itself: what it says when it can't, and that it starts without loading what it doesn't need."""

import subprocess
import sys
from importlib import import_module

import click
import pytest

from metdc_collector.cli.group import COMMANDS, metdc
from tests.unit.cli.running import run


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=30)


def test_help_lists_every_command_with_its_purpose() -> None:
    shown = run("--help").output
    assert all(name in shown and entry.purpose.split()[0] in shown for name, entry in COMMANDS.items())


def test_help_loads_no_command_and_no_library_of_one() -> None:
    done = python(
        "import sys\nfrom metdc_collector.cli.main import main\nsys.argv[1:] = ['--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'rich', 'nats', 'websockets', 'urllib3', 'orjson', 'yaml', 'pyarrow'} & set(sys.modules)))"
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", [name for name, entry in COMMANDS.items() if "metdc_collector" in entry.where])
def test_a_commands_purpose_is_the_same_in_the_list_and_in_its_module(name: str) -> None:
    module, _, attribute = COMMANDS[name].where.partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    assert command.name == name
    assert command.short_help == COMMANDS[name].purpose


@pytest.mark.parametrize("name", [name for name, entry in COMMANDS.items() if "metdc_collector" in entry.where])
def test_a_commands_help_shows_examples_and_exit_codes(name: str) -> None:
    shown = run(name, "--help").output
    assert f"metdc {name}" in shown
    assert "Exit codes:" in shown
    assert "Try it:" in shown


def test_the_version_is_one_line() -> None:
    assert run("--version").output.startswith("metdc ")


def test_no_argument_shows_the_help() -> None:
    result = run()
    assert "Try it:" in result.output
    assert result.exit_code == 2


def test_an_unknown_command_names_those_that_exist() -> None:
    result = run("colect")
    assert result.exit_code == 2
    assert result.output == (
        "metdc: unknown command 'colect'; there are: run, collect, trades, export, gaps, listings, capture, captures,"
        " symbols, record, verify, parse (help: metdc --help)\n"
    )


def test_an_unknown_option_is_one_line_that_names_the_help() -> None:
    result = run("symbols", "binance", "spot", "--fast")
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "--fast" in result.output
    assert "metdc symbols --help" in result.output


@pytest.mark.parametrize("package", ["click", "rich"])
def test_a_missing_package_is_named_with_the_remedy(package: str) -> None:
    done = python(
        f"import sys\nsys.modules[{package!r}] = None\nsys.argv[1:] = ['trades']\n"
        "from metdc_collector.cli.main import main\nmain()"
    )
    assert done.returncode == 2
    assert "pip install 'metdc[cli]'" in done.stderr
    assert package in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_missing_operator_is_named_with_the_remedy() -> None:
    done = python(
        "import sys\nsys.modules['metdc_operator'] = None\nsys.argv[1:] = ['run', '-f', 'x.yaml']\n"
        "from metdc_collector.cli.main import main\nmain()"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("metdc: run needs metdc_operator")


def test_called_from_python_it_raises_instead_of_ending_the_process() -> None:
    with pytest.raises(click.UsageError):
        metdc.main(["symbols", "binance", "nowhere"], standalone_mode=False)
