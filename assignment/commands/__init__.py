"""The verbs of the command line, and the tables they print."""
