"""The command line: words and tables for a person at a terminal; nothing is decided here."""
