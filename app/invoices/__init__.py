"""Invoices as PDF, and the door they are fetched through."""

from app.invoices.door import routes as routes
from app.invoices.page import page_of as page_of
