"""What applying a file would do, step by step: decided from what there is and what is wanted, and
nothing else."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Final, TypeVar

from models.base import Json
from models.segments import AttachmentMode, SegmentKind, SegmentState
from operations.refusals import Refused
from operations.segment_files.building import Built
from operations.segment_files.present import Present, PresentSegment
from operations.segment_files.wanted import LIMITS, FileProblem, WantedCourse, WantedSegment
from operations.segment_rules import read, remembered
from sync_engine.rules import InvalidRule, Related, difference, sentences
from sync_engine.rules import format as written

T = TypeVar("T")


class Action(StrEnum):
    """What one step does."""

    DETACH = "DETACH"
    DELETE = "DELETE"
    CREATE = "CREATE"
    CHANGE = "CHANGE"
    UNNAME_PEOPLE = "UNNAME_PEOPLE"
    NAME_PEOPLE = "NAME_PEOPLE"
    ATTACH = "ATTACH"
    CHANGE_MODE = "CHANGE_MODE"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do to one segment, which is None while it is not made yet.

    `before` and `after` hold what differs; of rules `sentences` tell what.
    """

    action: Action
    segment: str
    segment_id: int | None
    line: int | None = None
    version: int | None = None
    before: Json = field(default_factory=dict)
    after: Json = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
    course_id: int | None = None
    course: str | None = None
    member_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FilePlan:
    """All steps in the order in which they are taken, or what is wrong with the file.

    `based_on` is of the steps and of what they were planned upon: applying takes exactly these.
    """

    steps: tuple[Step, ...]
    problems: tuple[FileProblem, ...]

    @property
    def based_on(self) -> str:
        said = [{**asdict(step), "line": None} for step in self.steps]
        text = json.dumps(said, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


_ORDER: Final = {action: place for place, action in enumerate(Action)}


def planned(present: Present, wanted: Sequence[WantedSegment], *, prune: bool) -> FilePlan:
    """The steps from what there is to what is wanted. With `prune`, segments that the file does not
    name go."""
    built = Built(present, wanted, prune=prune)
    planner = _Planner(present, built.related)
    for each in wanted:
        planner.segment(each)
    if prune:
        planner.prune({each.name.lower() for each in wanted})
    planner.refuse_too_many_segments()
    planner.problems += built.problems()
    steps = () if planner.problems else tuple(sorted(planner.steps, key=partial(_place, built)))
    return FilePlan(steps, tuple(planner.problems[: LIMITS.problems]))


def _place(built: Built, step: Step) -> tuple[int, int, str, str, int]:
    """Inner segments are made and changed before those that build on them, and go after them."""
    name, order, depth = step.segment.lower(), _ORDER[step.action], 0
    if step.action in (Action.CREATE, Action.CHANGE):
        depth = built.depth_after(name)
    elif step.action is Action.DELETE and built.is_built_on_before(name):
        order, depth = len(_ORDER), -built.depth_before(name)
    return order, depth, name, step.course or "", step.course_id or 0


class _Planner:
    """One look at one file."""

    def __init__(self, present: Present, related: Related) -> None:
        self.steps: list[Step] = []
        self.problems: list[FileProblem] = []
        self._present = present
        self._related = related
        self._ids: dict[str, list[int]] = {}
        for id, title in present.courses.items():
            self._ids.setdefault(title.lower(), []).append(id)
        self._on_course: Counter[int] = Counter()
        for each in present.segments.values():
            self._on_course.update(list(each.courses))
        self._attached: dict[int, WantedCourse] = {}

    def segment(self, wanted: WantedSegment) -> None:
        present = self._present.segments.get(wanted.name.lower())
        if present is None:
            self._create(wanted)
        else:
            self._change(wanted, present)
        self._people(wanted, present)
        self._courses(wanted, present)

    def prune(self, named: set[str]) -> None:
        for key, present in self._present.segments.items():
            if key not in named:
                for id, title in present.courses.items():
                    self._step(Action.DETACH, present.name, present, course_id=id, course=title)
                    self._on_course[id] -= 1
                self._step(Action.DELETE, present.name, present, before=_said(present))

    def refuse_too_many_segments(self) -> None:
        """M29, of every course that would carry more than before."""
        for id, course in self._attached.items():
            if self._on_course[id] > self._present.limits[id]:
                self._note(
                    course.line,
                    None,
                    f"“{course.title}” would carry {self._on_course[id]} segments and may carry"
                    f" {self._present.limits[id]}.",
                )

    def _create(self, wanted: WantedSegment) -> None:
        state = wanted.state or SegmentState.ACTIVE
        if state is SegmentState.BROKEN:
            self._problem(wanted, "state", "A new segment cannot be BROKEN.")
        if wanted.rule is None and wanted.people is None:
            self._problem(wanted, "name", "A new segment needs a rule, or people.")
        after = {
            "description": wanted.description or "",
            "state": state,
            "usableByDepartments": bool(wanted.is_usable_by_departments),
            "rule": None if wanted.rule is None else self._rule(wanted),
        }
        self._step(Action.CREATE, wanted.name, None, line=wanted.line, after=after)

    def _change(self, wanted: WantedSegment, present: PresentSegment) -> None:
        before, after = _said(present), {**_said(present), "name": wanted.name}
        told: tuple[str, ...] = ()
        if wanted.description is not None:
            after["description"] = wanted.description
        if wanted.is_usable_by_departments is not None:
            after["usableByDepartments"] = wanted.is_usable_by_departments
        if wanted.rule is not None:
            after["rule"] = self._new_rule(wanted, present)
            told = self._told(present, wanted) if after["rule"] != before["rule"] else ()
        after["state"] = self._new_state(wanted, present, is_edited=after["rule"] != before["rule"])
        is_mended = before["state"] is SegmentState.BROKEN is not after["state"]
        different = [
            key for key in after if before[key] != after[key] or (key == "rule" and is_mended)
        ]
        if different:
            self._step(
                Action.CHANGE,
                present.name,
                present,
                line=wanted.line,
                before={key: before[key] for key in different},
                after={key: after[key] for key in different},
                sentences=told,
            )

    def _new_rule(self, wanted: WantedSegment, present: PresentSegment) -> str | None:
        if present.rule is None:
            self._problem(wanted, "rule", "It names people; delete it first to give it a rule.")
            return None
        if wanted.rule == present.rule_text:
            return present.rule_text
        return self._rule(wanted)

    def _rule(self, wanted: WantedSegment) -> str | None:
        """The rule as it is written; None where it is wrong."""
        try:
            return written(read(wanted.rule or "", self._present.catalog, self._related))
        except Refused as refused:
            for problem in refused.details["problems"]:
                piece = (wanted.rule or "")[problem["start"] : problem["end"]]
                about = f" (“{piece[:80]}”)" if piece else ""
                self._problem(wanted, "rule", f"Its rule: {problem['message']}{about}")
            return None

    def _told(self, present: PresentSegment, wanted: WantedSegment) -> tuple[str, ...]:
        catalog, related = self._present.catalog, self._related
        try:
            rules = (
                remembered(present.rule or {}, catalog, self._present.related),
                read(wanted.rule or "", catalog, related),
            )
        except (InvalidRule, Refused):
            return ()
        return tuple(sentences(difference(*rules)))

    def _new_state(
        self, wanted: WantedSegment, present: PresentSegment, *, is_edited: bool
    ) -> SegmentState:
        """A rule that is valid mends a BROKEN segment; no segment becomes DRAFT or BROKEN."""
        now, then = present.state, wanted.state
        if now is SegmentState.BROKEN and is_edited:
            now = SegmentState.ACTIVE
        if then is None or then is now:
            return now
        if then in (SegmentState.DRAFT, SegmentState.BROKEN):
            self._problem(wanted, "state", f"It is {now} and cannot become {then}.")
        elif now is SegmentState.BROKEN and (wanted.rule is None or self._rule(wanted) is None):
            self._problem(wanted, "state", "It is BROKEN; give it a rule that is valid.")
        return then

    def _people(self, wanted: WantedSegment, present: PresentSegment | None) -> None:
        if wanted.people is None:
            return
        if present is not None and present.kind is SegmentKind.RULE:
            self._problem(wanted, "people", "It follows a rule; delete it first to name people.")
            return
        now = present.people if present else {}
        then: dict[int, str] = {}
        for person in wanted.people:
            found = self._present.members.get(person.user_name.lower())
            if found is None:
                message = f"There is nobody with the user name “{person.user_name[:200]}”."
                self._note(person.line, wanted.name, message)
            else:
                then[found[0]] = found[1]
        line = wanted.line_of("people")
        self._several(Action.UNNAME_PEOPLE, wanted, present, _without(now, then), line)
        self._several(Action.NAME_PEOPLE, wanted, present, _without(then, now), line)

    def _several(
        self,
        action: Action,
        wanted: WantedSegment,
        present: PresentSegment | None,
        people: Mapping[int, str],
        line: int | None,
    ) -> None:
        if people:
            names = sorted(people.values(), key=str.lower)
            said = {"people": names}
            self._step(
                action,
                present.name if present else wanted.name,
                present,
                line=line,
                before=said if action is Action.UNNAME_PEOPLE else {},
                after=said if action is Action.NAME_PEOPLE else {},
                member_ids=tuple(sorted(people)),
            )

    def _courses(self, wanted: WantedSegment, present: PresentSegment | None) -> None:
        if wanted.courses is None:
            return
        now = present.courses if present else {}
        name = present.name if present else wanted.name
        then: dict[int, WantedCourse] = {}
        for course in wanted.courses:
            id = self._course(wanted, course)
            if id in then:
                self._note(course.line, wanted.name, f"“{course.title[:200]}” is named twice.")
            elif id is not None:
                then[id] = course
        for id, title in _without(now, then).items():
            line = wanted.line_of("courses")
            self._step(Action.DETACH, name, present, line=line, course_id=id, course=title)
            self._on_course[id] -= 1
        for id, course in _without(then, now).items():
            title, mode = self._present.courses[id], course.mode or AttachmentMode.SYNC
            said = {"line": course.line, "course_id": id, "course": title, "after": {"mode": mode}}
            self._step(Action.ATTACH, name, present, **said)
            self._on_course[id] += 1
            self._attached[id] = course
        if present is not None:
            self._modes(present, then)

    def _modes(self, present: PresentSegment, then: Mapping[int, WantedCourse]) -> None:
        """Courses that stay and are to follow the segment otherwise."""
        for id, course in then.items():
            mode = present.modes.get(id)
            if mode is not None and course.mode not in (None, mode):
                self._step(
                    Action.CHANGE_MODE,
                    present.name,
                    present,
                    line=course.line,
                    before={"mode": mode},
                    after={"mode": course.mode},
                    course_id=id,
                    course=self._present.courses[id],
                )

    def _course(self, wanted: WantedSegment, course: WantedCourse) -> int | None:
        """Which course is meant: by its title, and among several of that title by the id."""
        ids = self._ids.get(course.title.lower(), [])
        if course.id in ids:
            return course.id
        if len(ids) == 1:
            return ids[0]
        if ids:
            numbers = ", ".join(map(str, sorted(ids)))
            message = f"{len(ids)} courses are called “{course.title}”; say which id: {numbers}."
        else:
            message = f"There is no course “{course.title[:200]}”{self._called_now(course.id)}."
        self._note(course.line, wanted.name, message)
        return None

    def _called_now(self, id: int | None) -> str:
        title = self._present.courses.get(id or 0)
        return f"; {id} is called “{title}”" if title else ""

    def _step(
        self, action: Action, segment: str, present: PresentSegment | None, **said: Any
    ) -> None:
        id, version = (present.id, present.version) if present else (None, None)
        self.steps.append(Step(action, segment, id, version=version, **said))

    def _problem(self, wanted: WantedSegment, key: str, message: str) -> None:
        self._note(wanted.line_of(key), wanted.name, message)

    def _note(self, line: int | None, segment: str | None, message: str) -> None:
        self.problems.append(FileProblem(line, segment, message))


def _said(present: PresentSegment) -> Json:
    return {
        "name": present.name,
        "description": present.description,
        "state": present.state,
        "usableByDepartments": present.is_usable_by_departments,
        "rule": present.rule_text,
    }


def _without(some: Mapping[int, T], others: Collection[int]) -> dict[int, T]:
    return {id: value for id, value in some.items() if id not in others}
