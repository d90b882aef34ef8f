"""Answers about how courses and quizzes are doing."""
