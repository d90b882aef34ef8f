"""The containers are described without contradictions: linted, complete, and closed.

No container engine is needed: what can be known from the files is known here.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
DOCKERFILE = DOCKER / "Dockerfile"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    described: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return described


def ours(compose: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The services that run this product."""
    for name, service in compose["services"].items():
        if "build" in service:
            yield name, service


def test_the_dockerfile_is_clean_to_hadolint() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")

    verdict = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)

    assert (verdict.returncode, verdict.stdout) == (0, "")


def test_everything_the_image_copies_exists_and_is_let_through() -> None:
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for line in DOCKERFILE.read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }

    assert copied == let_through
    assert [each for each in copied if not (ROOT / each).exists()] == []


def test_the_image_holds_every_room() -> None:
    rooms = {each.parent.name for each in ROOT.glob("*/__init__.py")} - {"tests"}

    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE.read_text(), re.MULTILINE))

    assert copied == rooms


def test_the_image_runs_as_nobody_in_particular_and_checks_itself_without_a_shell() -> None:
    final = DOCKERFILE.read_text().rpartition("\nFROM ")[2]

    assert "USER 10001:10001" in final
    assert re.search(r'HEALTHCHECK .*\\\n    CMD \["python", ', final)
    assert 'ENTRYPOINT ["coordinator"]' in final


def test_paths_and_names_in_the_compose_file_exist(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        assert set(service["networks"]) <= set(compose["networks"]), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            exists = (DOCKER / source).exists()
            assert exists if source.startswith(".") else source in compose["volumes"], volume
    for _, service in ours(compose):
        build = service["build"]
        assert (DOCKER / build["context"] / build["dockerfile"]).samefile(DOCKERFILE)


def test_every_part_of_the_product_is_there(compose: dict[str, Any]) -> None:
    commands = {name: service["command"] for name, service in ours(compose)}

    assert commands == {
        "web": ["serve"],
        "worker-now": ["worker", "--queues", "now"],
        "worker-later": ["worker", "--queues", "later"],
        "worker-files": ["worker", "--queues", "files"],
        "migrate": ["migrate"],
    }
    assert {"proxy", "database", "doorbell"} == set(compose["services"]) - set(commands)


def test_every_variable_is_one_the_program_reads(compose: dict[str, Any]) -> None:
    read_elsewhere = {
        "FORWARDED_ALLOW_IPS",  # by uvicorn
        "COORDINATOR_ISSUER_SECRET",  # where COORDINATOR_ISSUERS names it
    }
    known = {
        field.validation_alias or f"COORDINATOR_{name.upper()}"
        for name, field in Settings.model_fields.items()
    } | read_elsewhere
    for name, service in ours(compose):
        assert set(service["environment"]) <= known, name


def test_containers_of_the_product_are_closed(compose: dict[str, Any]) -> None:
    for name, service in ours(compose):
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "ports" not in service, name


def test_only_the_proxy_can_be_reached_from_outside(compose: dict[str, Any]) -> None:
    reachable = {
        name
        for name, service in compose["services"].items()
        if "ports" in service or "outside" in service["networks"]
    }

    assert reachable == {"proxy"}
    assert compose["networks"]["inside"]["internal"] is True


def test_health_is_asked_without_a_shell(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        test = service.get("healthcheck", {}).get("test", ["CMD"])
        assert test[0] == "CMD", name


@pytest.mark.parametrize(
    "directive",
    [
        "client_header_timeout 10s;",
        "client_body_timeout 15s;",
        "proxy_buffering off;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_header;",
        "proxy_read_timeout 75s;",
    ],
)
def test_the_proxy_does_what_the_web_process_does_not(directive: str) -> None:
    configured = {line.strip() for line in (DOCKER / "proxy.conf").read_text().splitlines()}

    assert directive in configured
