"""The course as nbgrader sees it; `nbgrader ...` and `assignment ...` both read this file."""

from assignment.homework import STUB

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "cs7353"

# Release. What stands between ### BEGIN SOLUTION and ### END SOLUTION becomes this one line. It raises, so that a check
# can tell "not done yet" from "wrong".
c.ClearSolutions.code_stub = {"python": STUB}

# The last step of generate_assignment: prove that no solution and no hidden test got out, and write the release's hash
# into the notebook, so that a submission can always be compared with the release it was made from.
# (Named, not imported: `assignment check` reads this file too and should not wait for nbgrader.)
c.GenerateAssignment.preprocessors.append("assignment.plugins.steps.SealRelease")
c.GenerateAssignment.post_convert_hook = "assignment.plugins.steps.keep_release"

# Rules of the homework: what a breach costs. "zero": the net mark is 0 once a TA has confirmed it; "flag": it is shown
# and costs nothing; "off": nobody looks.
c.Rules.todo = "zero"
c.Rules.imports = "zero"
c.Rules.outputs = "zero"
# Another package in a cell of the student's own, say to plot tanh, that no exercise uses: a "note", or a "breach".
c.Rules.scratch_imports = "note"

# Grading. The examiner takes the place of nbgrader's Execute: student code in a sandbox, the master's checks outside.
# The first stage (sanitize) passes the master on; nothing in this process opens the file a student handed in.
c.Autograde.exporter_class = "assignment.plugins.steps.ExaminingExporter"
c.Autograde.sanitize_preprocessors = []
c.Autograde.autograde_preprocessors = [
    "assignment.plugins.steps.Examine",
    "assignment.plugins.steps.SaveGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "assignment.plugins.steps.RulePenalty",
]

# What the notebook says of the course where its text has <!-- facts -->, beside the deadline below; set it before the
# release is given out.
# c.Homework.links = {"课程主页": "https://example.org/course"}

# Until when, and where, students may object to their mark: it stands on their page.
# c.Homework.objections = {"rnn": {"until": "2026 年 11 月 22 日", "link": "https://example.org/course/objections"}}

# Which hand-in counts where a student has several: "last", or "best" by the mark after rules and lateness, of those
# that were collected or fetched. Students read it in the notebook and on their page.
# c.Homework.counts = {"rnn": "best"}

# Late work. As it stands it costs nothing; take away the # of what your course wants. `assignment grade` sets every
# penalty anew by what stands here, so a deadline or an extension may be changed at any time. Do not also let Canvas
# deduct points for late work: they would be taken off twice.
c.AssignLatePenalties.plugin_class = "assignment.marking.lateness.LatePenalty"
# With its zone; compared with the time that `assignment fetch` got.
# c.LatePenalty.deadline = {"rnn": "2026-11-08T23:59:59+08:00"}
# c.LatePenalty.extensions = {"rnn": {"1042": 2, "1043": 0.5}}  # days more, by Canvas user id
# c.LatePenalty.grace = 15.0  # minutes after the deadline that count as in time
# c.LatePenalty.per_day = 10.0  # points for each day begun after deadline and grace, never more than the score
# c.LatePenalty.most = 50.0  # points, no more than this
# c.LatePenalty.flat = 10.0  # points for a LATE mark without a time, as an archive has it; 0 only shows the mark

# What one submission may use; the defaults in assignment/sandbox/__init__.py fit a laptop.
# c.Examine.call_seconds = 5.0  # wall clock, one call of a student's function
# c.Examine.submission_seconds = 60.0  # wall clock, one submission
# c.Examine.memory = 1 << 30  # bytes

# Feedback. nbgrader's own page shows hidden tests and runs what a student's Markdown holds; this one does neither.
c.GenerateFeedback.exporter_class = "assignment.plugins.steps.FeedbackExporter"
