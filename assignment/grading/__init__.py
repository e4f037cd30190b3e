"""Examines a submission: the checks run here, the student's functions in the sandbox, only values between them."""
