"""Runs a submission: student code in a sandbox, the tests outside it."""
