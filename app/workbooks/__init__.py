"""Files of rows for people who count: workbooks for Excel, and CSV."""

from app.workbooks.columns import Column, Is, Kind, Look
from app.workbooks.csv_files import write_csv
from app.workbooks.sheets import Chart, Sheet, Told
from app.workbooks.text import clean
from app.workbooks.xlsx_files import About, TooWide, write_xlsx

__all__ = [
    "About",
    "Chart",
    "Column",
    "Is",
    "Kind",
    "Look",
    "Sheet",
    "Told",
    "TooWide",
    "clean",
    "write_csv",
    "write_xlsx",
]
