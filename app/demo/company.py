"""Who works at the demo company, and what it teaches. The same company on every machine."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from access.permissions import Principal
from models.catalog import CourseKind, CourseState, ModuleKind

SLUG: Final = "northwind"
NAME: Final = "Northwind Learning"
TIME_ZONE: Final = "Europe/Stockholm"
DOMAIN: Final = "northwind.example"
PEOPLE: Final = 300
DIRECTORY: Final = "Northwind directory"
PAYROLL: Final = "Northwind payroll"

FIRST_NAMES: Final = """
Maja Elias Alma Hugo Vera Liam Saga Noah Ebba Oscar Freja Adam Signe Axel Ines Emil Tuva
Leo Ada Ben Cora Dan Eve Finn Gwen Hana Ivan Jude Kira Lars Mona Nils Olga Paul Rosa
Sven
"""
LAST_NAMES: Final = """
Lind Berg Holm Dahl Ek Falk Gran Hall Ivarsson Jansson Krause Lopez Meyer Novak Olsen
Petrov Quist Rossi Smith Tanaka Ueda Vogel Weber Young Zimmer
"""
DEPARTMENTS: Final = {
    "Sales": ("Account Executive", "Account Manager", "Sales Manager"),
    "Support": ("Support Specialist", "Support Lead", "Support Manager"),
    "Engineering": ("Engineer", "Lead Engineer", "Engineering Manager"),
    "Finance": ("Accountant", "Controller", "Finance Manager"),
    "Marketing": ("Designer", "Campaign Lead", "Marketing Manager"),
    "Operations": ("Technician", "Shift Lead", "Operations Manager"),
    "People": ("Recruiter", "People Partner", "People Manager"),
}
COUNTRIES: Final = {"SE": "Stockholm", "NO": "Oslo", "DE": "Berlin", "GB": "London", "US": "Boston"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as the company's directory knows them."""

    user_name: str
    given_name: str
    family_name: str
    title: str
    department: str
    country: str
    hire_date: dt.date
    is_remote: bool

    @property
    def display_name(self) -> str:
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True, slots=True)
class Role:
    """Who shows which principal of the permission matrix, and on what."""

    principal: Principal
    user_name: str
    department: str | None = None
    course: str | None = None
    module: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """A segment: by rule, or, without one, of the people named."""

    name: str
    rule: str | None = None
    people: tuple[str, ...] = ()
    is_usable_by_departments: bool = False


@dataclass(frozen=True, slots=True)
class CoursePlan:
    """A course and who looks after it."""

    title: str
    department: str
    kind: CourseKind
    state: CourseState = CourseState.ACTIVE
    instructors: tuple[str, ...] = ()
    coordinators: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()
    segment_limit: int | None = None


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """A piece of content, and the courses that use it."""

    title: str
    kind: ModuleKind
    department: str
    courses: tuple[str, ...]


def known(name: str, title: str, department: str, country: str, hired: int) -> Person:
    """Someone of the story; `hired` days before the company is made."""
    given, family = name.split()
    return Person(
        f"{given}.{family}@{DOMAIN}".lower(),
        given,
        family,
        title,
        department,
        country,
        dt.date.today() - dt.timedelta(days=hired),  # noqa: DTZ011 - a day of hire has no zone
        is_remote=False,
    )


MAJA: Final = f"maja.lindqvist@{DOMAIN}"
SIGGE: Final = f"sigge.segment@{DOMAIN}"
ALL_OF_SALES: Final = "All of Sales"
"""Moves from Finance to Sales in the guide, and becomes coordinator."""

NEWCOMER: Final = ("Nova Newcomer", f"nova.newcomer@{DOMAIN}", "People & Culture")
"""Added by the inviter, and put on a team before there is an account: her invitation is mailed."""

PRICE: Final = 4_900
"""What one active member costs a month, in öre."""


def cast() -> list[Person]:
    """The people the guide speaks of."""
    return [
        known("Wilma Manager", "Head of Learning", "People", "SE", 2500),
        known("Felix Invoice", "Controller", "Finance", "SE", 1400),
        known("Dora Department", "Head of Sales Training", "Marketing", "SE", 2000),
        known("Cleo Create", "Course Designer", "Marketing", "DE", 900),
        known("Enno Enroll", "People Partner", "People", "DE", 800),
        known("Tess Teach", "Trainer", "Operations", "GB", 700),
        known("Edda Edit", "Editor", "Marketing", "NO", 600),
        known("Rolf Roster", "Technician", "Operations", "NO", 650),
        known("Gil Grader", "Trainer", "Operations", "US", 500),
        known("Milo Module", "Copywriter", "Marketing", "GB", 350),
        known("Ingrid Instructor", "Account Executive", "Sales", "SE", 1800),
        known("Cora Coordinator", "Support Lead", "Support", "GB", 1000),
        known("Sigge Segment", "Account Executive", "Sales", "SE", 400),
        known("Iris Invite", "Recruiter", "People", "US", 300),
        known("Lea Learner", "Designer", "Marketing", "US", 200),
        known("Frida Fire", "Safety Officer", "Operations", "DE", 1500),
        known("Sven Safety", "Safety Officer", "Operations", "GB", 1300),
        known("Maja Lindqvist", "Accountant", "Finance", "SE", 450),
    ]


