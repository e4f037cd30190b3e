"""What this project keeps beside nbgrader's tables: which hand-in a submission is of, what people gave on another one,
what was awarded, and a ledger of every change of a mark.

All of it is in nbgrader's own database, so that it is written in the transaction that changes the mark, or not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from assignment.marking.decisions import Decision
from assignment.text import points

TABLES = (
    "CREATE TABLE IF NOT EXISTS assignment_hand_in (assignment TEXT, student TEXT, sha256 TEXT, given_on TEXT, "
    "PRIMARY KEY (assignment, student))",
    # decided: NULL while it waits for a person, else kept or dropped
    "CREATE TABLE IF NOT EXISTS assignment_by_hand (assignment TEXT, student TEXT, cell TEXT, score REAL, extra REAL, "
    "comment TEXT, sha256 TEXT, given_on TEXT, decided TEXT, PRIMARY KEY (assignment, student, cell))",
    "CREATE TABLE IF NOT EXISTS assignment_award (assignment TEXT, student TEXT, cell TEXT, points REAL, why TEXT, "
    "PRIMARY KEY (assignment, student, cell))",
    "CREATE TABLE IF NOT EXISTS assignment_ledger (number INTEGER PRIMARY KEY, assignment TEXT, student TEXT, "
    "at TEXT, old REAL, new REAL, cause TEXT, why TEXT, who TEXT)",
)
OF = "assignment = :assignment AND student = :student"
HANDED_IN = "INSERT OR REPLACE INTO assignment_hand_in VALUES (:assignment, :student, :sha256, :given_on)"
SET_ASIDE = (
    "INSERT OR REPLACE INTO assignment_by_hand VALUES "
    "(:assignment, :student, :cell, :score, :extra, :comment, :sha256, :given_on, NULL)"
)
AWARDED = "INSERT INTO assignment_award VALUES (:assignment, :student, :cell, :points, :why)"
LEDGER = (
    "INSERT INTO assignment_ledger (assignment, student, at, old, new, cause, why, who) "
    "VALUES (:assignment, :student, :at, :old, :new, :cause, :why, :who)"
)

# What each submission has, by the indexes that there are; nbgrader's own records take a dozen queries for each.
EARNED = """
SELECT student_id AS student,
       SUM(COALESCE(manual_score, auto_score, 0)
           + CASE WHEN COALESCE(manual_score, auto_score) IS NULL THEN 0 ELSE COALESCE(extra_credit, 0) END) AS score,
       SUM(grade_cells.max_score > 0) AS graded,
       SUM(grade_cells.max_score > 0 AND COALESCE(manual_score, auto_score) IS NULL) AS lacking,
       COALESCE(late_submission_penalty, 0) AS penalty
FROM submitted_assignment JOIN assignment ON assignment.id = submitted_assignment.assignment_id
LEFT JOIN notebook ON notebook.assignment_id = assignment.id
LEFT JOIN submitted_notebook
    ON submitted_notebook.notebook_id = notebook.id AND submitted_notebook.assignment_id = submitted_assignment.id
