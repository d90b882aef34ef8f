"""The figures of a quiz, found again from every row: person by person, in Python, sharing nothing
with the statements and the sums they are compared with.

Both sides are written out as `{where: figure}`, so that a difference says where it is.
"""

import datetime as dt
import itertools
import re
import statistics
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import text

from operations.insights.cells import Narrow, Policy
from operations.insights.quizzes import QuizInsights
from operations.insights.statistics import Figure
from tests.operations.insights import by_person
from tests.world import World

Row = Any
Figures = dict[str, Any]

SUBMISSIONS = """
SELECT s.*, a.number AS attempt, a.state AS attempt_state, a.role, t.revision,
       (SELECT p.attempts_before FROM progress p
         WHERE p.course_id = s.course_id AND p.member_id = s.member_id) AS reset_up_to,
       m.attributes ->> 'department' AS department
  FROM submission s JOIN attempt a ON a.id = s.attempt_id
  JOIN attempt_module t ON t.attempt_id = s.attempt_id AND t.module_id = s.module_id
  JOIN member m ON m.id = s.member_id
 WHERE s.course_id = :course AND s.module_id = :module
"""
ANSWERS = """
SELECT x.* FROM answer x JOIN submission s ON s.id = x.submission_id
 WHERE s.course_id = :course AND s.module_id = :module ORDER BY x.answered_at, x.question_id
"""
REVISIONS = "SELECT number, content FROM module_revision WHERE module_id = :module ORDER BY number"
GROUPS = "SELECT member_id, group_id FROM enrolment WHERE course_id = :course AND ended_at IS NULL"


def written(found: QuizInsights) -> Figures:
    """What was answered, as figures by where they are."""
    assert found.figures is not None
    assert found.figures.scores is not None
    assert found.questions is not None
    quiz, scores = found.figures, found.figures.scores
    figures: Figures = {
        name: getattr(quiz, name) for name in ("submissions", "waiting", "people")
    } | {
        name: _plain(getattr(scores, name))
        for name in scores.__dataclass_fields__
        if name != "distribution"
    }
    figures["pass_rate"] = scores.pass_rate
    figures |= {f"from {each.since} %": each.count for each in scores.distribution}
    figures["questions"] = [(each.id, each.text, each.is_gone) for each in found.questions]
    for question in found.questions:
        item = question.figures
        assert item is not None
        figures |= {
            f"{question.id} {name}": _plain(getattr(item, name))
            for name in item.__dataclass_fields__
            if name != "answers"
        }
        for each in item.answers.shown if item.answers else ():
            said = (each.count, each.share, each.is_right)
            figures |= {f"{question.id} “{each.text}” {n}": x for n, x in enumerate(said)}
        if item.answers is not None:
            figures[f"{question.id} others"] = item.answers.others
    return figures


def _plain(value: object) -> object:
    return value.value if isinstance(value, Figure) else value


def differences(found: Figures, expected: Figures) -> dict[str, tuple[Any, Any]]:
    """What differs by more than a billionth."""
    return {
        name: (found.get(name), expected.get(name))
        for name in found.keys() | expected.keys()
        if not _alike(found.get(name), expected.get(name))
        or (name in found) is not (name in expected)
    }


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, float) and other is not None:
        return abs(one - float(other)) < 1e-9
    return bool(one == other)


async def recounted(world: World, course: str, module: str, to: Narrow) -> Figures:
    """What `quiz_insights` should say to somebody from whom nothing is hidden."""
    told = {"course": world.courses[course], "module": world.modules[module]}
    async with world.edge.read() as db:
        submissions = (await db.execute(text(SUBMISSIONS), told)).all()
        answers = (await db.execute(text(ANSWERS), told)).all()
        revisions = (await db.execute(text(REVISIONS), told)).all()
        groups = (await db.execute(text(GROUPS), told)).all()
    of_group = {row.member_id for row in groups if row.group_id == to.group_id}
    by_submission: defaultdict[int, list[Row]] = defaultdict(list)
    for row in answers:
        by_submission[row.submission_id].append(row)
    wanted = [
        row
        for row in _chosen(submissions, to.policy)
        if (to.includes_staff or row.role == "LEARNER")
        and (to.group_id is None or row.member_id in of_group)
        and (to.department is None or (row.department or "") == to.department)
        and (to.since is None or row.submitted_at >= to.since)
        and (to.until is None or row.submitted_at < to.until)
    ]
    recount = _Recount(wanted, by_submission, {row.number: row.content for row in revisions})
    return recount.figures()


