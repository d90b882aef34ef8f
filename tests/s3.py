"""An S3 server on this machine that nobody here wrote (s3rver, from the npm packages of
tests/clients), with one bucket that is empty."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.node import NodeClients

BUCKET = "files"
KEY = SECRET = "S3RVER"
TOGETHER = 20.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where it listens, and where it keeps what it has."""

    endpoint: str
    directory: Path

    @property
    def url(self) -> str:
        return self.url_below("lms")

    def url_below(self, prefix: str) -> str:
        return f"s3://{BUCKET}/{prefix}?endpoint={self.endpoint}"

    def held(self, prefix: str = "lms") -> set[str]:
        """What can be read from it below a prefix."""
        root = self.directory / BUCKET / prefix
        suffix = "._S3rver_object"
        return {str(each.relative_to(root))[: -len(suffix)] for each in root.rglob(f"*{suffix}")}


@contextmanager
def serving(node: NodeClients, directory: Path) -> Iterator[Bucket]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = node.directory / "node_modules" / "s3rver" / "bin" / "s3rver.js"
    command = [str(node.node), str(script), "-d", str(directory), "-a", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "-p", str(port), "--silent", "--configure-bucket", BUCKET],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield Bucket(f"http://127.0.0.1:{port}", directory)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + TOGETHER
    while time.monotonic() < until:
        assert process.poll() is None, "the server has ended"
        with socket.socket() as trying:
            trying.settimeout(1)
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("The S3 server does not listen.")
