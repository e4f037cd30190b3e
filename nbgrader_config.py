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

# Grading. The examiner takes the place of nbgrader's Execute: student code in a sandbox, the master's checks outside it.
# The first stage (sanitize) passes the master on; nothing in this process opens the file a student handed in.
c.Autograde.exporter_class = "assignment.nbgrader_parts.ExaminingExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    "assignment.nbgrader_parts.Examine",
    "assignment.nbgrader_parts.SaveGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "assignment.nbgrader_parts.RulePenalty",
]

# What one submission may use; the defaults in assignment/examiner/limits.py fit a laptop.
# c.Examine.call_seconds = 10.0  # wall clock, one call of a student's function
# c.Examine.submission_seconds = 120.0  # wall clock, one submission
# c.Examine.memory = 1 << 30  # bytes

# Feedback. nbgrader's own page shows hidden tests and runs what a student's Markdown holds; this one does neither.
c.GenerateFeedback.exporter_class = "assignment.nbgrader_feedback.FeedbackExporter"
