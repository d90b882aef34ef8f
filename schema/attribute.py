"""The attribute schema of a workspace."""

import strawberry

from access.permissions import Permission
from resolvers import attributes as answers
from resolvers import done
from resolvers.answers import Answer
from schema.payloads import Payload
from schema.requires import SIGNED_IN, any_of, column, done_by, guarded_type, resolved_by
from schema.segment import Segment
from sync_engine.rules import AttributeType, Owner

strawberry.input(
    answers.AttributeToDefine,
    name="AttributeToDefine",
    description="An attribute as it is to be. Names are words of letters, digits, _ and -, joined "
    "by dots; no two differ only in case.",
)
strawberry.input(
    answers.AttributeToChange,
    name="AttributeToChange",
    description="What of an attribute is to be otherwise; what is left out stays.",
)


@guarded_type(
    requires=SIGNED_IN,
    description="One attribute of the schema: what is known about people, and whose it is.",
    rows=answers.ShownAttribute,
)
class Attribute:
    name: str
    type: AttributeType
    owner: Owner
    is_fixed: bool = column(
        "is_fixed",
        requires=SIGNED_IN,
        description="The product itself goes by it: it cannot be changed or removed.",
    )
    is_usable_in_rules: bool = column(
        "is_usable_in_rules",
        requires=SIGNED_IN,
        description="What members write themselves decides no rule.",
    )


@guarded_type(
    requires=SIGNED_IN,
    description="A segment whose rule uses what goes or changes.",
    rows=answers.AffectedSegment,
)
class AffectedSegment:
    segment: Segment | None = resolved_by(
        done.segment, requires=SIGNED_IN, description="The segment."
    )
    breaks: bool = column(
        "breaks",
        requires=SIGNED_IN,
        description="It is ACTIVE, and BROKEN by this: its people stay as they are until its "
        "rule is edited.",
    )
    reason: str = column("reason", requires=SIGNED_IN, description="Why.")


@guarded_type(requires=SIGNED_IN, description="The schema was edited.", rows=Answer)
class AttributeSchemaPayload(Payload):
    attributes: list[Attribute] = resolved_by(
        answers.attributes_after, requires=SIGNED_IN, description="The schema, after."
    )
    affected_segments: list[AffectedSegment] = resolved_by(
        answers.affected,
        requires=SIGNED_IN,
        description="Segments whose rules use what goes or changes.",
    )
    people_count: int | None = column(
        "people_count",
        requires=SIGNED_IN,
        description="How many people have a value that is forgotten, or read as another type.",
    )


@guarded_type(requires=SIGNED_IN, description="What can be asked about attributes.")
class AttributeQuery:
    attributes: list[Attribute] | None = resolved_by(
        answers.attribute_schema,
        requires=any_of(Permission.EDIT_ATTRIBUTE_SCHEMA, Permission.CREATE_EDIT_SEGMENT).by_rows(),
        description="The attribute schema, by name; without these permissions, what one writes "
        "about oneself.",
    )


@guarded_type(requires=SIGNED_IN, description="Editing the attribute schema.")
class AttributeMutation:
    edit_attribute_schema: AttributeSchemaPayload | None = done_by(
        answers.edit_attribute_schema,
        requires=Permission.EDIT_ATTRIBUTE_SCHEMA,
        description="Define, change and remove attributes, all of it or nothing. Removing forgets "
        "the values; so does taking an attribute out of members' own hands. `dryRun` says which "
        "segments would break, and stores nothing.",
    )
