"""`python -m app.cli` is the console script; the supervisor starts its children so."""

from app.cli import main

main()
