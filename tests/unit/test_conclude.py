"""Commands that judge end alike: one JSON object as the last line on stdout, the rest on stderr, and an exit code."""

import json
from typing import Any

import pytest

from tests.harness import FAILED, NOTHING, OK, NotInTime, Stopped, conclude

Out = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("ok", "proves", "code"), [(True, True, OK), (False, True, FAILED), (False, False, NOTHING), (True, False, NOTHING)]
)
def test_the_code_says_whether_all_held_and_whether_anything_was_proven(
    ok: bool, proves: bool, code: int, capsys: Out
) -> None:
    assert conclude(lambda: ({"ok": ok, "sent": 7}, proves), seed=3) == code
    assert capsys.readouterr().out.splitlines() == [json.dumps({"ok": ok, "seed": 3, "sent": 7})]


def test_what_did_not_hold_is_said_too(capsys: Out) -> None:
    conclude(lambda: ({"ok": False, "problems": ["one", "돌핀"]}, True))
    told = capsys.readouterr()
    assert told.err.splitlines() == ["one", "돌핀"]
    assert told.out == '{"ok": false, "problems": ["one", "돌핀"]}\n'


@pytest.mark.parametrize("code", [FAILED, NOTHING])
def test_a_failure_is_told_in_a_line_and_said_as_a_whole(code: int, capsys: Out) -> None:
    def work() -> tuple[dict[str, Any], bool]:
        raise NotInTime("nats-server: no\nits log")

    assert conclude(work, OSError, NotInTime, code=code, seed=3) == code
    told = capsys.readouterr()
    assert json.loads(told.out) == {"ok": False, "seed": 3, "error": "nats-server: no"}
    assert told.err == "nats-server: no\nits log\n"


@pytest.mark.parametrize("stop", [Stopped, KeyboardInterrupt])
def test_a_run_that_is_stopped_proves_nothing(stop: type[BaseException], capsys: Out) -> None:
    def work() -> tuple[dict[str, Any], bool]:
        raise stop

    assert conclude(work, OSError, code=FAILED) == NOTHING
    assert json.loads(capsys.readouterr().out) == {"ok": False, "error": "stopped"}


def test_any_other_error_is_a_fault_of_the_command(capsys: Out) -> None:
    with pytest.raises(ZeroDivisionError):
        conclude(lambda: ({"ok": bool(1 // 0)}, True), OSError)
    assert not capsys.readouterr().out
