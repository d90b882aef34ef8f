"""A real OpenID provider as a process of its own, and a browser that signs in there.

`OpenIdProvider` starts npm's oidc-provider; `sign_in` walks through its pages as a person would:
authorization request with PKCE, login, consent, and the code for an access token.
"""

import base64
import hashlib
import html
import json
import re
import secrets
import select
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from joserfc.jwk import ECKey, Key, KeyParameters, RSAKey

from tests.node import NodeClients

AUDIENCE = "https://lms.example.com"
CALLBACK = "http://127.0.0.1/callback"
START_SECONDS = 30.0


def new_key(name: str, algorithm: str = "RS256") -> Key:
    """A signing key as a provider keeps it."""
    said: KeyParameters = {"kid": name, "use": "sig", "alg": algorithm}
    if algorithm.startswith("ES"):
        return ECKey.generate_key("P-256", said)
    return RSAKey.generate_key(2048, said)


@dataclass
class OpenIdProvider:
    """oidc-provider with these keys and people (claims by subject); the first key signs."""

    node: NodeClients
    people: Mapping[str, Mapping[str, Any]]
    keys: Sequence[Key]
    port: int = 0
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    issuer: str = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        given = {
            "keys": [key.as_dict(private=True) for key in self.keys],
            "people": self.people,
            "audience": AUDIENCE,
            "cookie": secrets.token_hex(16),
            "secret": self.secret,
        }
        self._process = subprocess.Popen(
            self.node.command("oidc_provider.mjs", str(self.port), json.dumps(given)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        said = self._process.stdout.readline().strip() if ready else ""
        if not said.startswith("http://127.0.0.1:"):
            self.stop()
            raise AssertionError(f"oidc-provider did not start: {said}")
        self.issuer = said
        self.port = int(said.rpartition(":")[2])

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def restart(self, keys: Sequence[Key]) -> None:
        """The same provider at the same address, with other keys."""
        self.stop()
        self.keys = keys
        self.start()

    async def sign_in(self, subject: str, client: str = "web") -> dict[str, Any]:
        """The answer of the token endpoint after a person has signed in by hand."""
        verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        request = {
            "client_id": client,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "scope": "openid lms",
            "resource": AUDIENCE,
            "state": secrets.token_hex(8),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        async with httpx.AsyncClient(timeout=10) as browser:
            answer = await browser.get(f"{self.issuer}/auth", params=request)
            back = await _follow(browser, answer, {"login": subject, "password": "any"})
            found = parse_qs(urlsplit(back).query)
            assert found["state"] == [request["state"]], back
            exchanged = await browser.post(
                f"{self.issuer}/token",
                data={
                    "grant_type": "authorization_code",
                    "client_id": client,
                    "code": found["code"][0],
                    "redirect_uri": CALLBACK,
                    "code_verifier": verifier,
                    "resource": AUDIENCE,
                },
            )
        assert exchanged.status_code == 200, exchanged.text
        tokens: dict[str, Any] = exchanged.json()
        return tokens

    async def revoke(self, token: str) -> None:
        async with httpx.AsyncClient() as client:
            said = await client.post(
                f"{self.issuer}/token/revocation",
                data={"token": token, "client_id": "phone"},
            )
        assert said.status_code == 200, said.text


async def _follow(
    browser: httpx.AsyncClient, answer: httpx.Response, typed: Mapping[str, str]
) -> str:
    """Go where the pages lead, filling in and sending their forms, until the client's address."""
    for _ in range(20):
        if answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if target.startswith(CALLBACK):
                return target
            answer = await browser.get(target)
            continue
        assert answer.status_code == 200, answer.text
        action = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
        assert action is not None, answer.text
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', answer.text))
        if 'name="login"' in answer.text:
            fields |= typed
        target = urljoin(str(answer.url), html.unescape(action.group(1)))
        answer = await browser.post(target, data=fields)
    raise AssertionError("The sign-in goes round in circles.")