LEFT JOIN base_cell ON base_cell.notebook_id = notebook.id
LEFT JOIN grade ON grade.cell_id = base_cell.id AND grade.notebook_id = submitted_notebook.id
LEFT JOIN grade_cells ON grade_cells.id = grade.cell_id
WHERE assignment.name = :assignment
"""


@dataclass(frozen=True)
class ByHand:
    """What a person gave in formgrader for one cell."""

    score: float | None = None
    extra: float | None = None  # extra credit, without what was awarded
    comment: str | None = None


@dataclass(frozen=True)
class MarkChange:
    """A row of the ledger: a mark before and after (None: no mark), and what changed it."""

    at: str
    old: float | None
    new: float | None
    cause: str
    why: str
    who: str


class Ledger:
    """One student's rows in this project's tables; db: nbgrader's session. Nothing is committed here."""

    def __init__(self, db: Any, assignment: str, student: str) -> None:
        self._db = db
        self._of = {"assignment": assignment, "student": student}
        tables(db)

    def _run(self, statement: str, **values: Any) -> Any:
        from sqlalchemy import text

        return self._db.execute(text(statement), self._of | values)

    def note(self, cause: str, why: str = "", who: str = "") -> None:
        """Write a row if the mark is another than the last row says."""
        new = self.mark()
        last = self._run(f"SELECT new FROM assignment_ledger WHERE {OF} ORDER BY number DESC LIMIT 1").first()
        old = last.new if last else None
        if new != old:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._run(LEDGER, at=now, old=old, new=new, cause=cause, why=why, who=who)

    def mark(self) -> float | None:
        """The net mark as the gradebook has it now; None where there is none."""
        self._db.flush()
        row = self._run(f"{EARNED} AND student_id = :student GROUP BY submitted_assignment.id").first()
        return _net(row) if row else None

    def history(self) -> list[MarkChange]:
        """Every change of the mark, in the order in which they came about."""
        rows = self._run(f"SELECT at, old, new, cause, why, who FROM assignment_ledger WHERE {OF} ORDER BY number")
        return [MarkChange(*row) for row in rows]

    def hand_in(self) -> str:
        """Hash of the hand-in that the marks are of, "" if none is known."""
        row = self._run(f"SELECT sha256 FROM assignment_hand_in WHERE {OF}").first()
        return str(row.sha256) if row else ""

    def change_hand_in(self, record: Any, submission: str, given_on: str) -> None:
        """Take what a person gave on another hand-in out of the sum, give back what was given on this one.

        record: nbgrader's of the submission; submission: the hash of this hand-in; given_on: the same for people.
        """
        known = self._run(f"SELECT sha256, given_on FROM assignment_hand_in WHERE {OF}").first()
        if known and known.sha256 == submission:
            return
        if known:
            self._add(record, {})  # those that are of this hand-in too are set again with the penalties
            before = self.by_hand(record)
            for cell, given in before.items():
                self._run(SET_ASIDE, cell=cell, **vars(given), sha256=known.sha256, given_on=known.given_on)
            self.give(record, dict.fromkeys(before, ByHand()))
            again = f"assignment_by_hand WHERE {OF} AND sha256 = :sha256 AND decided IS NULL"
            rows = self._run(f"SELECT * FROM {again}", sha256=submission).all()
            self.give(record, {row.cell: ByHand(row.score, row.extra, row.comment) for row in rows})
            self._run(f"DELETE FROM {again}", sha256=submission)
        self._run(HANDED_IN, sha256=submission, given_on=given_on)

    def by_hand(self, record: Any) -> dict[str, ByHand]:
        """Return what a person gave in nbgrader's record of a submission, by cell."""
        awarded = self.awarded()
        comments = {comment.name: comment.manual_comment for comment in record.comments if comment.manual_comment}
        given = {}
        for grade in record.grades:
            extra = round((grade.extra_credit or 0.0) - awarded.get(grade.name, (0.0, ""))[0], 2)
            given[grade.name] = ByHand(grade.manual_score, extra or None, comments.pop(grade.name, None))
        given |= {cell: ByHand(comment=comment) for cell, comment in comments.items()}
        return {cell: entry for cell, entry in given.items() if entry != ByHand()}

    def give(self, record: Any, by_hand: Mapping[str, ByHand]) -> None:
        """Write scores, extra credit and comments by cell into nbgrader's record; None takes one away."""
        awarded = self.awarded()
        for grade in record.grades:
            if grade.name in by_hand:
                grade.manual_score = by_hand[grade.name].score
                extra = (by_hand[grade.name].extra or 0.0) + awarded.get(grade.name, (0.0, ""))[0]
                grade.extra_credit = round(extra, 2) or None
        for comment in record.comments:
            if comment.name in by_hand:
                comment.manual_comment = by_hand[comment.name].comment
        self._db.flush()

    def decide(self, record: Any, decided: str | None) -> None:
        """Let what waits count for what is graded now ("kept") or not ("dropped"); None: undo, it waits again."""
        waits = "decided IS NOT NULL" if decided is None else "decided IS NULL"
        rows = self._run(f"SELECT * FROM assignment_by_hand WHERE {OF} AND {waits}").all()
        if decided == "kept":
            self.give(record, {row.cell: ByHand(row.score, row.extra, row.comment) for row in rows})
        elif decided is None:
            self.give(record, {row.cell: ByHand() for row in rows if row.decided == "kept"})
        self._run(f"UPDATE assignment_by_hand SET decided = :decided WHERE {OF} AND {waits}", decided=decided)

    def awarded(self) -> dict[str, tuple[float, str]]:
        """Return the points that awards add now, and why, by cell; in nbgrader they are part of the extra credit."""
        rows = self._run(f"SELECT cell, points, why FROM assignment_award WHERE {OF}")
        return {row.cell: (row.points, row.why) for row in rows}

    def award(self, record: Any, awards: Mapping[str, Decision], undone: Mapping[str, Decision]) -> None:
        """Set what awards (by cell) add to nbgrader's record of a submission: no cell gets more than it is worth.

        undone: awards that somebody took back.
        """
        before = self.awarded()
        self._add(record, {cell: (award.points, award.why) for cell, award in awards.items()})
        given = [f"{award.exercise} +{points(award.points)}: {award.why}" for award in awards.values()]
        gone = [cell for cell in before if cell not in awards]
        taken_back = [f"{cell.partition('-')[2]}: taken back" for cell in gone]
        if given or taken_back:
            deciders = [*awards.values(), *(undone[cell] for cell in gone if cell in undone)]
            self.note("award", "; ".join(given + taken_back), ", ".join({decision.who: 0 for decision in deciders}))

    def cap(self, record: Any) -> None:
        """Lower what awards add where the automatic score has grown, so that no cell gets more than it is worth."""
        self._add(record, self.awarded())

    def _add(self, record: Any, awards: Mapping[str, tuple[float, str]]) -> None:
        """Make awards (points and why, by cell) part of nbgrader's extra credit, in the place of those before."""
        before = self.awarded()
        if not awards and not before:
            return
        self._run(f"DELETE FROM assignment_award WHERE {OF}")
        for grade in record.grades:
            if grade.name not in {**awards, **before}:
                continue
            extra = round((grade.extra_credit or 0.0) - before.get(grade.name, (0.0, ""))[0], 2)
            score = grade.auto_score if grade.manual_score is None else grade.manual_score
            most, why = awards.get(grade.name, (0.0, ""))
            more = 0.0 if score is None else round(max(0.0, min(most, grade.max_score - score - extra)), 2)
            if more:
                self._run(AWARDED, cell=grade.name, points=more, why=why)
            grade.extra_credit = round(extra + more, 2) or None


