"""Pages for students and for the course's staff, and notebooks with remarks."""
