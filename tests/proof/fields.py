"""Every field of every object, as every principal, along every path: one answer, the table's."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from graphql import GraphQLField, GraphQLSchema, get_named_type, is_leaf_type, is_required_argument

from resolvers.catalog import fields_of, own_right_of_field
from resolvers.declared import Asked
from tests.proof import (
    abilities,
    table,
    town_attempts,
    town_certificates,
    town_change_sets,
    town_content,
    town_grading,
    town_holds,
    town_learning,
    town_live_sessions,
)
from tests.proof.abilities import Thing
from tests.proof.declarations import Declared, read_declarations
from tests.proof.probing import EVERYWHERE
from tests.proof.proving import Answer, Asker
from tests.proof.table import MY_GROUP, SELF
from tests.proof.town import Town
from tests.proof.town_learners import GROUPMATE
from tests.proof.town_learning import pupil_of
from tests.proof.walking import DEEP, READABLE, Growth, Sighting, arguments_of, sightings
from tests.sampling import some

NOUNS: Final = {
    "Course": ("Selling", "Archive", "Made", "Law"),
    "Member": ("Cleo", "Kim", "coordinator_derived", "learner"),
    "Department": ("Sales", "Legal"),
    "Segment": ("Open 0", "Closed 0"),
    "Module": ("Pitch", "Clause", town_content.EXAM, town_content.TASK),
    "LiveSession": ("Talk", "Hearing"),
    "Job": ("made", "failed", "brought"),
    "ChangeSet": (town_change_sets.MOVED,),
    "Hold": (town_holds.WAITING,),
    "Submission": (
        town_grading.OF_LEARNER,
        town_grading.submission_for("instructor", "Selling"),
        town_grading.submission_for("instructor", "Law"),
    ),
}
"""What is asked for where an id of the kind is needed."""

KINDS: Final = frozenset({"job", "module", "previewSegmentChange", "explainMembership"})
"""Root fields of which every choice is of another kind: each is followed as far as the first."""

PAIRS: Final = (
    ("Selling", "learner"),
    ("Selling", "coordinator_derived"),
    ("Selling", "Cleo"),
    ("Law", "Cleo"),
    ("Law", "Kim"),
    ("Archive", "learner"),
)
"""What is asked for where it is a person on a course."""

CALLED: Final = {"group": "LearnerGroup"}
"""Kinds of things whose ids are called something shorter."""

ABOUT_SOMEBODY: Final = frozenset({"coordinatorTimeline", "explainMembership", "explainPermission"})
"""Root fields whose answer is about whom an optional argument names."""

SAID: Final = {
    "invitePreview": "count: 1",
    "lintSegment": r'ruleText: "department eq \"Sales\""',
    "previewSegmentChange": r'ruleText: "department absent or department present"',
}
"""Arguments of root fields that need some although none alone is required."""

ALSO_ON_A_COURSE: Final = frozenset({"previewSegmentChange"})
"""Root fields that say more where a course is named, which need not be."""

SHOWING_MODULES: Final = (
    "view_course_info",
    "edit_module_content",
    "preview_untracked",
    "grant_module_permission",
)
"""Who may do any of this to a module sees it."""

SHOWING_FILES: Final = ("edit_module_content", "preview_untracked")
"""Who may do any of this to a module sees its files."""

DENIED_TO_SOME: Final = frozenset({"Course.learners", "LearnerGroup.learners"})
"""Lists that leave out rows, and are denied as a whole to whom the table gives none."""

AT_ONCE: Final = 3
"""So many people ask at the same time: while one waits for the database, others compute."""

DENIED: Final = "PERMISSION_DENIED"
OF_EACH_KIND: Final = 5
SOME: Final[dict[str, list[Any]]] = {
    "Permission": ["VIEW_COURSE_INFO", "VIEW_BILLING"],
    "String": ["e"],
    "Int": [1],
    "SegmentChangeKind": ["CREATE"],
}
"""What is said where an argument of the kind is needed."""

NODES: Final = "nodes"
A_PART: Final = 0.04
VERBS: Final = ("approve", "discard", "undo")
"""What is done with the thing whose id is called `id`."""
ROOTS_APART: Final = frozenset({"node", "nodes"})


def noun_of(field_name: str, argument: str) -> str:
    """What kind of thing an id argument names."""
    if argument == "id":
        for verb in VERBS:
            field_name = field_name.removeprefix(verb)
        return field_name[:1].upper() + field_name[1:]
    noun = argument.removesuffix("s").removesuffix("Id")
    return CALLED.get(noun, noun[:1].upper() + noun[1:])


@dataclass(frozen=True)
class Grown:
    """A document that shows all there is below one field of the root, and what it is asked of:
    one text for all choices, which is prepared once."""

    text: str
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Compared:
    """What was compared, and where it differed."""

    sightings: int = 0
    denials: int = 0
    denied: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    outcomes: dict[tuple[str, Any, str], dict[str, str]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    fields: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


class Fields:
    """The proof for one town."""

    def __init__(self, schema: GraphQLSchema, town: Town, *, deepest: int = DEEP) -> None:
        self._schema = schema
        self._town = town
        self._growth = Growth(schema, self._nested(schema), deepest)
        self._declared = read_declarations()
        self._grouped = {town.person(name) for name in (GROUPMATE, pupil_of("learner"))}
        self._filtered = {
            f"{type_.name}.{name}"
            for type_, name, each in fields_of(schema)
            if (own := own_right_of_field(each)) is not None and own.asked is Asked.ROWS
        }
        self._things = {each.id: each for each in everything(town)}
        self.documents = dict(self._documents())

    def _nested(self, schema: GraphQLSchema) -> dict[str, str]:
        """Arguments of fields inside that need some."""
        return {"Viewer.can": "operations: [VIEW_COURSE_INFO]"}

    def _documents(self) -> Iterator[tuple[str, Grown]]:
        """One for each field of the root and each choice of what it is asked of."""
        root = self._schema.query_type
        assert root is not None
        for name, declared in root.fields.items():
            kind = get_named_type(declared.type)
            if is_leaf_type(kind) or name in ROOTS_APART:
                continue
            for number, given in enumerate(self._choices(name, declared)):
                below = self._growth.from_root(kind, is_short=number > 0 and name not in KINDS)
                beside = "" if "segmentId" in given else SAID.get(name, "")
                said = [f"{each}: ${each}" for each in given] + [beside]
                call = f"{name}{arguments_of(declared, ', '.join(each for each in said if each))}"
                head = ", ".join(f"${each}: {declared.args[each].type}" for each in given)
                text = f"query {f'({head})' if head else ''} {{ Query_{name}: {call} {below} }}"
                yield f"{name} {number}", Grown(text, given)
        ids = list(self._some_of_each_kind())
        node = self._growth.from_root(self._schema.type_map["Node"])
        text = f"query ($ids: [ID!]!) {{ Query_nodes: nodes(ids: $ids) {node} }}"
        yield NODES, Grown(text, {"ids": ids})

    def _some_of_each_kind(self) -> Iterator[str]:
        """The first of each, and what is asked for elsewhere; `Lists` looks at all of them."""
        chosen = {self._town.here.id(noun, name) for noun, names in NOUNS.items() for name in names}
        met: Counter[str] = Counter()
        for id, each in self._things.items():
            kind, *_ = each.name.split()
            met[kind] += 1
            if id in chosen or met[kind] <= OF_EACH_KIND:
                yield id

    def _choices(self, name: str, declared: GraphQLField) -> list[dict[str, Any]]:
        """What is said in its arguments."""
        choices: list[dict[str, Any]] = [{}]
        needed = {key: each for key, each in declared.args.items() if is_required_argument(each)}
        if {"courseId", "memberId"} <= needed.keys():
            choices = list(self._pairs())
        if {"courseId", "moduleId"} <= needed.keys():
            choices = list(self._quizzes())
        for argument, each in needed.items():
            if argument not in choices[0]:
                values = self._values(name, argument, get_named_type(each.type).name)
                choices = [said | {argument: value} for said in choices for value in values]
        if name in ALSO_ON_A_COURSE:
            course = self._town.here.id("Course", NOUNS["Course"][0])
            choices += [said | {"courseId": course} for said in choices]
            choices.append(self._detached())
        if name not in ABOUT_SOMEBODY:
            return choices
        if "courseId" in needed:
            return choices + list(self._pairs())
        people = self._values(name, "memberId", "ID")
        return choices + [said | {"memberId": each} for said in choices for each in people]

    def _detached(self) -> dict[str, Any]:
        """A change of which somebody keeps the role by something else."""
        here = self._town.here
        about = {"segmentId": here.id("Segment", "Lawyers"), "courseId": here.id("Course", "Law")}
        return {"change": "DETACH", **about}

    def _pairs(self) -> Iterator[dict[str, Any]]:
        here = self._town.here
        for course, person in PAIRS:
            yield {"courseId": here.id("Course", course), "memberId": here.id("Member", person)}

    def _quizzes(self) -> Iterator[dict[str, Any]]:
        here = self._town.here
        for course, quiz in town_grading.QUIZZES.items():
            yield {"courseId": here.id("Course", course), "moduleId": here.id("Module", quiz)}

    def _values(self, name: str, argument: str, kind: str) -> list[Any]:
        if kind == "ID":
            noun = noun_of(name, argument)
            assert noun in NOUNS, f"Query.{name} asks for a {noun}: name some in fields.NOUNS."
            return [self._town.here.id(noun, each) for each in NOUNS[noun]]
        if argument == "code":
            return [self._town.here.codes[town_certificates.OF_LEARNER]]
        assert kind in SOME, f"Query.{name}({argument}:) asks for {kind}: say some in fields.SOME."
        return SOME[kind]

    def in_turns(self, who: str) -> list[str]:
        """What somebody is asked in every run, and some of the rest: the first choice of each field
        of the root is one's own; in a whole run everything."""
        own = [name for name in self.documents if name == NODES or name.endswith(" 0")]
        further = [name for name in self.documents if name not in own]
        return own + some(further, f"what {who} reads", share=A_PART)

    async def compare(
        self,
        ask: Asker,
        whom: Iterable[str] = table.PEOPLE,
        documents: Callable[[str], Iterable[str]] | None = None,
    ) -> Compared:
        """Ask as each of them; `documents` names those that are enough for somebody, none: all."""
        done = Compared()
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(who: str) -> None:
            async with gate:
                for name in documents(who) if documents else self.documents:
                    document = self.documents[name]
                    answer = await ask(who, document.text, document.given, False)
                    for each in sightings(self._schema, answer):
                        self._judge(who, name, each, done)

        await asyncio.gather(*(one(who) for who in whom))
        return done

    def forget(self, ids: Any) -> None:
        """Of these, one or many, the table says something else now: they lie elsewhere."""
        for id in ids if isinstance(ids, list) else [ids]:
            self._things.pop(id, None)

    def take(self, who: str, path: str, answer: Answer, done: Compared) -> None:
        """Compare what another answer shows, as far as it is about what was there before."""
        for each in sightings(self._schema, answer):
            _, nearest = next(iter(each.row.anchors), ("", ""))
            if nearest in self._things:
                self._judge(who, path, each, done)
            elif not each.row.anchors:
                done.fields.add(each.coordinate)

    def selection_of(self, declared: GraphQLField) -> str:
        """Everything of what a field gives."""
        return self._growth.from_root(get_named_type(declared.type))

    def _judge(self, who: str, document: str, each: Sighting, done: Compared) -> None:
        done.sightings += 1
        if each.outcome != READABLE:
            done.denials += 1
            if (who, document) not in done.denied[each.coordinate]:
                done.denied[each.coordinate].append((who, document))
        done.fields.add(each.coordinate)
        path = f"{document}: {each.path}"
        outcomes = done.outcomes[who, each.row.key, each.coordinate]
        if each.outcome not in outcomes:
            outcomes[each.outcome] = path
            if len(outcomes) > 1:
                done.faults.append(f"{who}, {each.coordinate} of {each.row.key}: {outcomes}")
        wanted = READABLE if self.may(who, each) else DENIED
        if each.outcome != wanted:
            done.faults.append(
                f"{who}, {each.coordinate} of {self.about(each).name}, should be {wanted}"
                f" and is {each.outcome} along {path}"
            )

    def may(self, who: str, each: Sighting) -> bool:
        """What schema.graphql and the table say."""
        right = self._declared[each.coordinate]
        if right.is_public or not right.any_of:
            return True
        thing = self.about(each)
        if each.coordinate in self._filtered:
            is_here = table.HELD_ON[who] in thing.reach
            return each.coordinate not in DENIED_TO_SOME or any(
                is_here and all(table.CELLS[asked, who].allow != "no" for asked in group)
                for group in right.any_of
            )
        is_self = self._is_self(who, each)
        if right.or_self and is_self:
            return True
        facts = thing.facts_for(who) - {SELF} | ({SELF} if is_self else set())
        facts |= {MY_GROUP} if self._is_in_own_group(each) else set()
        is_here = table.HELD_ON[who] in thing.reach
        return any(
            all(
                table.allows(operation, who, is_held_here=is_here, facts=frozenset(facts))
                for operation in group
            )
            for group in right.any_of
        )

    def about(self, each: Sighting) -> Thing:
        """The thing on which rights to the row are held: it, or the nearest it was reached by."""
        for _, id in each.row.anchors:
            if id in self._things:
                return self._things[id]
        return next(iter(self._things.values()))

    def _is_self(self, who: str, each: Sighting) -> bool:
        me = self._town.person(who)
        if each.row.type_name == "Member":
            return each.row.key == ("Member", me)
        return each.row.person == me

    def _is_in_own_group(self, each: Sighting) -> bool:
        """Everybody has a group in Selling, and all groups the same learners."""
        return each.row.type_name == "Learner" and each.row.person in self._grouped

    def right_of(self, coordinate: str) -> Declared:
        return self._declared[coordinate]


