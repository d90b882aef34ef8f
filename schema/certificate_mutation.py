"""What can be done with certificates and what they say."""

import strawberry

from access.permissions import Permission
from resolvers.answers import Answer
from resolvers.certificates import changes, drafts
from schema.certificate import EDITS, Certificate, CertificateTemplate
from schema.payloads import Payload
from schema.requires import SIGNED_IN, done_by, guarded_type, resolved_by

strawberry.input(
    drafts.SignatureToPrint,
    name="CertificateSignatureInput",
    description="Somebody who stands for certificates, and as what; both may hold variables.",
)


@guarded_type(requires=SIGNED_IN, description="A certificate was made or revoked.", rows=Answer)
class CertificatePayload(Payload):
    certificate: Certificate | None = resolved_by(
        changes.touched_certificate, requires=SIGNED_IN, description="The certificate, after."
    )


@guarded_type(
    requires=SIGNED_IN, description="What certificates of a course say was changed.", rows=Answer
)
class CertificateTemplatePayload(Payload):
    template: CertificateTemplate | None = resolved_by(
        changes.touched_template,
        requires=SIGNED_IN,
        description="The newest version. What was issued before keeps the words it has.",
    )


@guarded_type(requires=SIGNED_IN, description="Certificates.")
class CertificateMutation:
    generate_certificate: CertificatePayload | None = done_by(
        changes.generate_certificate,
        requires=Permission.GENERATE_CERTIFICATE,
        description="Certify what somebody has completed. A former certificate is SUPERSEDED.",
    )
    remove_certificate: CertificatePayload | None = done_by(
        changes.remove_certificate,
        requires=Permission.REMOVE_CERTIFICATE,
        description="Revoke a certificate, named by itself or by course and person: the newest."
        " It stays, and whoever checks it is told.",
    )
    edit_certificate_template: CertificateTemplatePayload | None = done_by(
        changes.edit_certificate_template,
        requires=EDITS,
        description="Change what certificates of a course will say: a new version. What is left"
        " out stays. Texts may hold variables, such as {{learnerName}}.",
    )
