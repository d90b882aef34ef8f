"""All probes, by operation."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from tests.proof.probes_of_attempts import OF_ATTEMPTS
from tests.proof.probes_of_certificates import OF_CERTIFICATES
from tests.proof.probes_of_content import OF_CONTENT
from tests.proof.probes_of_courses import OF_COURSES
from tests.proof.probes_of_grading import OF_GRADING
from tests.proof.probes_of_insights import OF_INSIGHTS
from tests.proof.probes_of_jobs import OF_JOBS
from tests.proof.probes_of_learners import OF_LEARNERS
from tests.proof.probes_of_learning import OF_LEARNING
from tests.proof.probes_of_live_sessions import OF_LIVE_SESSIONS
from tests.proof.probes_of_people import OF_PEOPLE
from tests.proof.probing import Probe


def _by_operation() -> dict[str, list[Probe]]:
    found: dict[str, list[Probe]] = defaultdict(list)
    for each in (
        *OF_ATTEMPTS,
        *OF_CERTIFICATES,
        *OF_CONTENT,
        *OF_COURSES,
        *OF_GRADING,
        *OF_INSIGHTS,
        *OF_JOBS,
        *OF_LEARNERS,
        *OF_LEARNING,
        *OF_LIVE_SESSIONS,
        *OF_PEOPLE,
    ):
        found[each.operation].append(each)
    return dict(found)


PROBES: Final[Mapping[str, Sequence[Probe]]] = _by_operation()