def everything(town: Town) -> Iterator[Thing]:
    """All that has a global id in the workspace, and where it lies. The workspace comes first."""
    here = town.here
    yield from abilities.things(town)
    known = {each.id for each in abilities.things(town)}
    yield from (further_course(town, name) for name in ("Flux", *town_attempts.COURSES))
    for name in here.world.segments:
        usable = {table.USABLE} if name.startswith("Open") else set()
        thing = Thing(
            f"segment {name}",
            here.id("Segment", name),
            "workspace",
            EVERYWHERE,
            frozenset(usable),
            is_seen_by=abilities.seeing("search_segments_typeahead", EVERYWHERE, *usable),
        )
        if thing.id not in known:
            yield thing
    for name in here.world.groups:
        if (thing := of_group(town, name)).id not in known:
            yield thing
    for name in here.world.members:
        yield Thing(
            f"member {name}",
            here.id("Member", name),
            "workspace",
            EVERYWHERE,
            is_seen_by=abilities.LOOKERS | {name},
            is_person=True,
        )
    yield from (of_module(town, name) for name in here.world.modules)
    yield from (of_attachment(town, name) for name in here.attachments)
    yield from (of_live_session(town, name) for name in here.live_sessions)
    yield from (of_submission(town, name) for name in here.submissions)
    yield from (of_certificate(town, name) for name in here.certificates)
    for noun, name in (
        *(("ChangeSet", each) for each in here.change_sets),
        *(("Hold", each) for each in here.holds),
    ):
        yield Thing(
            f"{noun} {name}",
            here.id(noun, name),
            "workspace",
            EVERYWHERE,
            is_seen_by=abilities.seeing("create_edit_segment", EVERYWHERE),
        )


