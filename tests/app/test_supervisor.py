"""Children are kept running, restarted with patience, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.embedded import CannotStart
from app.supervisor import Program, Supervisor
from tests.app.cli.program import gone_within, living

LIVES = "import time; time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); {LIVES}"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{LIVES}"])
open(sys.argv[1], "w").write(str(child.pid))
child.wait()
"""
SUPERVISING = f"""
import os, sys
from app.supervisor import Program, Supervisor
supervisor = Supervisor(dict(os.environ), print, 5.0)
supervisor.start(Program("sleeper", [sys.executable, "-c", "{LIVES}"]))
print(supervisor.process_ids()[0], flush=True)
supervisor.watch()
"""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    made = Supervisor({}, said.append, grace=5.0)
    yield made
    made.stop()


def python(code: str, *arguments: str) -> Sequence[str]:
    return [sys.executable, "-I", "-S", "-c", code, *arguments]


def watch_until_said(supervisor: Supervisor, said: list[str], count: int) -> None:
    until = time.monotonic() + 20
    supervisor.watch(until=lambda: len(said) >= count or time.monotonic() > until)
    assert len(said) >= count


def test_a_child_that_ends_is_started_again_ever_later(
    supervisor: Supervisor, said: list[str]
) -> None:
    supervisor.start(Program("worker", python("import sys; sys.exit(3)")))

    watch_until_said(supervisor, said, 3)

    assert said == [
        "worker ended (exit code 3); again in 0.5 s.",
        "worker ended (exit code 3); again in 1 s.",
        "worker ended (exit code 3); again in 2 s.",
    ]


def test_a_killed_child_is_replaced(supervisor: Supervisor, said: list[str]) -> None:
    supervisor.start(Program("web", python(LIVES)))
    [first] = supervisor.process_ids()

    os.kill(first, signal.SIGKILL)
    until = time.monotonic() + 20
    supervisor.watch(
        until=lambda: (
            (bool(said) and supervisor.process_ids() != [first]) or time.monotonic() > until
        )
    )

    [second] = supervisor.process_ids()
    assert said == ["web ended (signal 9); again in 0.5 s."]
    assert living({first, second}) == {second}


def test_a_child_that_says_it_cannot_start_is_believed(supervisor: Supervisor) -> None:
    supervisor.start(Program("web", python("import sys; sys.exit(2)")))

    with pytest.raises(CannotStart, match=r"^The web process cannot start \(see above\)\.$"):
        supervisor.watch()


def test_a_child_that_has_run_before_is_tried_again_even_when_it_cannot_start(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    once = "import os, sys; p = sys.argv[1]; c = os.path.exists(p); open(p, 'w'); sys.exit(c + 1)"
    supervisor.start(Program("web", python(once, str(tmp_path / "ran"))))

    watch_until_said(supervisor, said, 2)

    assert said[1] == "web ended (exit code 2); again in 1 s."


def test_stopping_ends_children_and_what_they_started(tmp_path: Path) -> None:
    told = tmp_path / "grandchild"
    supervisor = Supervisor({}, print, grace=5.0)
    supervisor.start(Program("parent", python(PARENT, str(told))))
    until = time.monotonic() + 20
    supervisor.watch(
        until=lambda: (told.exists() and told.read_text() != "") or time.monotonic() > until
    )
    family = {*supervisor.process_ids(), int(told.read_text())}
    assert living(family) == family

    supervisor.stop()

    assert gone_within(5, family)


def test_a_child_that_will_not_end_is_ended() -> None:
    supervisor = Supervisor({}, print, grace=0.5)
    supervisor.start(Program("stubborn", python(STUBBORN)))
    [pid] = supervisor.process_ids()
    time.sleep(0.3)

    began = time.monotonic()
    supervisor.stop()

    assert gone_within(1, {pid})
    assert time.monotonic() - began < 3


def test_children_end_when_their_supervisor_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISING], stdout=subprocess.PIPE, text=True
    ) as supervising:
        assert supervising.stdout is not None
        pid = int(supervising.stdout.readline())
        time.sleep(0.3)
        assert living({pid}) == {pid}

        supervising.kill()

    assert gone_within(10, {pid})
