"""Rules for every test: a skip or an expected failure is red, for what is not run proves nothing."""

import signal
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes depends on the machine's other work, and says nothing of the code.
settings.register_profile("metdc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("metdc")

# A shell has its background jobs ignore Ctrl-C, and so would the processes that tests start there and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test, and one marked as expected to fail, into a failure."""
    return _red(report=(yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a module that skips itself while it is collected into a failure."""
    return _red(report=(yield))


def _red(*, report: Report) -> Report:
    expected = hasattr(report, "wasxfail")
    if report.skipped or expected:
        word = "expected to fail" if expected else "skipped"
        report.longrepr = f"{word}, and that is red here: {report.longrepr}"
        report.outcome = "failed"
        if expected:
            del report.wasxfail
    return report
