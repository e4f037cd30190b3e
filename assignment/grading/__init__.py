"""Examines a submission: the checks run here, the student's functions in the sandbox, only values between them."""

import assignment.sandbox  # noqa: F401  (one thread for linear algebra: said before NumPy is imported)
