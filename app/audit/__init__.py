"""The audit log as a file: the door it is fetched through, and how its lines are written."""

from app.audit.door import routes as routes
