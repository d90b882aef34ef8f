"""Many times as much of everything in a town, written in bulk."""

from typing import Final

from sqlalchemy import text

from models.people import MemberState
from tests.proof import town_certificates, town_change_sets, town_grading
from tests.proof.town import Town

GROWTH: Final = """
INSERT INTO department (workspace_id, name)
SELECT :w, 'Zz ' || :more || n FROM generate_series(1, :times) n;
INSERT INTO team_member (workspace_id, department_id, member_id)
SELECT :w, d.id, m.id FROM department d, member m
 WHERE d.workspace_id = :w AND m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%'
    ON CONFLICT DO NOTHING;
INSERT INTO access_grant (workspace_id, member_id, principal, department_id)
SELECT :w, m.id, 'dept_teach', d.id FROM department d, member m
 WHERE d.workspace_id = :w AND m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%'
    ON CONFLICT DO NOTHING;
INSERT INTO course (workspace_id, department_id, title, kind, state)
SELECT :w, department_id, 'Zz ' || :more || n, kind, state FROM course, generate_series(1, :times) n
 WHERE id = :course;
INSERT INTO course_role (workspace_id, course_id, member_id, role)
SELECT :w, c.id, r.member_id, r.role FROM course c, course_role r
 WHERE c.workspace_id = :w AND c.title LIKE 'Zz ' || :more || '%' AND r.course_id = :course;
INSERT INTO course_role (workspace_id, course_id, member_id, role)
SELECT :w, :course, m.id, CASE WHEN m.id % 2 = 0 THEN 'INSTRUCTOR' ELSE 'COORDINATOR' END
  FROM member m WHERE m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO course_segment (workspace_id, course_id, segment_id, place)
SELECT :w, c.id, s.segment_id, s.place FROM course c, course_segment s
 WHERE c.workspace_id = :w AND c.title LIKE 'Zz ' || :more || '%' AND s.course_id = :course;
INSERT INTO enrolment (workspace_id, course_id, member_id, source)
SELECT DISTINCT :w, c.id, e.member_id, 'DIRECT' FROM course c, enrolment e
 WHERE c.workspace_id = :w AND c.title LIKE 'Zz ' || :more || '%' AND e.course_id = :course;
INSERT INTO progress (workspace_id, course_id, member_id, is_learner)
SELECT :w, :course, m.id, TRUE FROM member m
 WHERE m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO enrolment (workspace_id, course_id, member_id, source)
SELECT :w, :course, m.id, 'SELF' FROM member m
 WHERE m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO access_grant (workspace_id, member_id, principal, course_id)
SELECT :w, g.member_id, g.principal, c.id FROM course c, access_grant g
 WHERE c.workspace_id = :w AND c.title LIKE 'Zz ' || :more || '%' AND g.course_id = :course;
INSERT INTO access_grant (workspace_id, member_id, principal, course_id)
SELECT :w, m.id, 'course_teach', :course FROM member m
 WHERE m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO module (workspace_id, department_id, title, kind)
SELECT :w, department_id, 'Zz ' || :more || n, kind FROM module, generate_series(1, :times) n
 WHERE id = :module;
INSERT INTO course_module (workspace_id, course_id, module_id, place)
SELECT :w, :course, id, 1000 + :already + row_number() OVER () FROM module
 WHERE workspace_id = :w AND title LIKE 'Zz ' || :more || '%';
INSERT INTO course_module (workspace_id, course_id, module_id, place)
SELECT :w, id, :module, 1 FROM course WHERE workspace_id = :w AND title LIKE 'Zz ' || :more || '%';
INSERT INTO access_grant (workspace_id, member_id, principal, module_id)
SELECT :w, m.id, 'module_edit', o.id FROM module o, member m
 WHERE o.workspace_id = :w AND m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%'
   AND (o.id = :module OR m.display_name = 'Zz ' || :more || '1') ON CONFLICT DO NOTHING;
INSERT INTO segment (workspace_id, name, kind, state, rule, version, epoch,
                     is_usable_by_departments)
SELECT :w, 'Zz ' || :more || n, kind, state, rule, version, epoch, TRUE
  FROM segment, generate_series(1, :times) n WHERE id = :segment;
INSERT INTO membership_pin (segment_id, member_id, workspace_id, is_in, origin, reason)
SELECT :segment, m.id, :w, FALSE, 'UNDO', 'As it was.' FROM member m
 WHERE m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO hold (workspace_id, segment_id, most, people, counted)
SELECT :w, id, 10, 20, 11 FROM segment
 WHERE workspace_id = :w AND name LIKE 'Zz ' || :more || '%';
INSERT INTO held_removal (segment_id, member_id, workspace_id, hold_id)
SELECT h.segment_id, m.id, :w, h.id FROM hold h, member m
 WHERE h.workspace_id = :w AND m.workspace_id = :w
   AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO change_set (workspace_id, kind, causes, watermark, epoch, today, examined, added,
                        removed, suppressed, segment_ids, at)
SELECT :w, kind, causes, watermark, epoch, today, examined, added, removed, suppressed,
       segment_ids, at
  FROM change_set, generate_series(1, :times) n WHERE id = :change_set;
INSERT INTO live_session (workspace_id, course_id, title, starts_at, ends_at, time_zone, state)
SELECT :w, course_id, 'Zz ' || :more || n, starts_at + n * interval '9 days',
       ends_at + n * interval '9 days', time_zone, state
  FROM live_session, generate_series(1, :times) n WHERE id = :live_session;
INSERT INTO live_registration (workspace_id, live_session_id, member_id, state)
SELECT :w, s.id, m.id, 'BOOKED' FROM live_session s, member m
 WHERE s.workspace_id = :w AND m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%'
   AND (s.id = :live_session OR s.title LIKE 'Zz ' || :more || '%');
INSERT INTO live_session_staff (workspace_id, live_session_id, member_id)
SELECT :w, :live_session, m.id FROM member m
 WHERE m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO live_session_staff (workspace_id, live_session_id, member_id)
SELECT :w, s.id, m.id FROM live_session s, member m
 WHERE s.workspace_id = :w AND s.title LIKE 'Zz ' || :more || '%' AND m.id = :manager;
INSERT INTO token (id, workspace_id, kind, name, member_id, secret_sha256)
SELECT substr(md5(random()::text), 1, 12), :w, kind, name || :more || n, member_id, secret_sha256
  FROM token, generate_series(1, :times) n WHERE id = :token;
INSERT INTO mail (workspace_id, key, kind, recipients, member_ids, parameters, state)
SELECT :w, key || '/' || :more || n, kind, recipients, member_ids, parameters, state
  FROM mail, generate_series(1, :times) n WHERE workspace_id = :w AND kind = 'INVOICE';
INSERT INTO invoice (workspace_id, number, month, active_members, price_minor, total_minor,
                     currency, bill_to, issued_on)
SELECT :w, number + n + :already, month - (n + :already) * interval '1 month', active_members,
       price_minor, total_minor, currency, bill_to, issued_on
  FROM invoice, generate_series(1, :times) n WHERE workspace_id = :w AND number = 1
"""