def further_course(town: Town, name: str) -> Thing:
    """One of Sales, with the same staff as Selling."""
    return Thing(
        f"course {name} own",
        town.here.id("Course", name),
        "course",
        EVERYWHERE,
        frozenset({table.ACTIVE}),
        is_seen_by=abilities.seeing("view_course_info", EVERYWHERE),
    )


def of_group(town: Town, name: str) -> Thing:
    """All but one are of Selling, and most are called after who made them."""
    is_law = name == town_learning.LAW
    return Thing(
        f"group {name}",
        town.here.id("LearnerGroup", name),
        "course",
        abilities.WORKSPACE_ONLY if is_law else EVERYWHERE,
        frozenset({table.ACTIVE}),
        group_maker=next(
            (each for each in table.PEOPLE if town_learning.group_of(each) == name), ""
        ),
        is_seen_by=abilities.seeing(
            "view_course_info", abilities.WORKSPACE_ONLY if is_law else EVERYWHERE
        ),
    )


def of_live_session(town: Town, name: str) -> Thing:
    """Seen by whoever sees its course."""
    is_law = town_live_sessions.course_of(name) == "Law"
    reach = abilities.WORKSPACE_ONLY if is_law else EVERYWHERE
    return Thing(
        f"live session {name}",
        town.here.id("LiveSession", name),
        "course",
        reach,
        frozenset({table.ACTIVE}),
        is_seen_by=abilities.seeing("view_course_info", reach),
    )


