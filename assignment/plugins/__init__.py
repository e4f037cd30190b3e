"""Our parts in nbgrader's own commands, wired up by nbgrader_config.py."""
