"""Figures as pictures, and by mail."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from access.permissions import Permission
from operations.insights.pictures import drawing
from operations.insights.pictures.drawing import PictureKind
from resolvers import done
from resolvers.answers import Answer
from resolvers.insights import pictures
from schema.payloads import Payload
from schema.requires import INHERITED, SIGNED_IN, column, done_by, guarded_type, resolved_by

if TYPE_CHECKING:
    from schema.course import Course


@guarded_type(
    requires=SIGNED_IN,
    description="Figures as a picture, for those who look and for those who listen.",
    rows=drawing.Picture,
)
class Picture:
    kind: PictureKind
    title: str
    description: str = column(
        "description", requires=INHERITED, description="Everything the picture shows, in words."
    )
    svg: str = column(
        "svg",
        requires=INHERITED,
        description="An SVG document with its words as text, for light and dark grounds; many may "
        "stand in one page. 400 units wide.",
    )


@guarded_type(requires=SIGNED_IN, description="Figures are on their way by mail.", rows=Answer)
class InsightMailPayload(Payload):
    course: Annotated["Course", strawberry.lazy("schema.course")] | None = resolved_by(
        done.course, requires=SIGNED_IN, description="Of which course."
    )


@guarded_type(requires=SIGNED_IN, description="Having figures sent.")
class InsightMutation:
    mail_course_insights: InsightMailPayload | None = done_by(
        pictures.mail_course_insights,
        requires=Permission.VIEW_COURSE_INSIGHTS,
        description="Send oneself the figures of a course by mail, with pictures: as they are when "
        "it is sent, if one may see them then. At most 20 a day.",
    )