def of_certificate(town: Town, name: str) -> Thing:
    """Seen by whoever lists the learners of its course; the learner's own by the learner too."""
    reach = abilities.WORKSPACE_ONLY if name.startswith("Law") else EVERYWHERE
    is_own = name == town_certificates.OF_LEARNER
    return Thing(
        f"certificate {name}",
        town.here.id("Certificate", name),
        "course",
        reach,
        frozenset({table.ACTIVE}),
        is_seen_by=abilities.seeing("list_learners", reach) | ({"learner"} if is_own else set()),
    )


def of_submission(town: Town, name: str) -> Thing:
    """Seen by whoever views the answers of its course; the learner's own by the learner too."""
    reach = abilities.WORKSPACE_ONLY if name.startswith("Law") else EVERYWHERE
    is_own = name == town_grading.OF_LEARNER
    return Thing(
        f"submission {name}",
        town.here.id("Submission", name),
        "course",
        reach,
        frozenset({table.ACTIVE}),
        is_seen_by=abilities.seeing("view_answers", reach) | ({"learner"} if is_own else set()),
    )


def of_module(town: Town, name: str) -> Thing:
    """Modules `Sales n` are in Selling, but nobody holds anything on them alone."""
    reach = _reach_of_module(name)
    shown = [abilities.seeing(operation, reach) for operation in SHOWING_MODULES]
    return Thing(
        f"module {name}",
        town.here.id("Module", name),
        "module",
        reach,
        maker="dept_create" if town_content.is_made(name) else "",
        is_seen_by=frozenset().union(*shown),
    )


def of_attachment(town: Town, module: str) -> Thing:
    """The file of a module, which those see who may write or preview it."""
    about = of_module(town, module)
    facts = {table.MINE} if about.maker else set()
    seen = [abilities.seeing(each, about.reach, *facts) for each in SHOWING_FILES]
    id = town.here.id("Attachment", module)
    return replace(about, name=f"file {module}", id=id, is_seen_by=frozenset().union(*seen))


def _reach_of_module(name: str) -> frozenset[str]:
    if town_content.is_made(name):
        return abilities.IN_SALES
    if town_content.is_edited(name):
        return EVERYWHERE
    is_of_selling = name.startswith("Sales")
    return EVERYWHERE - {"module"} if is_of_selling else abilities.WORKSPACE_ONLY
