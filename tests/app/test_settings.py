"""Settings are read once, keep their secrets, and refuse what is wrong in one sentence."""

from pathlib import Path

import pytest

from app.mail.server import server_in
from app.settings import Settings, WrongSetting, read_settings

KEYS = "k1:mZ3v8Qk0b2hJx1c9T7yWq4uRr5sEe6oPp0aAdDfFgGg="
PRODUCTION = {
    "COORDINATOR_ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://web:hunter2@db/lms",
    "REDIS_URL": "redis://:hunter3@cache:6379/0",
    "COORDINATOR_KEYRING": KEYS,
    "COORDINATOR_PUBLIC_URL": "https://lms.example.com/",
    "COORDINATOR_SMTP_URL": "smtp://lms:hunter4@mail.example.com:587",
    "COORDINATOR_MAIL_FROM": "LMS <no-reply@example.com>",
    "COORDINATOR_STORAGE_URL": "s3://files",
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        *PRODUCTION,
        "COORDINATOR_METRICS_TOKEN",
        "COORDINATOR_PORT",
        "COORDINATOR_CORS_ORIGINS",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_nothing_needs_to_be_set_to_try_it() -> None:
    settings = read_settings()

    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.shows_graphiql
    assert settings.answers_introspection
    assert not settings.logs_json


def test_production_is_closed_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(monkeypatch, **PRODUCTION)

    assert settings.base_url == "https://lms.example.com"
    assert not settings.shows_graphiql
    assert not settings.answers_introspection
    assert settings.logs_json


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "DATABASE_URL",
            "mysql://root:hunter2@db/lms",
            (
                "DATABASE_URL must be the address of a PostgreSQL, like "
                "postgresql://user:password@host/database; it begins with mysql://."
            ),
        ),
        (
            "DATABASE_URL",
            "hunter2",
            (
                "DATABASE_URL must be the address of a PostgreSQL, like "
                "postgresql://user:password@host/database; it begins with no scheme at all."
            ),
        ),
        (
            "REDIS_URL",
            "amqp://cache",
            (
                "REDIS_URL must be the address of a Redis, like redis://host:6379/0; "
                "it begins with amqp://."
            ),
        ),
        (
            "COORDINATOR_PORT",
            "65536",
            "COORDINATOR_PORT input should be less than or equal to 65535.",
        ),
        (
            "COORDINATOR_PORT",
            "http",
            (
                "COORDINATOR_PORT input should be a valid integer, unable to parse string as an "
                "integer."
            ),
        ),
        (
            "COORDINATOR_ENVIRONMENT",
            "staging",
            "COORDINATOR_ENVIRONMENT input should be 'development' or 'production'.",
        ),
        (
            "COORDINATOR_METRICS_TOKEN",
            "hunter5 and twenty-six letters more",
            (
                "COORDINATOR_METRICS_TOKEN must be 32 or more ASCII characters without a space, "
                "like those of `openssl rand -hex 32`."
            ),
        ),
        (
            "COORDINATOR_PUBLIC_URL",
            "lms.example.com",
            (
                "COORDINATOR_PUBLIC_URL must be an address like https://lms.example.com; "
                "it is 'lms.example.com'."
            ),
        ),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    with pytest.raises(WrongSetting) as problem:
        given(monkeypatch, **{name: value})

    assert str(problem.value) == sentence


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "", "DATABASE_URL must be set: the embedded one is for trying."),
        ("REDIS_URL", "", "REDIS_URL must be set: the embedded one is for trying."),
        ("COORDINATOR_KEYRING", "", "COORDINATOR_KEYRING must be set, the same for every process."),
        ("COORDINATOR_PUBLIC_URL", "", "COORDINATOR_PUBLIC_URL must be set."),
        (
            "COORDINATOR_SMTP_URL",
            "",
            (
                "COORDINATOR_SMTP_URL must be set: mail would only be written to files; "
                "whoever insists says COORDINATOR_ACCEPT_UNSAFE=mail_folder."
            ),
        ),
        (
            "COORDINATOR_GRAPHIQL",
            "1",
            (
                "COORDINATOR_GRAPHIQL must be off: it is a developer's page; "
                "whoever insists says COORDINATOR_ACCEPT_UNSAFE=graphiql."
            ),
        ),
        (
            "COORDINATOR_INTROSPECTION",
            "1",
            (
                "COORDINATOR_INTROSPECTION must be off; "
                "whoever insists says COORDINATOR_ACCEPT_UNSAFE=introspection."
            ),
        ),
        (
            "COORDINATOR_LOCAL_ISSUER",
            "1",
            (
                "COORDINATOR_LOCAL_ISSUER must be off: whoever reads its key is anybody; "
                "whoever insists says COORDINATOR_ACCEPT_UNSAFE=local_issuer."
            ),
        ),
        ("COORDINATOR_CORS_ORIGINS", "*", "COORDINATOR_CORS_ORIGINS must name origins, not *."),
    ],
)
def test_production_refuses_what_is_only_good_for_trying(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    with pytest.raises(WrongSetting) as problem:
        given(monkeypatch, **{**PRODUCTION, name: value})

    assert str(problem.value) == f"In production {sentence}"


@pytest.mark.parametrize("switch", ["graphiql", "introspection", "local_issuer"])
def test_production_takes_an_unsafe_switch_that_is_said_aloud_and_no_other(
    monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    aloud = {**PRODUCTION, "COORDINATOR_ACCEPT_UNSAFE": switch}

    settings = given(monkeypatch, **aloud, **{f"COORDINATOR_{switch.upper()}": "1"})

    assert getattr(settings, switch) is True
    for other in {"graphiql", "introspection", "local_issuer"} - {switch}:
        with pytest.raises(WrongSetting, match=f"COORDINATOR_{other.upper()} must be off"):
            given(monkeypatch, **aloud, **{f"COORDINATOR_{other.upper()}": "1"})
        monkeypatch.delenv(f"COORDINATOR_{other.upper()}")


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(monkeypatch, **PRODUCTION, COORDINATOR_METRICS_TOKEN="hunter5" * 5)

    shown = f"{settings!r} {settings} {settings.model_dump()}"

    assert not any(secret in shown for secret in ("hunter2", "hunter3", "hunter4", "hunter5", KEYS))


def test_production_writes_mail_to_files_when_that_is_said_aloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    aloud = {"COORDINATOR_SMTP_URL": "", "COORDINATOR_ACCEPT_UNSAFE": "mail_folder"}

    assert given(monkeypatch, **{**PRODUCTION, **aloud}).smtp_url is None


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mail.example.com", "it begins with no scheme at all."),
        ("http://hunter4@mail.example.com", "it begins with http."),
        ("smtp://", "it begins with smtp."),
        ("smtp://a:hunter4@mail.example.com?tls=never", "never sent in the clear."),
        ("smtps://mail.example.com?tls=never", "never sent in the clear."),
        ("smtp://mail.example.com?tls=perhaps", "?tls=never and in nothing else."),
    ],
)
def test_a_wrong_mail_server_is_one_sentence_without_the_password(
    monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    with pytest.raises(WrongSetting) as problem:
        given(monkeypatch, COORDINATOR_SMTP_URL=url, COORDINATOR_MAIL_FROM="no-reply@example.com")

    assert str(problem.value).startswith("COORDINATOR_SMTP_URL ")
    assert str(problem.value).endswith(sentence)
    assert "hunter4" not in str(problem.value)


@pytest.mark.parametrize(
    ("url", "port", "at_once", "starttls", "user"),
    [
        ("smtp://a:b%40c@mail.example.com", 587, False, True, "a"),
        ("smtp://mail.example.com", 25, False, True, None),
        ("smtps://a:b%40c@mail.example.com", 465, True, False, "a"),
        ("smtp://mail.example.com:2525?tls=never", 2525, False, False, None),
        ("smtp://localhost", 25, False, False, None),
        ("smtp://a:b%40c@localhost", 587, False, True, "a"),
    ],
)
def test_a_mail_server_is_spoken_to_in_the_clear_only_where_that_is_said_or_on_this_machine(
    url: str, port: int, at_once: bool, starttls: bool, user: str | None
) -> None:
    server = server_in(url)

    assert (server.port, server.tls_at_once, server.starttls) == (port, at_once, starttls)
    assert (server.user, server.password) == (user, "b@c" if user else None)
    assert "b@c" not in f"{server!r} {server}"


def test_mail_is_from_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongSetting, match="COORDINATOR_MAIL_FROM must be set"):
        given(monkeypatch, COORDINATOR_SMTP_URL="smtp://mail.example.com")
    with pytest.raises(WrongSetting, match="COORDINATOR_MAIL_FROM must be an address"):
        given(monkeypatch, COORDINATOR_MAIL_FROM="LMS <no-reply@example.com, x@y.z>")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_postgresql_goes_through_psycopg(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    settings = given(monkeypatch, DATABASE_URL=f"{scheme}://db/lms")

    assert settings.database_address == "postgresql+psycopg://db/lms"


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = given(monkeypatch, COORDINATOR_CORS_ORIGINS="https://a.example, https://b.example")

    assert settings.cors_origins == ("https://a.example", "https://b.example")


def test_what_is_given_by_keyword_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://from/environment")

    settings = read_settings(database_url="postgresql://given/here", port=9)

    assert settings.database_address == "postgresql+psycopg://given/here"
    assert settings.port == 9
