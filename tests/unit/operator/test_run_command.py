"""``metdc run``: its help, and what it refuses before anything is started."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from metdc_operator.cli import run
from tests.unit.operator.examples import HEAD


def invoked(*words: str, tmp_path: Path, spec: str = "exchange: binance, markets: [{name: spot}]") -> Result:
    file = tmp_path / "a.yaml"
    file.write_text(f"{HEAD}metadata: {{name: a}}\nspec: {{{spec}}}\n")
    return CliRunner().invoke(run, ["-f", str(file), *words], standalone_mode=False)


def test_help_shows_examples_and_what_ctrl_c_does() -> None:
    told = CliRunner().invoke(run, ["--help"]).output

    assert "metdc run -f config/samples/binance.yaml" in told
    assert "Ctrl-C stops" in told


def test_a_file_that_is_invalid_ends_it_with_2_and_a_line_for_each_problem(tmp_path: Path) -> None:
    result = invoked(tmp_path=tmp_path, spec="exchange: ftx, markets: []")

    assert result.return_value == 2
    assert len(result.stderr.splitlines()) == 2
    assert f"{tmp_path / 'a.yaml'}: default/a: spec.exchange: 'ftx' is not supported" in result.stderr


def test_a_field_without_behaviour_ends_it_with_2(tmp_path: Path) -> None:
    result = invoked(tmp_path=tmp_path, spec="exchange: binance, markets: [{name: spot}], redundancy: 2")

    assert result.return_value == 2
    assert result.stderr == "default/a: spec.redundancy: 2 is not supported yet; leave it out\n"


def test_an_address_of_nats_needs_a_scheme(tmp_path: Path) -> None:
    result = invoked("--nats", "localhost:4222", tmp_path=tmp_path)

    assert "'localhost:4222' must begin with nats:// or tls://" in str(result.exception)


def test_timers_that_cannot_be_divided_end_it_with_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METDC_DIVIDE_TIMERS", "much")
    result = invoked(tmp_path=tmp_path)

    assert result.return_value == 2
    assert "METDC_DIVIDE_TIMERS: 'much' is not a number from 1 to 1000" in result.stderr
