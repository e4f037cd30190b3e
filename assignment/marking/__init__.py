"""From what was examined to a mark: gradebook, penalties, decisions, the class."""
