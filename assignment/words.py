"""Everything a student reads that is not part of the notebook: one language, one module."""

from __future__ import annotations

# Examination: verdicts on parts and checks


# Rules: evidence of a breach or a note


# Feedback page and annotated notebook


# Marks: lateness, decisions, comments in Canvas
