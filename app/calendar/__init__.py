"""Live sessions as iCalendar (RFC 5545): a file each, and an address for each person's calendar."""

from app.calendar.door import PREFIX as PREFIX
from app.calendar.door import routes as routes
