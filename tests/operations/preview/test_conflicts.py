"""Which instructors a preview calls new conflicts: who would get a first source, and no others."""

import pytest

from models.segments import AttachmentMode
from operations.preview.change import SegmentChange, SegmentChangeKind
from operations.preview.consequences import Counting
from operations.preview.courses import Beside, Course
from operations.preview.people import Moved

pytestmark = pytest.mark.spec("S9")

HERE, OTHER, COURSE = 5, 7, 9


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        (Beside(instructors={COURSE: {1}}), {1}),
        (Beside(instructors={COURSE: {1}}, excluded={COURSE: {1}}), set()),
        (Beside(instructors={COURSE: {1}}, segments={OTHER: {1}}), set()),
        (Beside(instructors={COURSE: {1}}, by_hand={COURSE: {1}}), set()),
    ],
)
def test_a_conflict_is_new_where_nothing_else_decides(beside: Beside, expected: set[int]) -> None:
    moved = Moved(kept={1, 2}, active={1, 2})
    course = Course(COURSE, "Safety", "ACTIVE", 10, {OTHER: AttachmentMode.SYNC})
    change = SegmentChange(SegmentChangeKind.ATTACH, HERE, COURSE)

    [found] = Counting(change, {HERE: moved}, beside).on([course])

    assert (found.conflicts, found.gains) == (expected, {2})
