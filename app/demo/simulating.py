"""Plays an identity provider that keeps changing people, through the SCIM door."""

import http.client
import json
import random
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import structlog

from app.demo import company
from app.demo.building import Keys, read_keys
from app.settings import Settings

PAUSE_SECONDS = 1.0
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

log = structlog.get_logger("app.demo")


def simulate(settings: Settings) -> None:
    """Change somebody every second, until stopped."""
    keys = read_keys(settings)
    for user_name, operations in changes(keys, random.Random()):  # noqa: S311 - a game of chance
        _patch(settings, keys, user_name, operations)
        time.sleep(PAUSE_SECONDS)


def changes(keys: Keys, dice: random.Random) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Who changes how, for ever: departments, countries, titles; nobody the guide speaks of."""
    cast = {person.user_name for person in company.cast()}
    others = sorted(set(keys.directory_ids) - cast)
    while True:
        department = dice.choice(list(company.DEPARTMENTS))
        country = dice.choice(list(company.COUNTRIES))
        yield (
            dice.choice(others),
            [
                dice.choice(
                    [
                        _replace(f"{_ENTERPRISE}:department", department),
                        _replace("title", dice.choice(company.DEPARTMENTS[department])),
                        _replace('addresses[type eq "work"].country', country),
                    ]
                )
            ],
        )


def _replace(path: str, value: str) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}


def _patch(
    settings: Settings, keys: Keys, user_name: str, operations: list[dict[str, object]]
) -> None:
    where = urlsplit(settings.base_url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
    try:
        connection.request(
            "PATCH",
            f"/scim/v2/Users/{keys.directory_ids[user_name]}",
            json.dumps(body),
            {
                "authorization": f"Bearer {keys.scim}",
                "content-type": "application/scim+json",
            },
        )
        answer = connection.getresponse()
        answer.read()
        log.info("demo.changed", who=user_name, status=answer.status, **operations[0])
    except OSError as problem:
        log.warning("demo.unreachable", problem=str(problem))
    finally:
        connection.close()
