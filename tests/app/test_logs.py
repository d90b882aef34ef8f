"""What is logged about a failure names the place, and never what was in its variables."""

import subprocess
import sys

import pytest

FAILING = """
import logging
from app.logs import configure_logs

configure_logs(as_json={as_json})


def fail():
    token = "lmsc_pat_" + "secretsecret"
    raise RuntimeError("it failed")


try:
    fail()
except RuntimeError:
    logging.getLogger("somewhere").exception("not done")
"""


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_values_of_variables(as_json: bool) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FAILING.format(as_json=as_json)],
        capture_output=True,
        text=True,
        check=True,
    ).stderr

    assert "it failed" in told
    assert "fail" in told
    assert "lmsc_pat_secretsecret" not in told
