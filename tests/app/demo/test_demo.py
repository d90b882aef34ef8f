"""The demo does what it prints: every line of its guide is run as it stands."""

import json
import re
import shlex
import signal
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from app.demo import company
from app.demo.company import Sees
from app.demo.first_aid import CALLED, GROUPS, LEARNERS, learners
from app.demo.guiding import COMMANDS
from app.demo.history import MONTHS_BEHIND
from models.catalog import CourseKind
from tests.app.cli.program import run, running

pytestmark = pytest.mark.timeout(300)

STEPS = [*range(1, 17)]
STEP = re.compile(r"^(\d+)\. [^\n]*\n(curl .*?)\n\n", re.DOTALL | re.MULTILINE)


def steps_in(guide: str) -> dict[int, str]:
    """The commands to paste, by the number of their step."""
    return {int(number): command for number, command in STEP.findall(guide)}


def paste(command: str) -> httpx.Response:
    """What curl would do with these words; only what the guide uses is understood."""
    words = shlex.split(command.replace("\\\n", " "))
    assert words.pop(0) == "curl"
    method, url, headers, body = "", "", {}, None
    while words:
        word = words.pop(0)
        if word in ("-s", "-i"):
            continue
        if word == "-X":
            method = words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0).encode()
        else:
            url = word
    return httpx.request(method or "POST", url, headers=headers, content=body, timeout=10)


def answer_of(command: str) -> dict[str, Any]:
    response = paste(command)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


SAID = (
    "Dora Department",
    "/invitation/",
    "are what they were",
    "waits to be approved",
    "is DECIDED",
    "  - Sigge Segment",
    "pinned in, 0 pinned out",
    "A mistake.",
)
"""What each command of the second terminal says."""


def says(command: str, words: str, data: str) -> bool:
    """Whether a command of the second terminal says this, when it is run there."""
    done = run(*shlex.split(command)[1:], "--data-dir", data)
    return words in done.out + done.err


def waiting(command: str) -> int:
    """How many removals of the open holds wait."""
    holds = answer_of(command)["holds"]["nodes"]
    return sum(each["waiting"] for each in holds)


EVERYTHING = """{
  courses { totalCount } coursesIManage { totalCount } listAllMembers { totalCount }
  searchMembersPicker(text: "a") { id } viewBilling { currency } viewAuditLog { totalCount }
}"""


def seen_with(url: str, token: str) -> Sees:
    """What somebody finds who asks for everything; a refusal leaves null."""
    signed_in = {"authorization": f"Bearer {token}"}
    asked = {"query": EVERYTHING}
    data = httpx.post(f"{url}/graphql", json=asked, headers=signed_in, timeout=10).json()["data"]
    searches: Literal["search", "nobody"] = (
        "nobody" if data["searchMembersPicker"] is None else "search"
    )
    return Sees(
        courses=data["courses"]["totalCount"],
        coordinates=data["coursesIManage"]["totalCount"],
        people="all" if data["listAllMembers"] is not None else searches,
        bills=data["viewBilling"] is not None,
        audit=data["viewAuditLog"] is not None,
    )


