"""A submission: where it lies, and which of its cells is which."""
