"""Tests of the house itself: its rules, its commands, its containers."""
