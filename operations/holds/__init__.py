"""Removals that wait for somebody's word (S11): seen, decided, told of; and those done by hand."""
