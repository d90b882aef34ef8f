"""Live sessions of instructor-led courses: dated, staffed, booked, waited for, attended (H5).

Whoever changes seats holds the row lock of the live session (`locking.lock`), so free seats are
given once, in the order people came. A person's progress is locked before it, never after.
"""
