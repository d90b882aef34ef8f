"""What to look at and what to try, ready to paste."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import uuid

from access.permissions import Principal
from app.certificates import PREFIX
from app.demo import company
from app.demo.building import Keys, read_keys
from app.settings import Settings
from resolvers.ids import encode

QUERY = "{ coursesIManage { totalCount nodes { title coordinators { totalCount } } } }"
LEARNING = (
    "{ courses { nodes { title myProgress { state percent } modules { nodes { title kind } } "
    "liveSessions { nodes { title startsAt myRegistration { state waitlistPosition } } } } } }"
)
PEOPLE = (
    "{ coursesIManage { nodes { title learners(first: 8) { totalCount nodes { "
    "member { displayName } state isOverdue dueAt "
    "allowedActions { operation isAllowed reason } } } } } }"
)
GRADING = (
    "{ submissionsToGrade { totalCount nodes { id version course { title } member { displayName } "
    "answers { text points } } } }"
)
DOING = (
    "{{ viewCourseInsights(courseId: {course}) {{ position figures {{ assigned completed failed "
    "overdue completionRate }} byDepartment {{ department figures {{ completionRate }} }} "
    "trend(every: MONTH) {{ since started completed }} }} "
    "viewQuizInsights(courseId: {course}, moduleId: {quiz}) {{ "
    "figures {{ people waiting scores {{ mean passRate reliability {{ value }} }} }} "
    "questions {{ number text figures {{ facility {{ value }} discrimination {{ value }} "
    "answers {{ shown {{ text count isRight isSuppressed }} }} }} }} }} }}"
)
WORKBOOK = (
    "mutation {{ exportQuizInsights(courseId: {course}, moduleId: {quiz}) "
    "{{ job {{ id state }} refusal {{ code message }} }} }}"
)
BILLS = (
    "{ viewBilling { price { text } contacts { name reason } "
    "invoices { nodes { number month activeMembers total { text } pdfUrl } } } }"
)
MISTAKE = (
    '{{all: [{{attr: \\"department\\", op: \\"eq\\", value: \\"Sales\\"}}, '
    '{{attr: \\"country\\", op: \\"eq\\", value: \\"Sweden\\"}}]}}'
)
"""Countries are known by their codes: nobody is in Sweden."""
PREVIEWED = (
    "{{ previewSegmentChange(change: EDIT_RULE, segmentId: {segment}, rule: "
    + MISTAKE
    + ") {{ before after waitingCount lossCount emptiedCount losses {{ member {{ displayName }} "
    "course {{ title }} }} }} }}"
)
EDITED = (
    "mutation {{ editSegment(segmentId: {segment}, rule: "
    + MISTAKE
    + ") {{ segment {{ version }} refusal {{ code message }} }} }}"
)
HELD = (
    "{ holds(state: [OPEN]) { nodes { segment { name } waiting most people "
    "removals(first: 3) { nodes { member { displayName } } } } } }"
)

COMMANDS = (
    'coordinator who-can edit_course_info --course "Selling in Sweden"',
    f"coordinator mail --to {company.NEWCOMER[1]}",
    "coordinator audit verify",
    f'coordinator why {company.SIGGE} "Pricing 2027"',
    'coordinator holds approve newest --reason "I did not look."',
    f'coordinator changes show newest --segment "{company.ALL_OF_SALES}"',
    f'coordinator changes undo newest --segment "{company.ALL_OF_SALES}" --reason "A mistake."',
    f'coordinator why {company.SIGGE} "Pricing 2027"',
)
"""Who may do something and why; the invitation of somebody new, whose link works once; whether
anybody has touched the audit log; and what becomes of the mistake of the last steps: nobody is gone
yet, then everybody is, then everybody is back."""


def guide(settings: Settings) -> str:
    """The text `coordinator demo` ends its start with."""
    keys = read_keys(settings)
    url = settings.base_url
    manager = keys.tokens["workspace_manager"]
    maja = keys.ids[company.MAJA]
    why = (
        f'{{ explainMembership(courseId: \\"{encode("Course", 1)}\\", '
        f'memberId: \\"{encode("Member", maja)}\\") '
        "{ isCoordinator summary segments { name isMember sentences } } }"
    )
    return "\n".join(
        [
            "",
            _sizes(),
            "",
            f"Look      {url}/graphql   (an explorer in the browser; paste a token there)",
            f"Watch     coordinator watch{_data(settings)}   (in a second terminal)",
            "",
            "A token for one person of each role, and what that person sees:",
            *_table(keys),
            "",
            "1. Maja moves from Finance to Sales, says the identity provider (SCIM):",
            _scim(url, keys, "Sales"),
            "",
            "2. Now she coordinates “Selling in Sweden”. Who says so, and why:",
            _ask(url, manager, why),
            "",
            "3. What a coordinator through a segment sees:",
            _ask(url, keys.tokens["coordinator_derived"], QUERY),
            "",
            "4. Payroll hires somebody for Sales in Sweden (signed now, good for 5 minutes):",
            _webhook(url, keys),
            "",
            "5. Maja moves back, and the role is gone:",
            _scim(url, keys, "Finance"),
            "",
            "6. Why Cleo, who makes courses, may not edit “Selling in Sweden”, which others made:",
            _ask(url, manager, _why_not(keys)),
            "",
            "7. What somebody sees who looks after the bills, and nothing else:",
            _ask(url, keys.tokens["finance_manager"], BILLS),
            "",
            "8. What Lea learns, and how long the queue is for the role play:",
            _ask(url, keys.tokens["learner"], LEARNING),
            "",
            "9. Who is where on Cora's courses, and what she can do about each, or why not:",
            _ask(url, keys.tokens["coordinator_direct"], PEOPLE),
            "",
            "10. What waits for Tess, a facilitator, to be graded:",
            _ask(url, keys.tokens["dept_teach"], GRADING),
            "",
            f"11. What a stranger is told of a certificate ({url}{PREFIX}{keys.certificate}):",
            _ask(url, None, _verified(keys)),
            "",
            "12. How First Aid is doing, and each question of its quiz, as far as Cora is told:",
            _ask(url, keys.tokens["coordinator_direct"], _about_first_aid(keys, DOING)),
            "",
            "13. Have a workbook of it made; job(id:) says when, GET /files/<id> gives it to her:",
            _ask(url, keys.tokens["coordinator_direct"], _about_first_aid(keys, WORKBOOK)),
            "",
            f"14. What if “{company.ALL_OF_SALES}” asked for “Sweden”, which is called SE:",
            _ask(url, manager, _about_sales(PREVIEWED)),
            "",
            "15. Somebody does it without having looked:",
            _ask(url, manager, _about_sales(EDITED)),
            "",
            "16. Nobody is gone: so many removals at once wait for a word:",
            _ask(url, manager, HELD),
            "",
            "In a second terminal:",
            *(f"  {each}{_data(settings)}" for each in COMMANDS),
            "",
        ]
    )


def _why_not(keys: Keys) -> str:
    cleo = keys.ids[dict(company.SHOWN)[Principal.DEPT_CREATE]]
    return (
        f'{{ explainPermission(operation: EDIT_COURSE_INFO, on: \\"{encode("Course", 1)}\\", '
        f'memberId: \\"{encode("Member", cleo)}\\") '
        "{ isAllowed summary condition roles { principal onName how byName } } }"
    )


def _verified(keys: Keys) -> str:
    return (
        f'{{ verifyCertificateByCode(code: \\"{keys.certificate}\\") '
        "{ learnerName courseTitle issuedOn state } }"
    )


def _about_first_aid(keys: Keys, asked: str) -> str:
    course, quiz = encode("Course", keys.first_aid[0]), encode("Module", keys.first_aid[1])
    return asked.format(course=f'\\"{course}\\"', quiz=f'\\"{quiz}\\"')


def _about_sales(asked: str) -> str:
    names = [each.name for each in company.SEGMENTS]
    segment = encode("Segment", names.index(company.ALL_OF_SALES) + 1)
    return asked.format(segment=f'\\"{segment}\\"')


def _sizes() -> str:
    return (
        f"{company.NAME}: {company.PEOPLE} people, {len(company.COURSES)} courses, "
        f"{len(company.SEGMENTS)} segments."
    )


def _data(settings: Settings) -> str:
    return "" if str(settings.data_dir) == ".coordinator" else f" --data-dir {settings.data_dir}"


def _table(keys: Keys) -> list[str]:
    names = dict(company.SHOWN)
    return [
        f"  {principal.value:20} {names[principal].split('@')[0]:18} "
        f"{keys.tokens[principal.value]}  {company.SEES[principal].sentence}"
        for principal in names
    ]


def _ask(url: str, token: str | None, query: str) -> str:
    bearer = "" if token is None else f"-H 'authorization: Bearer {token}' "
    return (
        f"curl -s {url}/graphql {bearer}"
        f"-H 'content-type: application/json' \\\n  -d '{{\"query\": \"{query}\"}}'"
    )


def _scim(url: str, keys: Keys, department: str) -> str:
    body = json.dumps(
        {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [
                {
                    "op": "replace",
                    "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                    "value": department,
                }
            ],
        }
    )
    return (
        f"curl -s -X PATCH {url}/scim/v2/Users/{keys.directory_ids[company.MAJA]} "
        f"-H 'authorization: Bearer {keys.scim}' \\\n"
        f"  -H 'content-type: application/scim+json' -d '{body}'"
    )


def _webhook(url: str, keys: Keys) -> str:
    """Signed now, as Standard Webhooks says, so it can be sent within five minutes."""
    now = dt.datetime.now(dt.UTC)
    delivery, moment = f"msg_{uuid.uuid4().hex}", str(int(now.timestamp()))
    body = json.dumps(
        {
            "type": "user.changed",
            "timestamp": now.isoformat(timespec="seconds"),
            "data": {
                "userName": f"pia.payroll@{company.DOMAIN}",
                "mode": "full",
                "active": True,
                "attributes": {
                    "displayName": "Pia Payroll",
                    "department": "Sales",
                    "country": "SE",
                },
            },
        },
        separators=(",", ":"),
    )
    secret = base64.b64decode(keys.webhook_secret.removeprefix("whsec_"))
    signed = hmac.new(secret, f"{delivery}.{moment}.{body}".encode(), hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(signed).decode()}"
    return (
        f"curl -s -i {url}/webhooks/{keys.webhook_id} -H 'content-type: application/json' \\\n"
        f"  -H 'webhook-id: {delivery}' -H 'webhook-timestamp: {moment}' \\\n"
        f"  -H 'webhook-signature: {signature}' -d '{body}'"
    )
