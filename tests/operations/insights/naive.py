"""Insights counted in Python, row by row, from what the tables say: slow, and sharing nothing with
the statements it is compared with."""

import datetime as dt
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from operations.content.questions import number_printed
from operations.insights.cells import Narrow, Policy, Unit

Row = Any
Found = tuple[tuple[str, str, int, str], tuple[Any, ...]]
"""Facet, slice, question and key; and n, answered, correct, points, squares, most."""

ONCE = (1, 0, 0, Decimal(0), Decimal(0), Decimal(0))


async def count(db: AsyncSession, unit: Unit, to: Narrow) -> dict[Any, tuple[Any, ...]]:
    """What `cells.read` should give, by facet, slice, question and key."""
    tables = await _tables(db, unit)
    found = _quiz(tables, unit, to) if unit.module_id else _course(tables, to)
    sums: defaultdict[Any, list[Any]] = defaultdict(lambda: [0, 0, 0, *[Decimal(0)] * 3])
    for key, each in found:
        for place, value in enumerate(each):
            sums[key][place] += value
    return {key: tuple(each) for key, each in sums.items()}


async def _tables(db: AsyncSession, unit: Unit) -> dict[str, list[Row]]:
    of_course = "WHERE course_id = :course_id"
    asked = {
        "workspace": "WHERE id = :workspace_id",
        "member": "WHERE workspace_id = :workspace_id",
        "progress": of_course,
        "attempt": of_course,
        "enrolment": f"{of_course} AND ended_at IS NULL",
        "certificate": of_course,
        "submission": of_course,
        "live_session": of_course,
        "live_registration": "WHERE workspace_id = :workspace_id",
        "attempt_module": "WHERE workspace_id = :workspace_id",
        "answer": "WHERE workspace_id = :workspace_id",
        "module_revision": "WHERE workspace_id = :workspace_id",
    }
    return {
        name: list((await db.execute(text(f"SELECT * FROM {name} {where}"), unit._asdict())).all())
        for name, where in asked.items()
    }


def _counting(tables: dict[str, list[Row]]) -> list[Row]:
    return [each for each in tables["attempt"] if each.state not in {"RESET", "ABANDONED"}]


def _groups(tables: dict[str, list[Row]], member_id: int) -> set[int]:
    enrolled = [each for each in tables["enrolment"] if each.member_id == member_id]
    return {each.group_id for each in enrolled if each.group_id is not None}


def _department(tables: dict[str, list[Row]], member_id: int) -> str:
    [member] = [each for each in tables["member"] if each.id == member_id]
    return str(member.attributes.get("department", ""))


def _is_meant(tables: dict[str, list[Row]], member_id: int, to: Narrow) -> bool:
    return (to.group_id is None or to.group_id in _groups(tables, member_id)) and (
        to.department is None or to.department == _department(tables, member_id)
    )


def _is_when(moment: dt.datetime, to: Narrow) -> bool:
    return (to.since is None or moment >= to.since) and (to.until is None or moment < to.until)


def _course(tables: dict[str, list[Row]], to: Narrow) -> Iterator[Found]:
    for person in tables["progress"]:
        id = person.member_id
        tried = sorted(
            (a for a in _counting(tables) if a.member_id == id),
            key=lambda attempt: attempt.number,
        )
        tried = [each for each in tried if each.number > person.attempts_before]
        is_staff = bool(tried) and tried[-1].role != "LEARNER"
        counts = to.includes_staff if is_staff else person.is_learner
        if not counts or not _is_meant(tables, id, to) or not _is_when(person.since, to):
            continue
        for facet, key in _facts(tables, person, tried):
            for part in _slices(tables, id, to):
                yield (facet, part, 0, key), ONCE


def _slices(tables: dict[str, list[Row]], id: int, to: Narrow) -> Iterator[str]:
    if to.department is not None or to.group_id is None:
        yield f"department:{_department(tables, id)}"
    if to.department is None:
        for group in _groups(tables, id):
            if to.group_id in {None, group}:
                yield f"group:{group}"


def _facts(
    tables: dict[str, list[Row]], person: Row, tried: list[Row]
) -> Iterator[tuple[str, str]]:
    zone = ZoneInfo(tables["workspace"][0].time_zone)
    yield "STANDING", "IN_PROGRESS" if person.state == "SUBMITTED" else person.state
    if person.state in {"NOT_STARTED", "IN_PROGRESS", "FAILED"}:
        yield "DUE", _iso(person.own_due_at)
    began = [each.started_at for each in tried if each.started_at]
    if began:
        yield "STARTED", min(began).astimezone(zone).date().isoformat()
    if person.completed_at:
        yield "FINISHED", person.completed_at.astimezone(zone).date().isoformat()
        yield from _taken(tried)
    yield from _given(tables, person)


