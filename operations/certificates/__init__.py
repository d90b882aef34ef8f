"""Certificates: that somebody completed a course, on a page, for anybody to check."""
