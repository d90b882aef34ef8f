"""Asking the running system over HTTP, with the token of each principal."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from tests.proof.proving import Answer
from tests.proof.table import PEOPLE
from tests.proof.town import City, Town
from tests.stories.running import Company, System

_ADDRESSES = count(2)


def stranger() -> httpx.AsyncClient:
    """Somebody at an address nobody else has."""
    number = next(_ADDRESSES)
    address = f"127.{os.getpid() % 250 + 1}.{number // 250}.{number % 250 + 1}"
    return httpx.AsyncClient(timeout=30, transport=httpx.AsyncHTTPTransport(local_address=address))


@dataclass
class OverHttp:
    """`await ask("dept_teach", document, variables, False)`; one connection pool for all.

    Whoever knocks in vain often is held back by address; so each stranger has one of its own.
    """

    http: httpx.AsyncClient
    url: str
    tokens: Mapping[str, str]

    @staticmethod
    async def tokens_of(system: System, town: Town) -> dict[str, str]:
        """A signed token for each person, and for the identity provider a SCIM token."""
        company = Company(system, town.here.world)
        signed = {name: company.token(name) for name in PEOPLE}
        return signed | {"idp_service": await company.scim_token()}

    @classmethod
    @asynccontextmanager
    async def open(cls, system: System, tokens: Mapping[str, str]) -> AsyncIterator["OverHttp"]:
        async with httpx.AsyncClient(timeout=30) as http:
            yield cls(http, system.graphql, tokens)

    async def __call__(
        self, who: str, document: str, variables: Mapping[str, Any], is_stream: bool = False
    ) -> Answer:
        body = {"query": document, "variables": dict(variables)}
        headers = self.headers(who)
        if is_stream:
            return await self._first(body, headers)
        if who in PEOPLE:
            response = await self.http.post(self.url, json=body, headers=headers)
        else:
            async with stranger() as http:
                response = await http.post(self.url, json=body, headers=headers)
        answer: Answer = response.json()
        return answer

    def headers(self, who: str) -> dict[str, str]:
        token = self.tokens.get(who)
        return {} if token is None else {"authorization": f"Bearer {token}"}

    async def _first(self, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        """The first thing a stream says."""
        accepting = headers | {"accept": "text/event-stream"}
        async with (
            stranger() as http,
            http.stream("POST", self.url, json=body, headers=accepting) as response,
        ):
            if "event-stream" not in response.headers["content-type"]:
                refused: Answer = json.loads(await response.aread())
                return refused
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    said: Answer = json.loads(line.removeprefix("data: "))
                    return said
        raise AssertionError("The stream said nothing.")


def tokens_in(system: System, city: City) -> dict[str, str]:
    """Signed tokens of the people of another workspace."""
    company = Company(system, city.world)
    return {name: company.token(name) for name in PEOPLE}