WORK: Final = """
INSERT INTO learner_group (workspace_id, course_id, name, allows_self_enrolment)
SELECT :w, :course, 'Zz ' || :more || n, TRUE FROM generate_series(1, :times) n;
INSERT INTO attempt (workspace_id, course_id, member_id, number, state, origin, role, created_at,
                     started_at, submitted_at)
SELECT :w, a.course_id, m.id, 1, a.state, a.origin, a.role, a.created_at, a.started_at,
       a.submitted_at
  FROM attempt a, member m
 WHERE a.id = (SELECT attempt_id FROM submission WHERE id = :submission)
   AND m.workspace_id = :w AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO attempt_module (attempt_id, module_id, workspace_id, revision, place, state, opened_at,
                            submissions, max_score)
SELECT a.id, o.module_id, :w, o.revision, o.place, o.state, o.opened_at, o.submissions, o.max_score
  FROM attempt_module o, attempt a, member m
 WHERE o.attempt_id = (SELECT attempt_id FROM submission WHERE id = :submission)
   AND a.workspace_id = :w AND a.course_id = :course AND a.member_id = m.id
   AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO submission (workspace_id, course_id, member_id, attempt_id, module_id, number, state,
                        started_at, submitted_at, max_score)
SELECT :w, s.course_id, a.member_id, a.id, s.module_id, 1, s.state, s.started_at, s.submitted_at,
       s.max_score
  FROM submission s, attempt a, member m
 WHERE s.id = :submission AND a.workspace_id = :w AND a.course_id = :course AND a.member_id = m.id
   AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO answer (submission_id, question_id, workspace_id, given, is_correct, points)
SELECT s.id, a.question_id, :w, a.given, a.is_correct, a.points
  FROM answer a, submission s, member m
 WHERE a.submission_id = :submission AND s.workspace_id = :w AND s.course_id = :course
   AND s.member_id = m.id AND m.display_name LIKE 'Zz ' || :more || '%';
INSERT INTO grade (workspace_id, submission_id, question_id, points, graded_by_id)
SELECT :w, :graded, 6, 1, :manager FROM generate_series(1, :times);
INSERT INTO certificate (workspace_id, course_id, member_id, attempt_id, serial, code, state,
                         template_version, printed, ended_at)
SELECT :w, course_id, member_id, attempt_id, serial + 1000 + n + :already,
       'ZZ' || md5(random()::text), 'SUPERSEDED', template_version, printed, now()
  FROM certificate, generate_series(1, :times) n WHERE id = :certificate
"""


async def grow(town: Town, more: str, *, times: int, already: int = 0) -> None:
    """So many rows more, called after the word `more`; they come last in every order."""
    world = town.here.world
    for number in range(times):
        await world.member(f"Zz {more}{number}", state=MemberState.ACTIVE, department="Sales")
    given = {
        "w": world.workspace_id,
        "times": times,
        "more": more,
        "already": already,
        "course": world.courses["Selling"],
        "module": world.modules["Pitch"],
        "segment": world.segments["Open 0"],
        "token": town.here.token_id,
        "change_set": town.here.change_sets[town_change_sets.MOVED],
        "live_session": town.here.live_sessions["Talk"],
        "submission": town.here.submissions[town_grading.submission_for("instructor", "Selling")],
        "graded": town.here.submissions[town_grading.OF_LEARNER],
        "certificate": town.here.certificates[town_certificates.OF_LEARNER],
        "manager": world.members["workspace_manager"],
    }
    async with world.edge.transaction() as db:
        for statement in (*GROWTH.split(";"), *WORK.split(";")):
            named = {name: given[name] for name in given if f":{name}" in statement}
            await db.execute(text(statement), named)
