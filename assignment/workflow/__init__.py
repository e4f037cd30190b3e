"""The steps of a term, one module a verb; nothing here prints."""
