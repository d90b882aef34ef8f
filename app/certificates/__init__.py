"""Certificates as PDF, the door they are fetched through, and the page anybody checks them on."""

from app.certificates.door import routes as routes
from app.certificates.page import page_of as page_of
from app.certificates.verifying import PREFIX as PREFIX
