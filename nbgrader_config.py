"""The course as nbgrader sees it; `nbgrader ...` and `assignment ...` both read this file."""

from assignment.master import STUB

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "cs7353"

# Release. What stands between ### BEGIN SOLUTION and ### END SOLUTION becomes this one line. It raises, so that a check
# can tell "not done yet" from "wrong".
c.ClearSolutions.code_stub = {"python": STUB}

# The last step of generate_assignment: prove that no solution and no hidden test got out, and write the release's hash
# into the notebook, so that a submission can always be compared with the release it was made from.
# (Named, not imported: `assignment check` reads this file too and should not wait for nbgrader.)
c.GenerateAssignment.preprocessors.append("assignment.seal.SealRelease")
c.GenerateAssignment.post_convert_hook = "assignment.seal.keep_release"

# Rules of the homework: what a breach costs. "zero": the net mark is 0 once a TA has confirmed it; "flag": it is shown
# and costs nothing; "off": nobody looks.
c.Rules.todo = "zero"
c.Rules.imports = "zero"
c.Rules.outputs = "zero"