def everybody() -> list[Person]:
    """The cast, and colleagues drawn from a fixed seed: 300 people with different user names."""
    people = {person.user_name: person for person in cast()}
    draws = _colleagues(random.Random(20260302))  # noqa: S311 - a story, not a secret
    while len(people) < PEOPLE:
        person = next(draws)
        people.setdefault(person.user_name, person)
    return list(people.values())


def _colleagues(dice: random.Random) -> Iterator[Person]:
    today = dt.date.today()  # noqa: DTZ011 - a day of hire has no zone
    while True:
        given, family = dice.choice(FIRST_NAMES.split()), dice.choice(LAST_NAMES.split())
        department = dice.choice(list(DEPARTMENTS))
        title = dice.choices(DEPARTMENTS[department], weights=(8, 2, 1))[0]
        yield Person(
            f"{given}.{family}@{DOMAIN}".lower(),
            given,
            family,
            title,
            department,
            dice.choices(list(COUNTRIES), weights=(5, 2, 4, 3, 3))[0],
            today - dt.timedelta(days=dice.randrange(5, 2200)),
            is_remote=dice.random() < 0.2,
        )


ACADEMIES: Final = (
    "Sales Academy",
    "Safety & Compliance",
    "Engineering School",
    "People & Culture",
)

ROLES: Final = (
    Role(Principal.WORKSPACE_MANAGER, f"wilma.manager@{DOMAIN}"),
    Role(Principal.FINANCE_MANAGER, f"felix.invoice@{DOMAIN}"),
    Role(Principal.DEPARTMENT_MANAGER, f"dora.department@{DOMAIN}", department="Sales Academy"),
    Role(Principal.DEPT_CREATE, f"cleo.create@{DOMAIN}", department="Sales Academy"),
    Role(Principal.DEPT_ENROLL, f"enno.enroll@{DOMAIN}", department="Sales Academy"),
    Role(Principal.DEPT_TEACH, f"tess.teach@{DOMAIN}", department="Safety & Compliance"),
    Role(Principal.COURSE_EDIT, f"edda.edit@{DOMAIN}", course="Selling in Sweden"),
    Role(Principal.COURSE_ENROLL, f"rolf.roster@{DOMAIN}", course="Selling in Sweden"),
    Role(Principal.COURSE_TEACH, f"gil.grader@{DOMAIN}", course="Fire Safety"),
    Role(Principal.MODULE_EDIT, f"milo.module@{DOMAIN}", module="Opening Lines"),
    Role(Principal.INVITE, f"iris.invite@{DOMAIN}"),
)
"""What is granted. Instructors and coordinators stand with their courses."""

SHOWN: Final = (
    *((role.principal, role.user_name) for role in ROLES),
    (Principal.INSTRUCTOR, f"ingrid.instructor@{DOMAIN}"),
    (Principal.COORDINATOR_DIRECT, f"cora.coordinator@{DOMAIN}"),
    (Principal.COORDINATOR_DERIVED, SIGGE),
    (Principal.LEARNER, f"lea.learner@{DOMAIN}"),
)
"""One person of each role; each gets a token."""


@dataclass(frozen=True, slots=True)
class Sees:
    """What somebody of a role finds: how many courses there are for them, how many of these they
    coordinate, whether they may search or list people, read the bills, read the audit log."""

    courses: int = 0
    coordinates: int = 0
    people: Literal["nobody", "search", "all"] = "nobody"
    bills: bool = False
    audit: bool = False

    @property
    def sentence(self) -> str:
        parts = [f"{self.courses} course{'' if self.courses == 1 else 's'}"]
        if self.coordinates:
            parts.append(f"coordinates {self.coordinates}")
        parts += {"nobody": [], "search": ["finds people"], "all": ["lists people"]}[self.people]
        parts += ["the bills"] * self.bills + ["audit log"] * self.audit
        return ", ".join(parts)


SEES: Final = {
    Principal.WORKSPACE_MANAGER: Sees(12, people="all", bills=True, audit=True),
    Principal.FINANCE_MANAGER: Sees(bills=True, audit=True),
    Principal.DEPARTMENT_MANAGER: Sees(3, people="search", audit=True),
    Principal.DEPT_CREATE: Sees(3),
    Principal.DEPT_ENROLL: Sees(3, people="search"),
    Principal.DEPT_TEACH: Sees(3),
    Principal.COURSE_EDIT: Sees(1),
    Principal.COURSE_ENROLL: Sees(1, people="search"),
    Principal.COURSE_TEACH: Sees(1),
    Principal.MODULE_EDIT: Sees(1),
    Principal.INVITE: Sees(people="all"),
    Principal.INSTRUCTOR: Sees(3, coordinates=2, people="search", audit=True),
    Principal.COORDINATOR_DIRECT: Sees(3, coordinates=3, people="search"),
    Principal.COORDINATOR_DERIVED: Sees(3, coordinates=3, people="search"),
    Principal.LEARNER: Sees(1),
}
"""Printed beside the tokens; a test asks with every one of them whether it is so."""

