"""Issuers are written down by the operator; what is wrong there is one sentence at the start."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.authentication.configuration import CLAIMS, IssuerSetting
from app.settings import Settings, WrongSetting, read_settings

ONE: dict[str, Any] = {
    "issuer": "https://id.example.com",
    "audience": "https://lms.example.com",
    "workspaces": ["acme"],
    "match": "externalId",
}
ASKED: dict[str, Any] = {"client_id": "lms", "client_secret_env": "LMS_SECRET"}
TOML = """
[[issuers]]
issuer = "https://id.example.com"
audience = "https://lms.example.com"
workspaces = ["acme"]
match = "externalId"
"""


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LMS_SECRET", "hunter2")
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, written: str) -> Settings:
    monkeypatch.setenv("COORDINATOR_ISSUERS", written)
    return read_settings()


def complaint(monkeypatch: pytest.MonkeyPatch, written: str) -> str:
    with pytest.raises(WrongSetting) as problem:
        given(monkeypatch, written)
    return str(problem.value)


@pytest.mark.parametrize(
    "written", [json.dumps([ONE]), json.dumps({"issuers": [ONE]}), f"  {json.dumps([ONE])}", TOML]
)
@pytest.mark.parametrize("place", ["inline", "file"])
def test_issuers_are_json_or_toml_in_a_file_or_in_the_variable(
    monkeypatch: pytest.MonkeyPatch, written: str, place: str
) -> None:
    if place == "file":
        Path("issuers").write_text(written)
        Path("issuers").chmod(0o644)
        written = "issuers"

    [issuer] = given(monkeypatch, written).issuers

    assert issuer == IssuerSetting.model_validate(ONE)
    assert (issuer.workspaces, issuer.matched_claim) == (("acme",), "sub")


def test_each_way_of_matching_has_a_claim_of_its_own_unless_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ways = [
        {**ONE, "issuer": f"https://{match.lower()}.example", "match": match} for match in CLAIMS
    ]
    named = {**ONE, "claim": "employee"}

    issuers = given(monkeypatch, json.dumps([*ways, named])).issuers

    assert [each.matched_claim for each in issuers] == [
        "sub",
        "preferred_username",
        "email",
        "employee",
    ]


def test_a_real_issuer_turns_the_local_one_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().has_local_issuer
    assert not given(monkeypatch, json.dumps([ONE])).has_local_issuer
    monkeypatch.setenv("COORDINATOR_LOCAL_ISSUER", "1")
    assert read_settings().has_local_issuer


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"audience": ...}, "audience is missing"),
        ({"audience": ""}, "audience is empty"),
        ({"audience": "  "}, "audience is empty"),
        ({"issuer": ...}, "issuer is missing"),
        ({"match": ...}, "match is missing"),
        ({"match": "name"}, "match: Input should be 'externalId', 'userName' or 'email'"),
        ({"audiance": "x"}, "audiance is not known"),
        ({"issuer": "http://id.example.com"}, "must be an address of https"),
        ({"issuer": "http://localhost.example.com"}, "must be an address of https"),
        ({"issuer": "http://127.0.0.1.example.com"}, "must be an address of https"),
        ({"issuer": "id.example.com"}, "must be an address of https"),
        ({"issuer": "https://id.example.com?a=1"}, "without ? and #"),
        ({"issuer": "https://me:secret@id.example.com"}, "must be an address of https"),
        ({"jwks_uri": "http://id.example.com/keys"}, "jwks_uri: http://id.example.com/keys must"),
        ({"algorithms": []}, "algorithms: Tuple should have at least 1 item"),
        ({"algorithms": ["RS256", "HS256"]}, "HS256 cannot be taken; there are ES256"),
        ({"algorithms": "none"}, "none cannot be taken"),
        ({"workspaces": ...}, "exactly one of workspaces"),
        ({"workspaces": []}, "exactly one of workspaces"),
        ({"workspace_claim": "org"}, "exactly one of workspaces"),
        ({"match": "email", "claim": "upn"}, "only the claim email says whether it is verified"),
        ({"match": "userName", "connection": "Okta"}, "connection goes with match externalId"),
        ({"introspection": {"client_id": "lms"}}, "exactly one of client_secret_env and"),
        ({"introspection": {**ASKED, "client_secret": "x"}}, "client_secret is not known"),
        (
            {"introspection": {**ASKED, "client_secret_env": "NOT_SET"}},
            "the variable NOT_SET holds no client secret",
        ),
        (
            {"introspection": {"client_id": "lms", "client_secret_file": "nowhere"}},
            "the file nowhere cannot be read: No such file or directory",
        ),
        (
            {"introspection": {**ASKED, "endpoint": "http://id.example.com/introspect"}},
            "must be an address of https",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_its_issuer(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    written = {name: value for name, value in (ONE | changes).items() if value is not ...}

    sentence = complaint(monkeypatch, json.dumps([written]))

    assert sentence.startswith("COORDINATOR_ISSUERS cannot be used: issuer ")
    assert said in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("nowhere.json", "the file nowhere.json cannot be read: No such file or directory."),
        ("[", "must be JSON or TOML, or name a file of it; as JSON:"),
        ("[]", "must name 1 to 20 issuers; it names 0."),
        ("{}", "must be a list of issuers, or hold one under `issuers`."),
        ('{"issuers": [], "audience": "x"}', "must be a list of issuers; audience is not known."),
        ("[7]", "cannot be used: issuer number 1: Input should be"),
        (json.dumps([ONE, ONE]), "must name every issuer once; twice there are https://id."),
        (json.dumps([ONE] * 21), "must name 1 to 20 issuers; it names 21."),
    ],
)
def test_what_is_no_list_of_issuers_is_said_to_be_none(
    monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    assert f"COORDINATOR_ISSUERS {said}" in complaint(monkeypatch, written)


def test_a_secret_is_read_from_a_file_that_not_everybody_can_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = Path("secret")
    file.write_text("hunter2\n")
    file.chmod(0o640)
    asked = {"client_id": "lms", "client_secret_file": "secret"}
    written = json.dumps([{**ONE, "introspection": asked}])

    [issuer] = given(monkeypatch, written).issuers
    assert issuer.introspection is not None
    assert issuer.introspection.secret() == "hunter2"
    assert "hunter2" not in repr(issuer)

    file.chmod(0o644)
    assert "secret is open to everybody (mode 0644); close it with `chmod o-rwx secret`" in (
        complaint(monkeypatch, written)
    )


def test_a_list_of_issuers_that_everybody_can_write_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("issuers").write_text(TOML)
    Path("issuers").chmod(0o666)

    assert "the file issuers is open to everybody (mode 0666)" in complaint(monkeypatch, "issuers")


@pytest.mark.parametrize("host", ["127.0.0.1:9", "[::1]:9", "localhost:9"])
def test_an_issuer_on_this_machine_may_speak_http_for_trying(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    written = json.dumps([{**ONE, "issuer": f"http://{host}"}])

    [issuer] = given(monkeypatch, written).issuers

    assert issuer.issuer == f"http://{host}"
