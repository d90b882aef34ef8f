"""Figures as pictures: SVG with its words in it, drawn from figures alone and always the same."""
