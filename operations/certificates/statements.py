"""The statements that change certificates, each for many people at once."""

from typing import Final

from sqlalchemy import text

EXPIRED: Final = "EXISTS (SELECT FROM certificate WHERE state = 'ISSUED' AND expires_at <= now())"
"""SQL: whether a certificate says ISSUED whose time is over."""

_COMPLETED: Final = """
SELECT p.member_id, p.percent, m.display_name, m.email, m.state, done.id AS attempt_id,
       done.ended_at AS completed_at
  FROM progress p
  JOIN member m ON m.id = p.member_id AND m.deleted_at IS NULL
 CROSS JOIN LATERAL (
    SELECT a.id, a.ended_at FROM attempt a
     WHERE a.course_id = p.course_id AND a.member_id = p.member_id AND a.state = 'COMPLETED'
       AND a.number > p.attempts_before
     ORDER BY a.number DESC LIMIT 1
       ) AS done
 WHERE p.workspace_id = :workspace_id AND p.course_id = :course_id AND p.state = 'COMPLETED'
   AND p.member_id = ANY (CAST(:members AS bigint[])) {further}
 ORDER BY p.member_id
"""

COMPLETED: Final = text(_COMPLETED.format(further=""))
JUST_COMPLETED: Final = text(
    _COMPLETED.format(
        further="""
   AND NOT EXISTS (SELECT FROM certificate c WHERE c.course_id = p.course_id
                      AND c.member_id = p.member_id
                      AND (c.attempt_id = done.id OR NOT :renews AND c.state = 'ISSUED'
                           AND (c.expires_at IS NULL OR c.expires_at > :at)))"""
    )
)
"""Of a completion a certificate is made by itself once, whatever became of it; and of a further
one only where certificates expire, or the former does not hold any more."""

GIVE_WAY: Final = text("""
UPDATE certificate c
   SET state = CASE WHEN expires_at <= :at THEN 'EXPIRED' ELSE 'SUPERSEDED' END,
       ended_at = least(expires_at, :at),
       ended_by_id = CASE WHEN expires_at <= :at THEN NULL ELSE CAST(:by_id AS bigint) END
 WHERE workspace_id = :workspace_id AND course_id = :course_id
   AND member_id = ANY (CAST(:members AS bigint[])) AND state = 'ISSUED'
RETURNING c.*
""")

NUMBER: Final = text("""
INSERT INTO certificate_register AS register (workspace_id, head) VALUES (:workspace_id, :count)
ON CONFLICT (workspace_id) DO UPDATE SET head = register.head + :count
RETURNING head
""")

ISSUE: Final = text("""
INSERT INTO certificate (workspace_id, course_id, member_id, attempt_id, serial, code, state,
                         template_version, printed, issued_at, issued_by_id, expires_at, cause)
SELECT :workspace_id, :course_id, r.member_id, r.attempt_id, r.serial, r.code, 'ISSUED', :version,
       r.printed, :at, CAST(:by_id AS bigint), CAST(:expires_at AS timestamptz), :cause
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(member_id bigint, attempt_id bigint,
       serial bigint, code text, printed jsonb)
 ORDER BY r.serial
RETURNING certificate.*
""")

REVOKE: Final = text("""
UPDATE certificate c
   SET state = 'REVOKED', ended_at = :at, ended_by_id = CAST(:by_id AS bigint), reason = :reason
 WHERE workspace_id = :workspace_id AND course_id = :course_id
   AND member_id = ANY (CAST(:members AS bigint[]))
   AND state = 'ISSUED' AND (expires_at IS NULL OR expires_at > :at)
RETURNING c.*
""")

EXPIRE: Final = text("""
UPDATE certificate c SET state = 'EXPIRED', ended_at = expires_at
 WHERE id IN (SELECT id FROM certificate WHERE state = 'ISSUED' AND expires_at <= :at
               ORDER BY expires_at, id LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING c.*
""")
