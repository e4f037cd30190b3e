"""The steps of a term, a module for most verbs; nothing here prints."""