SEGMENTS: Final = (
    SegmentPlan(
        "Sales in Sweden",
        'department eq "Sales" and country eq "SE"',
        is_usable_by_departments=True,
    ),
    SegmentPlan(ALL_OF_SALES, 'department eq "Sales"', is_usable_by_departments=True),
    SegmentPlan("Managers", 'title co "Manager"'),
    SegmentPlan("New hires", "hireDate gt now-P90D"),
    SegmentPlan(
        "Leads in the Nordics",
        'country in ["SE", "NO"] and title co "Lead" and not (department eq "Finance")',
    ),
    SegmentPlan("Leads in Engineering", 'department eq "Engineering" and title co "Lead"'),
    SegmentPlan("Remote people", "remote eq true"),
    SegmentPlan("Team leads", 'groups has "Team Leads"'),
    SegmentPlan(
        "Onboarding buddies",
        people=(f"cora.coordinator@{DOMAIN}", f"frida.fire@{DOMAIN}"),
    ),
    SegmentPlan("Safety crew", people=(f"frida.fire@{DOMAIN}", f"sven.safety@{DOMAIN}")),
)

SELF, LED, DRAFT, ARCHIVED = (
    CourseKind.SELF_PACED,
    CourseKind.INSTRUCTOR_LED,
    CourseState.DRAFT,
    CourseState.ARCHIVED,
)

COURSES: Final = (
    CoursePlan(
        "Selling in Sweden",
        "Sales Academy",
        LED,
        instructors=(f"ingrid.instructor@{DOMAIN}",),
        segments=("Sales in Sweden",),
        learners=(f"lea.learner@{DOMAIN}", MAJA),
    ),
    CoursePlan("Negotiation", "Sales Academy", SELF, segments=(ALL_OF_SALES, "Sales in Sweden")),
    CoursePlan("Pricing 2027", "Sales Academy", SELF, state=DRAFT, segments=(ALL_OF_SALES,)),
    CoursePlan(
        "Fire Safety",
        "Safety & Compliance",
        LED,
        instructors=(f"frida.fire@{DOMAIN}",),
        coordinators=(f"cora.coordinator@{DOMAIN}",),
        segments=("Safety crew", "Managers", "Team leads"),
        segment_limit=3,
    ),
    CoursePlan(
        "First Aid",
        "Safety & Compliance",
        LED,
        instructors=(f"frida.fire@{DOMAIN}",),
        coordinators=(f"cora.coordinator@{DOMAIN}",),
        segments=("Safety crew",),
    ),
    CoursePlan(
        "Data Protection",
        "Safety & Compliance",
        SELF,
        segments=("Managers", "Leads in the Nordics"),
    ),
    CoursePlan("Secure Coding", "Engineering School", SELF, segments=("Leads in Engineering",)),
    CoursePlan("Incident Response", "Engineering School", LED, segments=("Leads in Engineering",)),
    CoursePlan("Working Remotely", "People & Culture", SELF, segments=("Remote people",)),
    CoursePlan(
        "Welcome to Northwind",
        "People & Culture",
        SELF,
        coordinators=(f"cora.coordinator@{DOMAIN}",),
        segments=("New hires", "Onboarding buddies"),
    ),
    CoursePlan("Giving Feedback", "People & Culture", LED, segments=("Managers",)),
    CoursePlan(
        "Travel Policy 2019", "People & Culture", SELF, ARCHIVED, segments=("Leads in the Nordics",)
    ),
)

MODULES: Final = (
    ModulePlan("Opening Lines", ModuleKind.LESSON, "Sales Academy", ("Selling in Sweden",)),
    ModulePlan(
        "Objections", ModuleKind.QUIZ, "Sales Academy", ("Selling in Sweden", "Negotiation")
    ),
    ModulePlan("Evacuation", ModuleKind.ASSIGNMENT, "Safety & Compliance", ("Fire Safety",)),
    ModulePlan("When It Counts", ModuleKind.QUIZ, "Safety & Compliance", ("First Aid",)),
    ModulePlan(
        "What Personal Data Is", ModuleKind.LESSON, "Safety & Compliance", ("Data Protection",)
    ),
    ModulePlan("Keeping Data", ModuleKind.QUIZ, "Safety & Compliance", ("Data Protection",)),
)

TEAM_LEADS: Final = (f"cora.coordinator@{DOMAIN}", f"sven.safety@{DOMAIN}")
"""The people of the directory's group “Team Leads”."""
