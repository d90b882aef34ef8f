"""Every operation of the schema, also those that are not named in the table, asked by everybody
whom the right in schema.graphql denies it; generated from the schema."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from resolvers.catalog import own_right_of_field
from resolvers.declared import Asked
from resolvers.ids import encode
from tests.proof import table
from tests.proof.abilities import Thing
from tests.proof.declarations import read_declarations
from tests.proof.fields import everything, noun_of
from tests.proof.proving import REFUSALS, Asker
from tests.proof.town import TILDA, Town
from tests.proof.town_certificates import GRADUATE, certificate_of
from tests.proof.town_change_sets import MOVED
from tests.proof.town_grading import OF_LEARNER
from tests.proof.town_holds import WAITING
from tests.proof.town_learning import SHARED

BESIDE: Final = {
    "deactivateMember": ("memberId",),
    "reactivateMember": ("memberId",),
    "addRemoveModules": ("addModuleIds",),
    "createSegment": ("ruleText",),
    "invitePreview": ("count",),
    "checkRule": ("text",),
    "lintSegment": ("ruleText",),
    "previewSegmentChange": ("ruleText",),
    "coordinatorTimeline": ("memberId",),
    "explainMembership": ("memberId",),
    "explainPermission": ("memberId", "on"),
    "createToken": ("memberId",),
    "setCourseSegmentLimit": ("limit",),
    "updateDueDate": ("dueAt",),
    "removeCertificate": ("certificateId",),
}
"""Optional arguments without which the field has nothing to do."""

WORDS: Final[dict[str, Any]] = {
    "ruleText": 'department eq "Nobody"',
    "text": 'department eq "Nobody"',
    "operation": "VIEW_COURSE_INFO",
    "changes": {"title": "Chief"},
    "dueAt": "2030-01-01T00:00:00Z",
    "expiresAt": "2030-01-01T00:00:00Z",
}
VALUES: Final[dict[str, Any]] = {
    "String": "A word",
    "Int": 5,
    "Boolean": True,
    "JSON": {"title": "Chief"},
    "PersonToAdd": {"email": "new@new.example"},
    "DateTime": "2030-01-01T00:00:00Z",
    "AnswerToSave": {"question": 1},
    "GradeToGive": {"question": 6, "points": "1"},
    "ContentToWrite": {"lesson": {"markdown": "A word"}},
}
NAMES: Final = {
    "Course": "Selling",
    "Member": "Cleo",
    "Department": "Sales",
    "Segment": "Closed 0",
    "Module": "Pitch",
    "Attachment": "Pitch",
    "LearnerGroup": SHARED,
    "LiveSession": "Talk",
    "Job": "made",
    "ChangeSet": MOVED,
    "Hold": WAITING,
    "Submission": OF_LEARNER,
    "Certificate": certificate_of("Selling", GRADUATE),
}


NARROWED: Final = frozenset({"exportLearners"})
"""What is narrowed to the groups of whoever asks, where that is all they may see."""

SMALLEST_FIRST: Final = (
    "Certificate",
    "Submission",
    "LiveSession",
    "LearnerGroup",
    "Attachment",
    "Module",
    "Course",
    "Department",
)
"""Of the things a field names, what it is asked of: the first of these."""


@dataclass(frozen=True)
class Swept:
    """One operation asked by one principal who must be denied it."""

    operation: str
    who: str
    document: str
    variables: dict[str, Any]
    is_hidden: bool = False

    @property
    def name(self) -> str:
        return f"{self.who} may not {self.operation}"


class Sweep:
    """All denied questions of one town."""

    def __init__(self, schema: GraphQLSchema, town: Town) -> None:
        self._schema = schema
        self._town = town
        self._declared = read_declarations()
        self._things = {each.id: each for each in everything(town)}

    def questions(self) -> Iterator[Swept]:
        for root in (self._schema.mutation_type, self._schema.query_type):
            assert root is not None
            for name, declared in root.fields.items():
                right = own_right_of_field(declared)
                if right is None or right.asked is Asked.ROWS:
                    continue
                for who in self._denied(f"{root.name}.{name}", name, declared):
                    document, variables = self._document(root.name, name, declared)
                    is_hidden = self._is_hidden(f"{root.name}.{name}", name, declared, who)
                    yield Swept(name, who, document, variables, is_hidden)

    def _denied(self, coordinate: str, name: str, declared: GraphQLField) -> Iterator[str]:
        """Whom the table denies every group of what stands in schema.graphql."""
        said = self._declared[coordinate]
        thing = self._thing(name, declared)
        nouns = {self.noun(name, argument) for argument, _ in self._given(name, declared)}
        for who in table.PEOPLE if said.any_of else ():
            is_own = who == "learner" if "Submission" in nouns else "Member" not in nouns
            in_groups = {table.MY_GROUP} if name in NARROWED else set[str]()
            may = partial(self._may, thing=thing, is_for_oneself=is_own, further=in_groups)
            if not any(all(may(each, who) for each in group) for group in said.any_of):
                yield who

    def beside(self) -> Iterator[Swept]:
        """What no rule can make: questions whose answer hangs on what is said in them."""
        here = self._town.here
        one = f'courseId: "{here.id("Course", "Selling")}"'
        attached = f'segmentId: "{here.id("Segment", "Sellers")}"'
        usable = f'segmentId: "{here.id("Segment", "Open 0")}"'
        me = here.id("Member", "learner")
        for name, who, call in (
            ("detachSegment", "department_manager", f"({one}, {attached})"),
            ("changeAttachmentMode", "department_manager", f"({one}, {attached}, mode: FROZEN)"),
            ("attachSegment", "learner", f"({one}, {usable})"),
            (
                "changeMemberAttributes",
                "learner",
                f'(memberId: "{me}", changes: {{title: "Chief"}})',
            ),
        ):
            yield Swept(name, who, f"mutation {{ {name}{call} {{ refusal {{ code }} }} }}", {})
        for noun, argument in (("Department", "departmentId"), ("Course", "courseId")):
            call = f'({argument}: "{here.id(noun, NAMES[noun])}")'
            text = f"query {{ listAllMembers{call} {{ totalCount }} }}"
            yield Swept("listAllMembers", "invite", text, {}, is_hidden=True)
            yield Swept("listAllMembers", TILDA, text, {})

    def _is_hidden(self, coordinate: str, name: str, declared: GraphQLField, who: str) -> bool:
        """What is asked of the workspace is denied before anything is looked for."""
        asked_of = {table.asked_of(each) for each in self._declared[coordinate].any_of[0]}
        return "workspace" not in asked_of and who not in self._thing(name, declared).is_seen_by

    def _may(
        self, operation: str, who: str, thing: Thing, *, is_for_oneself: bool, further: set[str]
    ) -> bool:
        """As far as the operation is asked of this thing, or of more; what hangs on a condition of
        the workspace or on retakes is the business of the probes. What names nobody is done for
        oneself."""
        is_workspace = table.asked_of(operation) == "workspace"
        is_here = is_workspace or table.HELD_ON[who] in thing.reach
        if is_workspace and table.CELLS[operation, who].allow == "cond":
            return True
        if is_here and table.fact_needed(table.CELLS[operation, who]) == table.RETAKE:
            return True
        facts = thing.facts_for(who) if thing.scope != "workspace" else frozenset[str]()
        facts -= set() if is_for_oneself else {table.SELF}
        facts |= further
        return table.allows(operation, who, is_held_here=is_here, facts=facts)

    def _thing(self, name: str, declared: GraphQLField) -> Thing:
        for noun in SMALLEST_FIRST:
            for argument, each in self._given(name, declared):
                if get_named_type(each.type).name == "ID" and self.noun(name, argument) == noun:
                    return self._things[self._id(noun)]
        return next(iter(self._things.values()))

    def _given(self, name: str, declared: GraphQLField) -> list[tuple[str, GraphQLArgument]]:
        return [
            (argument, each)
            for argument, each in declared.args.items()
            if is_required_argument(each) or argument in BESIDE.get(name, ())
        ]

    def noun(self, name: str, argument: str) -> str:
        noun = "Course" if argument == "on" else noun_of(name, argument)
        return noun.removeprefix("Add").removeprefix("Remove")

    def _document(self, root: str, name: str, declared: GraphQLField) -> tuple[str, dict[str, Any]]:
        given = self._given(name, declared)
        head = ", ".join(f"${argument}: {each.type}" for argument, each in given)
        body = ", ".join(f"{argument}: ${argument}" for argument, _ in given)
        is_mutation = root == "Mutation"
        kind = get_named_type(declared.type)
        counts = "totalCount" if kind.name.endswith("Connection") and not is_mutation else ""
        counts = counts if "totalCount" in getattr(kind, "fields", {}) else ""
        shown = f"{{ __typename {'refusal { code message }' if is_mutation else counts} }}"
        text = (
            f"{root.lower()}{f' ({head})' if head else ''} {{ {name}{f'({body})' if body else ''}"
            f" {'' if is_leaf_type(kind) else shown} }}"
        )
        return (
            text,
            {argument: self._value(name, argument, each) for argument, each in given},
        )

    def _value(self, name: str, argument: str, declared: GraphQLArgument) -> Any:
        kind = get_named_type(declared.type)
        if kind.name == "ID":
            value: Any = self._id(self.noun(name, argument))
        elif kind.name == "AttendanceEntry":
            value = {"memberId": self._id("Member"), "state": "ATTENDED"}
        elif argument in WORDS:
            value = WORDS[argument]
        elif isinstance(kind, GraphQLEnumType):
            value = next(iter(kind.values))
        else:
            assert kind.name in VALUES, f"{name} asks for {kind.name}: say one in sweep.VALUES."
            value = VALUES[kind.name]
        return [value] if "[" in str(declared.type) else value

    def _id(self, noun: str) -> str:
        here = self._town.here
        if noun == "Token":
            return here.token_id
        if noun == "Connection":
            return encode(noun, here.connection_id)
        if noun == "Delivery":
            return self._town.first_delivery
        assert noun in NAMES, f"Something asks for a {noun}: name one in sweep.NAMES."
        return here.id(noun, NAMES[noun])


async def is_denied(ask: Asker, each: Swept) -> tuple[bool, str]:
    """Whether it was denied, and what was said. What is hidden is not there (C2)."""
    answer = await ask(each.who, each.document, each.variables, False)
    codes = {error["extensions"]["code"] for error in answer.get("errors") or ()}
    value = next(iter((answer.get("data") or {"": None}).values()))
    refusal = value.get("refusal") if isinstance(value, dict) else None
    if refusal is not None:
        return refusal["code"] == "NOT_FOUND", str(refusal)
    wanted = {"NOT_FOUND"} if each.is_hidden else REFUSALS
    return value is None and bool(codes) and codes <= wanted, str(answer)
