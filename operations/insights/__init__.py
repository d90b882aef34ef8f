"""Figures of courses and quizzes: exact as of a moment, computed in the database."""
