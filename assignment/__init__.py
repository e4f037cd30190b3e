"""A graded notebook homework: release it, examine it, return the marks."""
