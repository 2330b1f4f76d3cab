import sys
from pathlib import Path

import nats
import pytest

from tests.harness import NotInTime, Process, eventually, nats_server


async def test_a_nats_server_that_is_killed_comes_back_with_what_it_stored(tmp_path: Path) -> None:
    with nats_server(tmp_path / "store") as server:
        nc = await nats.connect(server.url)
        await nc.jetstream().add_stream(name="S", subjects=["s"])
        await nc.jetstream().publish("s", b"kept")
        await nc.close()
        first = server.process.pid
        server.restart()
        nc = await nats.connect(server.url)
        message = await nc.jetstream().get_last_msg("S", "s")
        await nc.close()
        assert (message.data, server.process.pid != first) == (b"kept", True)


def test_a_line_is_waited_for_and_those_before_it_are_dropped() -> None:
    script = "print('one'); print('two'); print('three')"
    with Process([sys.executable, "-c", script], name="script") as process:
        assert process.line(10, where=lambda line: line == "two") == "two"
        assert process.line(10) == "three"
        assert process.wait(10) == 0


def test_waiting_for_a_line_of_a_process_that_ended_tells_its_last_words() -> None:
    script = "import sys; print('broken', file=sys.stderr); sys.exit(3)"
    with Process([sys.executable, "-c", script], name="script") as process:
        process.wait(10)
        with pytest.raises(NotInTime, match=r"(?s)ended with 3.*broken"):
            process.line(10)


def test_a_process_that_ignores_sigterm_is_killed_after_its_time() -> None:
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); signal.pause()"
    with Process([sys.executable, "-c", script], name="script") as process:
        process.line(10)
        assert process.terminate(0.2) == -9


def test_what_never_happens_is_named() -> None:
    with pytest.raises(NotInTime, match="the moon"):
        eventually(lambda: None, 0.1, "the moon", every=0.02)