def tables(db: Any) -> None:
    """Make the tables that are not there yet, once a session."""
    from sqlalchemy import text

    for statement in () if db.info.get(TABLES) else TABLES:
        db.execute(text(statement))
    db.info[TABLES] = True


def set_aside(db: Any, assignment: str) -> list[tuple[str, str, ByHand, str]]:
    """Return what waits for a person: student, cell, what was given, and on which other hand-in, in words."""
    from sqlalchemy import text

    tables(db)
    query = text(
        "SELECT * FROM assignment_by_hand WHERE assignment = :assignment AND decided IS NULL ORDER BY student, cell"
    )
    rows = db.execute(query, {"assignment": assignment})
    return [(row.student, row.cell, ByHand(row.score, row.extra, row.comment), row.given_on) for row in rows]


def nets(db: Any, assignment: str) -> dict[str, float | None]:
    """Return what each submission earned, penalties off; None where a score is missing. db: nbgrader's session."""
    from sqlalchemy import text

    db.flush()
    rows = db.execute(text(f"{EARNED} GROUP BY submitted_assignment.id"), {"assignment": assignment})
    return {row.student: _net(row) for row in rows}


def _net(row: Any) -> float | None:
    """The net mark in a row of EARNED."""
    return round(max(0.0, row.score - row.penalty), 2) if row.graded and not row.lacking else None
