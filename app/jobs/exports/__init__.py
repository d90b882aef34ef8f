"""What is in the files of each kind."""

from collections.abc import Mapping
from typing import Final

from app.jobs.exports.audit import audit_log
from app.jobs.exports.export import Export as Export
from app.jobs.exports.export import Maker
from app.jobs.exports.learners import learners
from app.jobs.exports.members import members
from app.jobs.exports.quiz_insights import quiz_insights
from models.jobs import JobKind

MAKERS: Final[Mapping[JobKind, Maker]] = {
    JobKind.QUIZ_INSIGHTS: quiz_insights,
    JobKind.LEARNERS: learners,
    JobKind.MEMBERS: members,
    JobKind.AUDIT: audit_log,
}
