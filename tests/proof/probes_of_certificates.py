"""The operations on certificates, and the one that is open to all."""

from collections.abc import Mapping
from typing import Any, Final

from tests.proof.probing import OF_THE_WORKSPACE, Case, Probe, mutation, of_course
from tests.proof.town import Town
from tests.proof.town_certificates import GRADUATE, certificate_of, holder_for


def _course_and(town: Town, who: str, case: Case, name: str) -> dict[str, Any]:
    return {**of_course(town, who, case), "person": town.person(name, case.place)}


def _is_known(answer: Any, _: Mapping[str, Any]) -> bool:
    return answer is not None and bool(answer["learnerName"])


OF_CERTIFICATES: Final = (
    Probe(
        "generate_certificate",
        mutation(
            "generateCertificate",
            "$course: ID!, $person: ID!",
            "courseId: $course, memberId: $person",
        ),
        lambda town, who, case: _course_and(town, who, case, GRADUATE),
        changes="certificate.issued",
    ),
    Probe(
        "remove_certificate",
        mutation(
            "removeCertificate",
            "$course: ID!, $person: ID!",
            'courseId: $course, memberId: $person, reason: "It was somebody else."',
        ),
        lambda town, who, case: _course_and(town, who, case, holder_for(who)),
        changes="certificate.revoked",
    ),
    Probe(
        "verify_certificate_by_code",
        "query ($code: String!) { verifyCertificateByCode(code: $code) { learnerName state } }",
        lambda town, *_: {"code": town.here.codes[certificate_of("Selling", GRADUATE)]},
        cases=OF_THE_WORKSPACE,
        shown=_is_known,
    ),
)
