"""Sending mail: what a mail looks like, and the two ways it can leave the house.

`office` takes one mail after the other out of the outbox (`operations.mail`), has it written
(`rendering`) and hands it to a carrier: an SMTP server (`smtp`), or, where none is set, a folder
of .eml files (`folder`).
"""
