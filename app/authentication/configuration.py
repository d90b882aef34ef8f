"""The issuers an installation trusts, as its operator writes them down: JSON or TOML, in a file or
in the variable itself.

    [[issuers]]
    issuer = "https://id.example.com"           exactly as it stands in `iss`
    audience = "https://lms.example.com"        what tokens for this product carry in `aud`
    workspaces = ["acme"]                       or workspace_claim = "org", which names them
    match = "externalId"                        or userName, or email (only a verified one)
    claim = "sub"                               what is matched; each way of matching has its own
    connection = "Okta"                         only ids of this directory; left out: of any

    [issuers.introspection]                     only for opaque tokens
    client_id = "lms"
    client_secret_file = "/run/secrets/lms"     or client_secret_env = "THE_VARIABLE"
"""

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from app.authentication.addresses import is_safe
from app.authentication.algorithms import ALGORITHMS

MOST_ISSUERS: Final = 20
CLAIMS: Final = {"externalId": "sub", "userName": "preferred_username", "email": "email"}
"""The claim that is matched where none is named."""

_READ_OR_WRITTEN: Final = stat.S_IROTH | stat.S_IWOTH


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]
Words = Annotated[tuple[Word, ...], BeforeValidator(_listed)]


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IntrospectionSetting(_Written):
    """How an issuer is asked about its opaque tokens (RFC 7662)."""

    client_id: Word
    client_secret_env: Word | None = None
    client_secret_file: Path | None = None
    endpoint: Word | None = None
    clients: Words = ()

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        if (self.client_secret_env is None) == (self.client_secret_file is None):
            raise ValueError("exactly one of client_secret_env and client_secret_file is needed")
        return self

    @field_validator("endpoint")
    @classmethod
    def _over_tls(cls, value: str | None) -> str | None:
        return None if value is None else _safe(value)

    def secret(self) -> str:
        """The client's secret; raises ValueError where it cannot be had, or others can read it."""
        if self.client_secret_file is None:
            secret = os.environ.get(self.client_secret_env or "", "")
            where = f"the variable {self.client_secret_env}"
        else:
            secret = _content(self.client_secret_file, forbidden=_READ_OR_WRITTEN)
            where = f"the file {self.client_secret_file}"
        if not secret.strip():
            raise ValueError(f"{where} holds no client secret")
        return secret.strip()


class IssuerSetting(_Written):
    """One issuer whose word is taken."""

    issuer: Word
    audience: Word
    match: Literal["externalId", "userName", "email"]
    claim: Word | None = None
    connection: Word | None = None
    workspaces: Words = ()
    workspace_claim: Word | None = None
    algorithms: Words = Field(default=tuple(sorted(ALGORITHMS)), min_length=1)
    jwks_uri: Word | None = None
    introspection: IntrospectionSetting | None = None

    @field_validator("issuer", "jwks_uri")
    @classmethod
    def _over_tls(cls, value: str | None) -> str | None:
        return None if value is None else _safe(value)

    @field_validator("algorithms")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - ALGORITHMS)
        if unknown:
            raise ValueError(
                f"{', '.join(unknown)} cannot be taken; there are {', '.join(sorted(ALGORITHMS))}"
            )
        return value

    @model_validator(mode="after")
    def _speaks_for_somebody(self) -> Self:
        if bool(self.workspaces) == (self.workspace_claim is not None):
            raise ValueError(
                "exactly one of workspaces (the short names of those it may speak for) and "
                "workspace_claim is needed"
            )
        if self.match == "email" and self.claim not in (None, "email"):
            raise ValueError("only the claim email says whether it is verified; leave claim out")
        if self.connection is not None and self.match != "externalId":
            raise ValueError("connection goes with match externalId: only directories give ids")
        return self

    @property
    def matched_claim(self) -> str:
        return self.claim or CLAIMS[self.match]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address the operator wrote."""
        asked = self.introspection.endpoint if self.introspection else None
        return tuple(each for each in (self.issuer, self.jwks_uri, asked) if each)


def read_issuers(text: str) -> tuple[IssuerSetting, ...]:
    """The issuers written in a text, or in the file it names. Raises ValueError, in one sentence
    that begins with a verb: it is said of the variable."""
    if text.lstrip()[:1] not in ("[", "{"):
        text = _content(Path(text), forbidden=stat.S_IWOTH)
    listed = _parsed(text)
    if not 0 < len(listed) <= MOST_ISSUERS:
        raise ValueError(f"must name 1 to {MOST_ISSUERS} issuers; it names {len(listed)}")
    found = tuple(_one(number, each) for number, each in enumerate(listed, start=1))
    names = [each.issuer for each in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"must name every issuer once; twice there are {', '.join(twice)}")
    return found


def _parsed(text: str) -> list[Any]:
    try:
        document = json.loads(text)
    except ValueError as no_json:
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as no_toml:
            raise ValueError(
                f"must be JSON or TOML, or name a file of it; as JSON: {no_json}; as TOML: "
                f"{no_toml}"
            ) from None
    if isinstance(document, dict):
        others = sorted(set(document) - {"issuers"})
        if others:
            raise ValueError(f"must be a list of issuers; {', '.join(others)} is not known")
        document = document.get("issuers")
    if not isinstance(document, list):
        raise ValueError("must be a list of issuers, or hold one under `issuers`")
    return document


def _one(number: int, written: object) -> IssuerSetting:
    name = written.get("issuer") if isinstance(written, dict) else None
    called = name if isinstance(name, str) else f"number {number}"
    try:
        found = IssuerSetting.model_validate(written)
        if found.introspection is not None:
            found.introspection.secret()
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        raise ValueError(f"cannot be used: issuer {called}: {_said(first)}") from None
    except ValueError as problem:
        raise ValueError(f"cannot be used: issuer {called}: {problem}") from None
    return found


def _said(problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    match problem["type"]:
        case "extra_forbidden":
            return f"{where} is not known"
        case "missing":
            return f"{where} is missing"
        case "string_too_short":
            return f"{where} is empty"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _safe(address: str) -> str:
    if not is_safe(address) or "#" in address or "?" in address:
        raise ValueError(
            f"{address} must be an address of https (http only on this machine, for trying), "
            "without ? and #"
        )
    return address


def _content(path: Path, *, forbidden: int) -> str:
    """The text of a file with which strangers may not do what is forbidden to them."""
    try:
        with path.open() as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read()
    except (OSError, ValueError) as refusal:
        said = getattr(refusal, "strerror", None) or refusal
        raise ValueError(f"the file {path} cannot be read: {said}") from None
    if mode & forbidden:
        raise ValueError(
            f"the file {path} is open to everybody (mode {mode:04o}); close it with "
            f"`chmod o-rwx {path}`"
        )
    return content