def _taken(tried: list[Row]) -> Iterator[tuple[str, str]]:
    completed = (each for each in tried if each.state == "COMPLETED")
    done = min(completed, key=lambda each: (each.ended_at, each.number))
    if done.started_at:
        yield "TAKEN", str((done.ended_at - done.started_at) // dt.timedelta(minutes=1))


def _given(tables: dict[str, list[Row]], person: Row) -> Iterator[tuple[str, str]]:
    for each in tables["certificate"]:
        if each.member_id == person.member_id:
            yield "CERTIFIED", f"{each.state}|{_iso(each.expires_at)}"
    meetings = {each.id for each in tables["live_session"]}
    for each in tables["live_registration"]:
        if each.member_id == person.member_id and each.live_session_id in meetings:
            yield "ATTENDED", each.state


def _iso(moment: dt.datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _quiz(tables: dict[str, list[Row]], unit: Unit, to: Narrow) -> Iterator[Found]:
    zone = ZoneInfo(tables["workspace"][0].time_zone)
    for taken, opens in _submissions(tables, unit, to):
        day = taken.submitted_at.astimezone(zone).date().isoformat()
        yield ("HANDED_IN", "", 0, day), (1, int(opens), *ONCE[2:])
        if taken.state == "SUBMITTED":
            yield ("WAITING", "", 0, ""), ONCE
            continue
        total = (taken.score, taken.score * taken.score, taken.max_score)
        revision, questions = _asked(tables, unit, taken)
        key = f"{revision}|{number_printed(taken.score)}"
        yield ("TOTAL", "", 0, key), (1, 0, int(taken.is_passed), *total)
        minutes = (taken.submitted_at - taken.started_at) // dt.timedelta(minutes=1)
        yield ("TAKEN", "", 0, str(minutes)), ONCE
        answers = [each for each in tables["answer"] if each.submission_id == taken.id]
        for each in answers:
            yield ("ANSWERED", "", each.question_id, key), _sums(each, questions)
        yield from _given_answers(answers, taken, questions)


def _submissions(
    tables: dict[str, list[Row]], unit: Unit, to: Narrow
) -> Iterator[tuple[Row, bool]]:
    """Those that count, and of each whether the person's first is it."""
    reset = {each.member_id: each.attempts_before for each in tables["progress"]}
    counting = (each for each in _counting(tables) if each.number > reset[each.member_id])
    attempts = {each.id: each for each in counting}
    by_whom: defaultdict[tuple[int, bool], list[Row]] = defaultdict(list)
    for each in tables["submission"]:
        is_here = each.module_id == unit.module_id and each.attempt_id in attempts
        if is_here and each.state != "IN_PROGRESS" and _is_meant(tables, each.member_id, to):
            is_staff = attempts[each.attempt_id].role != "LEARNER"
            by_whom[each.member_id, is_staff].append(each)
    for (_, is_staff), all in by_whom.items():
        order = sorted(all, key=lambda each: (attempts[each.attempt_id].number, each.number))
        when = [each for each in order if _is_when(each.submitted_at, to)]
        for each in _chosen(order, to.policy):
            if each in when and (to.includes_staff or not is_staff):
                yield each, each is when[0]


def _chosen(order: list[Row], policy: Policy) -> list[Row]:
    match policy:
        case Policy.FIRST:
            return order[:1]
        case Policy.LAST:
            return order[-1:]
        case Policy.BEST:
            return [max(order, key=lambda e: -1 if e.score is None else e.score / e.max_score)]
        case Policy.ALL:
            return order


def _sums(answer: Row, questions: dict[int, Any]) -> tuple[Any, ...]:
    points, most = answer.points or Decimal(0), Decimal(questions[answer.question_id]["points"])
    is_given, is_correct = answer.given is not None, answer.is_correct or False
    return (1, int(is_given), int(is_correct), points, points * points, most)


def _given_answers(answers: list[Row], taken: Row, questions: dict[int, Any]) -> Iterator[Found]:
    given = [each for each in answers if each.given is not None]
    moments = [each.answered_at for each in given]
    for each in given:
        before = max((at for at in moments if at < each.answered_at), default=taken.started_at)
        took = (each.answered_at - before) / moments.count(each.answered_at)
        pace = min(3600, max(0, int(took.total_seconds() // 1)))
        yield ("PACE", "", each.question_id, str(pace)), ONCE
        if questions[each.question_id]["kind"] != "ESSAY":
            for said in _said(each.given):
                correct = int(each.is_correct or False)
                yield ("CHOSEN", "", each.question_id, said), (1, 0, correct, *ONCE[3:])


def _asked(tables: dict[str, list[Row]], unit: Unit, taken: Row) -> tuple[int, dict[int, Any]]:
    """Which revision was taken, and its questions."""
    [module] = [
        each
        for each in tables["attempt_module"]
        if (each.attempt_id, each.module_id) == (taken.attempt_id, unit.module_id)
    ]
    [content] = [
        each.content
        for each in tables["module_revision"]
        if (each.module_id, each.number) == (unit.module_id, module.revision)
    ]
    if content["kind"] == "ASSIGNMENT":
        return module.revision, {0: {"kind": "ESSAY", "points": content["points"]}}
    return module.revision, {each["id"]: each for each in content["questions"]}


def _said(given: dict[str, Any]) -> list[str]:
    if "choices" in given:
        return [str(each) for each in given["choices"]]
    if "isTrue" in given:
        return ["true" if given["isTrue"] else "false"]
    if "number" in given:
        return [str(given["number"])]
    plain = unicodedata.normalize("NFKC", given["text"])
    return [re.sub(r"\s+", " ", plain).strip().lower()[:100]]
