"""A company to look at: made once, kept, and, with `--simulate`, kept changing."""

from app.demo.building import build
from app.demo.guiding import guide
from app.demo.simulating import simulate

__all__ = ["build", "guide", "simulate"]
