"""Learners: who they are, in which groups, how far they have come, until when."""
