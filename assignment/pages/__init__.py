"""What students and TAs look at: its words, pictures and templates."""