def soon(holds: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether it holds within some seconds."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def refuse_dull(answer: dict[str, Any]) -> None:
    """What is told of First Aid is worth a picture, and hides from Cora what is not for her."""
    course, quiz = answer["viewCourseInsights"], answer["viewQuizInsights"]
    whole = course["figures"]
    assert whole["assigned"] == LEARNERS
    assert min(whole["completed"], whole["overdue"], whole["failed"]) > 3
    assert len(course["byDepartment"]) == len(company.DEPARTMENTS)
    assert len([each for each in course["trend"] if each["completed"]]) >= 12
    assert quiz["figures"]["people"] > 90
    assert quiz["figures"]["waiting"] == 4
    assert quiz["figures"]["scores"]["reliability"]["value"] > 0.6
    figures = [each["figures"] for each in quiz["questions"]]
    facilities = [each["facility"]["value"] for each in figures]
    assert min(facilities) < 0.1
    assert max(facilities) > 0.95
    assert len([each for each in figures if each["discrimination"]["value"] < 0]) == 1
    shown = [each for one in figures if one["answers"] for each in one["answers"]["shown"]]
    assert {each["isRight"] for each in shown} == {None}
    assert {each["isSuppressed"] for each in shown} == {True, False}


def test_every_step_of_the_guide_does_what_it_says(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with running("demo", "--port", "0", "--data-dir", data, log=tmp_path / "first") as demo:
        steps = steps_in(demo.wait_for(COMMANDS[-1], 180))
        url = re.findall(r"Look +(\S+)/graphql", demo.said())[0]
        assert sorted(steps) == STEPS

        def maja_coordinates() -> bool:
            found: bool = answer_of(steps[2])["explainMembership"]["isCoordinator"]
            return found

        def coordinators_of_negotiation() -> int:
            courses = answer_of(steps[3])["coursesIManage"]["nodes"]
            [course] = [each for each in courses if each["title"] == "Negotiation"]
            count: int = course["coordinators"]["totalCount"]
            return count

        assert not maja_coordinates()
        assert paste(steps[1]).status_code == 200
        assert soon(maja_coordinates)
        before = coordinators_of_negotiation()
        assert paste(steps[4]).status_code == 202
        assert soon(lambda: coordinators_of_negotiation() == before + 1)
        assert paste(steps[5]).status_code == 200
        assert soon(lambda: not maja_coordinates())
        explained = answer_of(steps[6])["explainPermission"]
        assert (explained["isAllowed"], explained["condition"]) == (False, "OWN_CONTENT")
        assert [each["principal"] for each in explained["roles"]] == ["DEPT_CREATE"]
        billing = answer_of(steps[7])["viewBilling"]
        assert [each["name"] for each in billing["contacts"]] == ["Felix Invoice"]
        assert len(billing["invoices"]["nodes"]) == MONTHS_BEHIND
        [selling] = answer_of(steps[8])["courses"]["nodes"]
        [role_play] = selling["liveSessions"]["nodes"]
        assert selling["myProgress"]["state"] == "SUBMITTED"
        assert role_play["myRegistration"] == {"state": "WAITLISTED", "waitlistPosition": 3}
        drilled, *_ = answer_of(steps[9])["coursesIManage"]["nodes"]
        assert drilled["learners"]["totalCount"] == 8
        possible = [
            {each["operation"] for each in row["allowedActions"] if each["isAllowed"]}
            for row in drilled["learners"]["nodes"]
        ]
        assert all("MARK_COMPLETE" in each and "VIEW_ANSWERS" not in each for each in possible)
        assert answer_of(steps[10])["submissionsToGrade"]["totalCount"] == 7
        checked = answer_of(steps[11])["verifyCertificateByCode"]
        assert (checked["courseTitle"], checked["state"]) == ("Data Protection", "ISSUED")
        refuse_dull(answer_of(steps[12]))
        [asked] = re.findall(r"authorization: (Bearer [^']+)", steps[13])
        exported = answer_of(steps[13])["exportQuizInsights"]
        file = f"{url}/files/{exported['job']['id']}"
        said = {"authorization": asked, "range": "bytes=0-3"}
        assert soon(lambda: httpx.get(file, headers=said).content == b"PK\x03\x04", 30)
        looked = answer_of(steps[14])["previewSegmentChange"]
        assert looked["after"] == 0
        assert looked["lossCount"] > looked["before"] > 10
        assert looked["waitingCount"] == looked["before"]
        assert answer_of(steps[15])["editSegment"]["refusal"] is None
        assert soon(lambda: waiting(steps[16]) == looked["before"])
        for command, words in zip(COMMANDS, SAID, strict=True):
            assert soon(partial(says, command, words, data), 30), command
        keys = json.loads((tmp_path / "data" / "demo.json").read_text())
        for principal, sees in company.SEES.items():
            assert seen_with(url, keys["tokens"][principal]) == sees, principal
        assert demo.stop(signal.SIGINT) == 0

    with running("demo", "--port", "0", "--data-dir", data, log=tmp_path / "second") as again:
        guide = again.wait_for(COMMANDS[-1])
        kept = answer_of(steps_in(guide)[2])["explainMembership"]
        assert kept["isCoordinator"] is False


def test_the_company_is_as_large_as_it_says_and_everybody_is_different() -> None:
    everybody = company.everybody()

    assert len({person.user_name for person in everybody}) == company.PEOPLE == len(everybody)
    assert {role for role, _ in company.SHOWN} >= {role.principal for role in company.ROLES}


def test_first_aid_is_taken_all_over_the_company_the_same_each_time() -> None:
    takers = learners()
    cast = {each.user_name for each in company.cast()}

    assert len({each.user_name for each in takers} - cast) == LEARNERS
    assert {each.person.department for each in takers} == set(company.DEPARTMENTS)
    assert {(each.group, each.called) for each in takers} == set(product(GROUPS, CALLED))
    learners.cache_clear()
    assert [each.called for each in learners()] == [each.called for each in takers]


def test_the_company_shows_a_full_course_and_a_suppressed_coordinator() -> None:
    [full] = [course for course in company.COURSES if course.segment_limit is not None]
    [course] = [each for each in company.COURSES if each.title == "Selling in Sweden"]
    [instructor] = [each for each in company.everybody() if each.user_name in course.instructors]

    assert len(full.segments) == full.segment_limit
    assert "Sales in Sweden" in course.segments
    assert (instructor.department, instructor.country) == ("Sales", "SE")
    assert {plan.rule is None for plan in company.SEGMENTS} == {True, False}
    assert {each.kind for each in company.COURSES} == set(CourseKind)


def test_the_readme_names_every_step_of_the_guide() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    named = re.findall(r"^(\d+)\. ", readme, re.MULTILINE)

    assert [int(each) for each in named] == STEPS
    assert "and sixteen things to paste" in readme


def test_the_readme_shows_the_same_people_as_the_demo() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    rows = [
        f"| {principal.value} | {name.split('@')[0]} | {company.SEES[principal].sentence} |"
        for principal, name in company.SHOWN
    ]

    assert [row for row in rows if row not in readme] == []
