"""Tests as tables; corpora/ holds what they read, support/ what they share, tools/ what is run by hand or by make."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # this checkout
CORPORA = ROOT / "tests" / "corpora"
