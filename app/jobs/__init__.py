"""Files made for people: the workshop that makes them, and the door they are fetched through."""

from app.jobs.door import routes as routes
from app.jobs.workshop import Workshop as Workshop
from app.jobs.workshop import workshop as workshop
