"""Files of rows that people bring: workbooks and CSV, read as text, row by row.

They come from anybody. Each is looked through before it is read, in memory that does not grow with
what it claims, in a thread aside; what is wrong with it is said with the limit, what there is, and
what to do instead.
"""

from app.workbooks.reading.limits import MOST_BYTES
from app.workbooks.reading.signs import HEAD, refusal_of_head
from app.workbooks.reading.table import Row
from app.workbooks.reading.whole import Reading, read

__all__ = ["HEAD", "MOST_BYTES", "Reading", "Row", "read", "refusal_of_head"]
