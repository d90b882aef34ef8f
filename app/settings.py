"""What can be set from outside, read once from the environment and checked as a whole."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.authentication.configuration import IssuerSetting, read_issuers
from app.embedded import CannotStart
from app.keyring import Keyring, keyring_in, read_keyring
from app.mail.addresses import NoAddress, sender_in
from app.mail.server import server_in
from app.storage import Storage, in_directory, storage_at

_POSTGRES_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_REDIS_SCHEMES = ("redis", "rediss", "unix")

_TOKEN = re.compile(r"[!-~]{32,}")

INSISTING = "whoever insists says COORDINATOR_ACCEPT_UNSAFE={}."

UnsafeSwitch = Literal[
    "graphiql", "introspection", "local_issuer", "http_issuers", "demo_data", "mail_folder"
]


class WrongSetting(CannotStart):
    """A value from the environment cannot be used; the message names the variable and the way."""


class Settings(BaseSettings):
    """Every switch of the program. Variables are COORDINATOR_<NAME>, except the two addresses.

    | variable                     | what it does                                                |
    |------------------------------|-------------------------------------------------------------|
    | DATABASE_URL                 | PostgreSQL 15 or newer; unset: an embedded one              |
    | REDIS_URL                    | Redis 6.2 or newer; unset: an embedded one                  |
    | COORDINATOR_DATA_DIR         | where the embedded servers keep their data                  |
    | COORDINATOR_HOST, _PORT      | where the web process listens; port 0 takes a free one      |
    | COORDINATOR_ENVIRONMENT      | development, or production, which refuses unsafe switches   |
    | COORDINATOR_PUBLIC_URL       | how clients reach it, for links and token audiences         |
    | COORDINATOR_KEYRING          | name:base64,… keys that seal and sign; see app/keyring.py   |
    | COORDINATOR_GRAPHIQL         | serve the GraphiQL page; by default in development only     |
    | COORDINATOR_INTROSPECTION    | answer introspection; by default in development only        |
    | COORDINATOR_ISSUERS          | whose tokens sign people in: JSON or TOML, or a file of it; |
    |                              | see app/authentication/configuration.py                     |
    | COORDINATOR_LOCAL_ISSUER     | take tokens of `coordinator token mint`; by default in      |
    |                              | development, as long as no other issuer is configured       |
    | COORDINATOR_SMTP_URL         | where mail goes out: smtp://user:password@host:587, or      |
    |                              | smtps://…; see app/mail/server.py. Unset: every mail is a   |
    |                              | file in the data directory's mail/                          |
    | COORDINATOR_STORAGE_URL      | where files of modules lie: file:///… or s3://bucket/prefix |
    |                              | ?region=…&endpoint=…; see app/storage.py. Unset: the data   |
    |                              | directory's files/                                          |
    | COORDINATOR_STORAGE_KEY, _SECRET | the credentials of that bucket; unset: the machine's role |
    | COORDINATOR_MAIL_FROM        | whom mail is from: LMS Coordinator <no-reply@example.com>   |
    | COORDINATOR_ACCEPT_UNSAFE    | names of switches, by commas, that production may have on:  |
    |                              | graphiql, introspection, local_issuer, http_issuers         |
    |                              | (on this machine), demo_data (the demo company's),          |
    |                              | mail_folder (no COORDINATOR_SMTP_URL)                       |
    | COORDINATOR_TRUSTED_DOCUMENTS | a JSON file {sha256: document}, as a client's build makes it |
    | COORDINATOR_TRUSTED_DOCUMENTS_ONLY | answer nothing but the documents of that file         |
    | COORDINATOR_CORS_ORIGINS     | origins of browsers that may ask, separated by commas       |
    | COORDINATOR_METRICS_TOKEN    | the bearer token that opens /metrics; unset: it is not there |
    | COORDINATOR_LOG_FORMAT       | console or json; by default json in production              |
    """

    model_config = SettingsConfigDict(
        env_prefix="COORDINATOR_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        validate_by_name=True,
        validate_by_alias=True,
    )

    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")
    data_dir: Path = Path(".coordinator")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    environment: Literal["development", "production"] = "development"
    public_url: str | None = None
    keyring: SecretStr | None = None
    graphiql: bool | None = None
    introspection: bool | None = None
    issuers: Annotated[tuple[IssuerSetting, ...], NoDecode] = ()
    local_issuer: bool | None = None
    smtp_url: SecretStr | None = None
    mail_from: str | None = None
    storage_url: str | None = None
    storage_key: str | None = None
    storage_secret: SecretStr | None = None
    accept_unsafe: Annotated[tuple[UnsafeSwitch, ...], NoDecode] = ()
    trusted_documents: Path | None = None
    trusted_documents_only: bool = False
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    metrics_token: SecretStr | None = None
    log_format: Literal["console", "json"] | None = None

    @field_validator("cors_origins", "accept_unsafe", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("issuers", mode="before")
    @classmethod
    def _written(cls, value: object) -> object:
        return read_issuers(value) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _through_psycopg(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        scheme, mark, rest = value.get_secret_value().partition("://")
        if not mark or scheme not in _POSTGRES_SCHEMES:
            raise ValueError(
                "must be the address of a PostgreSQL, like postgresql://user:password@host/database"
                f"; it begins with {_beginning(scheme, mark)}"
            )
        return SecretStr(f"postgresql+psycopg://{rest}")

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            scheme, mark, _ = value.get_secret_value().partition("://")
            if not mark or scheme not in _REDIS_SCHEMES:
                raise ValueError(
                    "must be the address of a Redis, like redis://host:6379/0; "
                    f"it begins with {_beginning(scheme, mark)}"
                )
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            server_in(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                sender_in(value)
            except NoAddress:
                raise ValueError(
                    "must be an address like LMS Coordinator <no-reply@example.com>; "
                    f"it is {value!r}"
                ) from None
        return value

    @field_validator("metrics_token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError(
                "must be 32 or more ASCII characters without a space, like those of"
                " `openssl rand -hex 32`"
            )
        return value

    @field_validator("storage_url")
    @classmethod
    def _some_storage(cls, value: str | None) -> str | None:
        if value is not None:
            storage_at(value)
        return value

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"must be an address like https://lms.example.com; it is {value!r}")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _trusts_something(self) -> Self:
        if self.trusted_documents_only and self.trusted_documents is None:
            raise ValueError(
                "COORDINATOR_TRUSTED_DOCUMENTS must name a file of documents, because "
                "COORDINATOR_TRUSTED_DOCUMENTS_ONLY is on and nothing else would be answered"
            )
        return self

    @model_validator(mode="after")
    def _mails_as_somebody(self) -> Self:
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError(
                "COORDINATOR_MAIL_FROM must be set, because COORDINATOR_SMTP_URL is: mail servers"
                " refuse mail from nobody"
            )
        return self

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if self.is_production:
            for is_wrong, sentence in self._unsafe():
                if is_wrong:
                    raise ValueError(f"In production {sentence}")
        return self

    def _unsafe(self) -> tuple[tuple[bool, str], ...]:
        return (
            (
                self.database_url is None,
                "DATABASE_URL must be set: the embedded one is for trying.",
            ),
            (self.redis_url is None, "REDIS_URL must be set: the embedded one is for trying."),
            (self.keyring is None, "COORDINATOR_KEYRING must be set, the same for every process."),
            (self.public_url is None, "COORDINATOR_PUBLIC_URL must be set."),
            self._unless_accepted("graphiql", "must be off: it is a developer's page"),
            self._unless_accepted("introspection", "must be off"),
            self._unless_accepted("local_issuer", "must be off: whoever reads its key is anybody"),
            (
                self._has_http_issuers and "http_issuers" not in self.accept_unsafe,
                "COORDINATOR_ISSUERS must not speak http, not even on this machine; "
                + INSISTING.format("http_issuers"),
            ),
            (
                self.smtp_url is None and "mail_folder" not in self.accept_unsafe,
                "COORDINATOR_SMTP_URL must be set: mail would only be written to files; "
                + INSISTING.format("mail_folder"),
            ),
            (
                self.storage_url is None,
                "COORDINATOR_STORAGE_URL must be set, if need be to a directory, like file:///srv/files.",
            ),
            ("*" in self.cors_origins, "COORDINATOR_CORS_ORIGINS must name origins, not *."),
        )

    def _unless_accepted(self, switch: UnsafeSwitch, sentence: str) -> tuple[bool, str]:
        is_wrong = bool(getattr(self, switch)) and switch not in self.accept_unsafe
        return is_wrong, (f"COORDINATOR_{switch.upper()} {sentence}; {INSISTING.format(switch)}")

    @property
    def is_production(self) -> bool:
        return self.environment == "production"

    @property
    def has_local_issuer(self) -> bool:
        """Whether tokens of `coordinator token mint` are taken."""
        if self.local_issuer is None:
            return not self.issuers and not self.is_production
        return self.local_issuer

    @property
    def _has_http_issuers(self) -> bool:
        return any(a.startswith("http:") for each in self.issuers for a in each.addresses)

    @property
    def shows_graphiql(self) -> bool:
        return not self.is_production if self.graphiql is None else self.graphiql

    @property
    def answers_introspection(self) -> bool:
        return not self.is_production if self.introspection is None else self.introspection

    @property
    def mail_sender(self) -> str:
        """Whom mail is from."""
        return self.mail_from or "LMS Coordinator <no-reply@localhost>"

    @property
    def mail_directory(self) -> Path:
        """Where mails are written to as files, while no SMTP server is set."""
        return self.data_dir / "mail"

    def storage(self) -> Storage:
        """Where the files of modules lie."""
        if self.storage_url is None:
            return in_directory(self.data_dir / "files")
        secret = self.storage_secret
        return storage_at(
            self.storage_url, self.storage_key, secret.get_secret_value() if secret else None
        )

    @property
    def logs_json(self) -> bool:
        return (self.log_format or ("json" if self.is_production else "console")) == "json"

    @property
    def base_url(self) -> str:
        """How clients reach the web process, without a slash at the end."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def database_address(self) -> str:
        """SQLAlchemy's address of the database; raises WrongSetting when it is not known."""
        if self.database_url is None:
            raise WrongSetting("DATABASE_URL is not set and no embedded PostgreSQL is running.")
        return self.database_url.get_secret_value()

    @property
    def redis_address(self) -> str:
        """The address of Redis; raises WrongSetting when it is not known."""
        if self.redis_url is None:
            raise WrongSetting("REDIS_URL is not set and no embedded Redis is running.")
        return self.redis_url.get_secret_value()

    def keys(self) -> Keyring:
        """The keys that seal and sign: from the environment, or, outside production, made once
        and kept in the data directory. Raises CannotStart."""
        if self.keyring is not None:
            return read_keyring(self.keyring.get_secret_value())
        return keyring_in(self.data_dir)


def read_settings(**given: object) -> Settings:
    """Read the environment; what is given by keyword wins. Raises WrongSetting, in one sentence."""
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        raise WrongSetting(_sentence(first["loc"], first["msg"])) from None


def _sentence(where: tuple[int | str, ...], message: str) -> str:
    message = message.removeprefix("Value error, ").rstrip(".")
    if not where:
        return f"{message}."
    name = str(where[0])
    variable = name if name.isupper() else f"COORDINATOR_{name.upper()}"
    return f"{variable} {message[0].lower()}{message[1:]}."


def _beginning(scheme: str, mark: str) -> str:
    """Enough to recognize a wrong address by, without printing a password."""
    return f"{scheme}://" if mark else "no scheme at all"
