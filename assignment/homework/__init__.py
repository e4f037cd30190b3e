"""A homework: its text, its master notebook, and what the engine reads from them."""
