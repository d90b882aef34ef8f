"""What is hidden from somebody is, through every root field, what is not there (C2, F1)."""

from collections import Counter

import pytest

from access.permissions import Principal
from resolvers.ids import encode
from tests.furnishing import furnished
from tests.resolvers.asking import Ask
from tests.resolvers.test_two_tenants_never_meet import (
    MISSING,
    PLACE,
    call_off_files,
    document,
    furnish,
    noun_of,
    questions,
)
from tests.sampling import is_turn, is_whole
from tests.world import World

TURNS = 3
"""Every field is asked for in every run: by each third of the callers in turn."""

CALLERS = ("Dee", "Ines", "Cora", "Lou", "Eve", "Fin", "Ivy", "Nobody")


@pytest.fixture
@furnished
async def town(world: World) -> World:
    """People with some rights in Training each, and one of everything in Legal that they have
    nothing to do with: the course Law, the module Contracts, the segment Lawyers."""
    for name in CALLERS:
        await world.member(name)
    await furnish(world)
    await world.course("Law", department="Legal")
    await world.module("Contracts", department="Legal", courses=["Law"])
    await world.segment("Lawyers", people_named=["Lea"])
    await world.course("Skills", instructors=["Ines"], coordinators_by_hand=["Cora"])
    await world.module("Tools", courses=["Skills"])
    await world.enrol("Skills", "Lou")
    await world.grant("Dee", Principal.DEPARTMENT_MANAGER, department="Training")
    await world.grant("Eve", Principal.MODULE_EDIT, module="Tools")
    await world.grant("Fin", Principal.FINANCE_MANAGER)
    await world.grant("Ivy", Principal.INVITE)
    return world


async def test_hidden_things_are_missing_through_every_root_field_for_everybody(
    town: World, ask: Ask
) -> None:
    own = own_things(town, ask)
    theirs = {
        "Course": ask.id("Course", "Law"),
        "Module": encode("Module", town.modules["Contracts"]),
        "Department": ask.id("Department", "Legal"),
        "Segment": ask.id("Segment", "Lawyers"),
        "Member": ask.id("Member", "Mona"),
    }
    before, told_apart, asked_for = await town.verbs(), [], Counter[str]()

    for place, name in enumerate(CALLERS):
        ids = list(theirs.values())
        seen = await ask("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", by=name, ids=ids)
        hidden = {
            noun: id
            for (noun, id), node in zip(theirs.items(), seen["nodes"], strict=True)
            if node is None
        }
        for number, (root, field, argument) in enumerate(questions()):
            noun = noun_of(field, argument)
            if noun not in hidden or not is_turn(number, place, of=TURNS):
                continue
            text, given, is_list = document(root, field, argument, own)
            answers = []
            for id in (hidden[noun], encode(noun, MISSING)):
                variables = given | {argument: [id] if is_list else id}
                answer = await ask.bytes(text, by=name, **variables)
                assert b"VALIDATION" not in answer, (text, answer)
                assert b"INTERNAL" not in answer, (text, answer)
                answers.append(PLACE.sub(b"", answer.replace(id.encode(), b"ID")))
                await call_off_files(town)
            asked_for[name] += 1
            if answers[0] != answers[1]:
                told_apart.append((name, field, argument, answers))

    assert told_apart == []
    assert min(asked_for.values()) > (20 if is_whole() else 20 // TURNS)
    done = (await town.verbs())[len(before) :]
    assert set(done) <= {"export.requested"}, (
        "files of what one may see, which holds nothing hidden"
    )


OF_LEARNING = (
    "LearnerGroup",
    "Attachment",
    "Submission",
    "Certificate",
    "LiveSession",
    "Hold",
    "ChangeSet",
)
"""What the town has none of: whatever names one is about something that is not there."""

ALLOWED = {"attempt", "submission", "learner", "group", "export", "insights"}
"""What a learner does alone, and a coordinator with others; all else asked for is refused them."""

G3 = {"code", "coordinate", "requiredAnyOf", "scope", "held", "reason"}
"""What every refusal for want of a permission carries."""


async def test_every_refusal_says_where_what_is_needed_what_is_held_and_why(
    town: World, ask: Ask
) -> None:
    own = own_things(town, ask)
    before, refused = await town.verbs(), Counter[str]()

    for name in ("Lou", "Cora"):
        for root, field, argument in questions():
            id = own.get(noun_of(field, argument))
            if id is None:
                continue
            text, given, is_list = document(root, field, argument, own)
            given[argument] = [id] if is_list else id
            for error in (await ask.whole(text, by=name, **given)).get("errors", ()):
                said = error["extensions"]
                if said["code"] == "PERMISSION_DENIED":
                    assert said.keys() == G3, (text, error)
                    assert error["message"] == said["reason"]
                    assert said["held"] == sorted(said["held"])
                    assert said["requiredAnyOf"]
                    type_name, _, place = said["coordinate"].partition(".")
                    assert place in ("", error["path"][-1]), (type_name, error)
                    refused[name] += 1

    assert min(refused.values()) > 30, refused
    done = (await town.verbs())[len(before) :]
    assert {verb.partition(".")[0] for verb in done} <= ALLOWED, done


def own_things(town: World, ask: Ask) -> dict[str, str]:
    """What a document may need to name beside what it asks about."""
    return {
        "Course": ask.id("Course", "Skills"),
        "Module": encode("Module", town.modules["Tools"]),
        "Department": ask.id("Department", "Training"),
        "Member": encode("Member", town.members["Lea"]),
        "Segment": encode("Segment", town.segments["Named"]),
        "Connection": encode("Connection", 1),
        "Delivery": encode("Delivery", 1),
        **{noun: encode(noun, 1) for noun in OF_LEARNING},
    }
