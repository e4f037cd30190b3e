"""A graded notebook homework: release it, examine it, return the marks."""

import sys

# nbgrader loads jsonschema, whose check of internationalised addresses compiles a grammar for a second and more when it
# is imported. Nothing here has such addresses, and jsonschema goes on without.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