def _chosen(submissions: Sequence[Row], policy: Policy) -> Iterator[Row]:
    """Of each person, as a learner and as staff, what the policy takes of all that was handed in
    in attempts that count."""
    theirs: defaultdict[tuple[int, bool], list[Row]] = defaultdict(list)
    for row in submissions:
        counts = row.attempt > row.reset_up_to and row.attempt_state not in {"RESET", "ABANDONED"}
        if row.state != "IN_PROGRESS" and counts:
            theirs[row.member_id, row.role == "LEARNER"].append(row)
    for rows in theirs.values():
        rows.sort(key=lambda row: (row.attempt, row.number))
        match policy:
            case Policy.ALL:
                yield from rows
            case Policy.FIRST:
                yield rows[0]
            case Policy.LAST:
                yield rows[-1]
            case Policy.BEST:
                yield max(rows, key=_reached)


def _reached(row: Row) -> Fraction:
    return Fraction(-1) if row.score is None else Fraction(row.score) / Fraction(row.max_score)


@dataclass
class _Recount:
    """Submissions, the answers of each, and what each revision says."""

    submissions: Sequence[Row]
    answers: dict[int, list[Row]]
    revisions: dict[int, Any]
    graded: Sequence[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.graded = [row for row in self.submissions if row.state == "GRADED"]

    def figures(self) -> Figures:
        percents = [100 * Fraction(row.score) / Fraction(row.max_score) for row in self.graded]
        minutes = [_whole(row.submitted_at - row.started_at) // 60 for row in self.graded]
        compared = self._newest(self.graded)
        matrix = self._matrix(compared)
        alpha = by_person.alpha(matrix)
        passed = sum(row.is_passed for row in self.graded)
        found: Figures = {
            "submissions": len(self.submissions),
            "waiting": len(self.submissions) - len(self.graded),
            "people": len({(row.member_id, row.role == "LEARNER") for row in self.submissions}),
            "graded": len(self.graded),
            "passed": passed,
            "pass_rate": passed / len(self.graded) if self.graded else None,
            "mean": statistics.mean(percents) if percents else None,
            "median": statistics.median(percents) if percents else None,
            "standard_deviation": statistics.stdev(percents) if len(percents) > 1 else None,
            "lowest": min(percents, default=None),
            "highest": max(percents, default=None),
            "compared": len(compared),
            "reliability": alpha,
            "standard_error": None,
            "median_minutes": statistics.median(minutes) if minutes else None,
            "questions": self._questions(),
        }
        if alpha is not None and alpha >= 0:
            error = float(by_person.variance(by_person.totals(matrix)) * (1 - alpha)) ** 0.5
            found["standard_error"] = 100 * error / float(compared[0].max_score)
        bins = Counter(min(int(each // 10), 9) for each in percents)
        found |= {f"from {10 * each} %": bins[each] for each in range(10)}
        for id, _, _ in found["questions"]:
            found |= {f"{id} {name}": value for name, value in self._item(id).items()}
        return found

    def _asked(self, revision: int) -> dict[int, Any]:
        return {each["id"]: each for each in self.revisions[revision]["questions"]}

    def _questions(self) -> list[tuple[int, str, bool]]:
        newest = max(self.revisions)
        found = [(id, each["text"], False) for id, each in self._asked(newest).items()]
        for revision in sorted({row.revision for row in self.graded} - {newest}, reverse=True):
            for id, each in self._asked(revision).items():
                if id not in {known for known, _, _ in found}:
                    found.append((id, each["text"], True))
        return found

    def _newest(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Those of the same test as the newest of these."""

        def test(revision: int) -> Any:
            asked = self._asked(revision).items()
            return sorted((id, Decimal(each["points"])) for id, each in asked)

        newest = max((row.revision for row in rows), default=None)
        return [row for row in rows if test(row.revision) == test(newest or 0)]

    def _matrix(self, rows: Sequence[Row]) -> list[list[Decimal]]:
        return [
            [each.points for each in sorted(self.answers[row.id], key=lambda x: x.question_id)]
            for row in rows
        ]

    def _item(self, id: int) -> Figures:
        rows = [row for row in self.graded if id in self._asked(row.revision)]
        own = [
            (row, each) for row in rows for each in self.answers[row.id] if each.question_id == id
        ]
        given = [each for _, each in own if each.given is not None]
        most = [Decimal(self._asked(row.revision)[id]["points"]) for row in rows]
        newest = max((row.revision for row in rows), default=max(self.revisions))
        wording = max(number for number in self.revisions if id in self._asked(number))
        question = self._asked(wording)[id]
        compared = self._newest(rows)
        matrix = self._matrix(compared)
        place = sorted(self._asked(newest)).index(id)
        worth = Decimal(self._asked(newest)[id]["points"])
        is_essay = question["kind"] == "ESSAY"
        points = sum((each.points for _, each in own), Decimal(0))
        paces = list(self._paces(id, rows))
        found: Figures = {
            "presented": len(rows),
            "answered": len(given),
            "correct": None if is_essay else sum(bool(each.is_correct) for _, each in own),
            "facility": points / sum(most) if sum(most) else None,
            "compared": len(compared),
            "discrimination": by_person.discrimination(matrix, place, worth),
            "point_biserial": by_person.correlation(matrix, place),
            "median_seconds": statistics.median(paces) if paces else None,
        }
        return found if is_essay else found | self._shares(question, given)

    def _paces(self, id: int, rows: Sequence[Row]) -> Iterator[int]:
        for row in rows:
            before = row.started_at
            given = [each for each in self.answers[row.id] if each.given is not None]
            for at, some in itertools.groupby(given, lambda each: each.answered_at):
                ids = [each.question_id for each in some]
                if id in ids:
                    yield min(3600, max(0, _whole((at - before) / len(ids))))
                before = at

    def _shares(self, question: Any, given: Sequence[Row]) -> Figures:
        said = [(word, each) for each in given for word in _words(each.given)]
        counts = Counter(word for word, _ in said)
        shown = self._shown(question, counts)
        found: Figures = {}
        for word, words in shown.items():
            marks = {bool(each.is_correct) for at, each in said if at == word}
            share = counts[word] / len(given) if given else None
            for place, value in enumerate((counts[word], share, _is_right(question, word, marks))):
                found[f"“{words}” {place}"] = value
        has_others = question["kind"] in {"SHORT_TEXT", "NUMBER"}
        left = len(given) - sum(counts[word] for word in shown)
        return found | {"others": left if has_others else 0}

    def _shown(self, question: Any, counts: Counter[str]) -> dict[str, str]:
        """What is shown of the answers, by how it is stored."""
        if question["kind"] == "TRUE_FALSE":
            return {"true": "true", "false": "false"}
        if not question["choices"]:
            frequent = sorted(counts, key=lambda word: (-counts[word], word))
            return {word: word for word in frequent[:20]}
        texts = {
            str(choice["id"]): choice["text"]
            for number in sorted(self.revisions)
            for choice in self._asked(number).get(question["id"], {"choices": []})["choices"]
        }
        there = {str(choice["id"]) for choice in question["choices"]}
        return {id: words for id, words in texts.items() if id in there or counts[id]}


def _is_right(question: Any, word: str, marks: set[bool]) -> bool | None:
    if question["kind"] == "TRUE_FALSE":
        return (word == "true") is bool(question["key"]["isTrue"])
    if question["choices"]:
        return int(word) in question["key"]["choices"]
    return marks == {True} if len(marks) == 1 else None


def _words(given: Any) -> list[str]:
    if "choices" in given:
        return [str(each) for each in given["choices"]]
    if "isTrue" in given:
        return [str(given["isTrue"]).lower()]
    if "number" in given:
        return [given["number"]]
    plain = unicodedata.normalize("NFKC", given["text"])
    return [re.sub(r"\s+", " ", plain).strip().lower()[:100]]


def _whole(time: dt.timedelta) -> int:
    return time // dt.timedelta(seconds=1)
