"""What modules say: lessons, quizzes and assignments, their drafts, revisions and files."""
