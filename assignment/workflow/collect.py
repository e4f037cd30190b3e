"""A class comes in: its roster, then an archive, or what Canvas has, becomes submitted/, every file accounted for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assignment.canvas import ANONYMOUS, Entry, checked_id, parse
from assignment.canvas.files import (
    ArchiveLimits,
    RefusedError,
    RosterEntry,
    keep,
    notebook_in_zip,
    open_archive,
    read_gradebook,
    read_groups,
)
from assignment.course import CONFIG, Course, replace_file
from assignment.errors import AssignmentError
from assignment.homework import load_master
from assignment.marking.breakdown import shown_names
from assignment.marking.decisions import FILE, load
from assignment.submission.attachments import (
    NOT_IT,
    Attachment,
    LooksLike,
    choose,
    homework_test,
    keep_attempt,
    may_be_notebook,
    newest_attachment,
    store,
)
from assignment.text import one_line

if TYPE_CHECKING:  # the client loads much that collecting needs not
    from assignment.canvas.api import RemoteAssignment, RemoteFile, RemoteSubmission

Did = Literal["collected", "late", "superseded", "not a notebook", "unknown student", "nobody's", "refused"]
SOURCE = "Canvas"  # in canvas.json of what was fetched, where a collected one names its archive
ROSTER, GROUPS, FETCHED = "roster.csv", "groups.csv", "fetched"  # in collected/NAME/
HARMLESS = str.maketrans("<>", "‹›")  # formgrader's page of a submission does not escape names
ASK = "ask for the notebook itself (.ipynb)"
KINDS = dict.fromkeys((".doc", ".docx"), "a Word document") | dict.fromkeys((".html", ".htm"), "a web page")
KINDS |= {f".{kind.lower()}": f"a {kind} archive, which is not opened" for kind in ("RAR", "7z")}
KINDS |= {".py": "a Python file", ".pdf": "a PDF"}
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Item:
    """What was done with one file, and why where that is not plain; user and name are "" where it is nobody's."""

    entry: str
    did: Did
    user: str = ""
    name: str = ""
    late: bool = False
    why: str = ""


@dataclass(frozen=True)
class Collected:
    """What became of every file, in the order received, and who has no notebook in submitted/."""

    items: tuple[Item, ...]
    nothing: tuple[RosterEntry, ...]  # on the roster, handed in nothing
    useless: tuple[RosterEntry, ...]  # on the roster, handed in something, but no notebook
    kept: Path  # the archive's own bytes, or the folder of what was fetched
    write_to: tuple[Item, ...] = ()  # for each whose hand-in cannot be graded what they handed in last

    @property
    def counts(self) -> Counter[str]:
        """How many files each thing was done with."""
        return Counter(item.did for item in self.items)


def collect(
    course: Course,
    assignment: str,
    archive: Path,
    roster_csv: Path | None = None,
    limits: ArchiveLimits | None = None,
    progress: Progress = lambda done, total: None,
    groups_csv: Path | None = None,
) -> Collected:
    """Put an archive's submissions into submitted/ and return what was done with every entry.

    roster_csv: Canvas's gradebook export (default: the one of last time); it decides names that can be read in several
    ways, and tells who is missing. groups_csv: a group set exported from Canvas (default: the one of last time); what
    one hands in is everybody's. A second run changes nothing; an older archive replaces no newer attachment.
    AssignmentError if archive or roster cannot be read at all.
    """
    test = homework(course, assignment)
    roster = read_roster(course, assignment, roster_csv)
    known = course.collected(assignment) / GROUPS
    groups = read_groups(groups_csv or known) if groups_csv or known.is_file() else {}
    names = {user: student.name for user, student in roster.items()}
    with open_archive(archive, limits) as opened:
        users = {entry.user for member in opened.members if (entry := parse(member.name, names))}
        if roster:
            refuse_other(roster_csv or course.collected(assignment) / ROSTER, roster, users, f"in {archive.name}")
        kept = keep(course.collected(assignment), archive)
        for csv, file in ((roster_csv, course.collected(assignment) / ROSTER), (groups_csv, known)):
            if csv:
                replace_file(file, csv.read_bytes())
        items: dict[int, Item] = {}  # by place in the archive: an entry's name may come twice
        hands, mates = defaultdict[str, list[Attachment]](list), list[Item]()
        for place, member in enumerate(opened.members):
            entry = parse(member.name, names)
            items[place] = sort(member.path, member.refused, entry, roster)
            if entry and items[place].did == "collected":
                who = roster.get(entry.user, RosterEntry(entry.user, entry.name))
                about = (entry.user, entry.attachment or "", entry.file, member.path, entry.late)
                hands[entry.user].append(Attachment(*about, name=who.name, login=who.login, archive=kept.name))
        places = {member.path: place for place, member in enumerate(opened.members) if not member.refused}

        def read(upload: Attachment) -> bytes:
            return opened.read(opened.members[places[upload.entry]])

        for number, (user, hand) in enumerate(hands.items(), 1):
            for mate in groups.get(user, ()):
                if mate.user != user and (mate.user in roster or not roster):
                    who = roster.get(mate.user, mate)
                    theirs = [replace(u, user=who.user, name=who.name, login=who.login, group=user) for u in hand]
                    mates += receive(course, assignment, theirs, read, test)
            for item in receive(course, assignment, hand, read, test):
                why = "; ".join(filter(None, (items[places[item.entry]].why, item.why)))
                items[places[item.entry]] = replace(item, why=why)
            progress(number, len(hands))
    strangers = [RosterEntry(user, hand[0].name) for user, hand in hands.items() if user not in roster]
    strangers += [mate for user in hands for mate in groups.get(user, ()) if not roster]
    enrol(course, roster.values(), [student for student in strangers if not student.user.startswith(ANONYMOUS)])
    return reconcile(course, assignment, [*items.values(), *mates], roster, kept)


def homework(course: Course, assignment: str) -> LooksLike:
    """Return the test that tells this homework from other files: it defines the master's exercises."""
    return homework_test(cell.name for cell in load_master(course.source(assignment)).solves)


def sort(path: str, refused: str, entry: Entry | None, roster: Mapping[str, RosterEntry]) -> Item:
    """Return what an entry's name alone says is to be done with it ("collected": its student's files decide)."""
    user = entry.user if entry else ""
    name = roster[user].name if user in roster else entry.name if entry else ""
    item = Item(path, "collected", user, name, bool(entry and entry.late))
    if refused:
        return replace(item, did="refused", why=refused)
    if entry is None:
        return replace(item, did="nobody's", why="not a name that Canvas gives")
    if roster and user not in roster and not user.startswith(ANONYMOUS):
        return replace(item, did="unknown student", why=f"user {user} is not on the roster; export a fresh one")
    if entry.kind != "attachment":
        return replace(item, did="not a notebook", why=f"a {entry.kind} handed in instead of a file; {ASK}")
    if entry.guessed:
        return replace(item, why=f"user {user} is a guess: the name can be read in several ways; give a --roster")
    return item


def receive(
    course: Course,
    assignment: str,
    hand: Sequence[Attachment],
    read: Callable[[Attachment], bytes],
    looks_like: LooksLike,
) -> list[Item]:
    """Choose among one student's attachments, put the chosen one into submitted/, and return what was done with each.

    read raises RefusedError for an attachment that must not or cannot be had.
    """
    unfit: dict[str, tuple[Did, str]] = {}  # by entry: what cannot be had, or is no notebook

    def attempt(upload: Attachment) -> bytes | None:
        try:
            data = read(upload)
        except RefusedError as error:
            unfit[upload.entry] = "refused", str(error)
            return None
        try:
            if not data and not upload.notebook:
                raise RefusedError("an empty file")
            return notebook_in_zip(data) if data.startswith(b"PK") else data
        except RefusedError as error:
            unfit[upload.entry] = "not a notebook", f"{error}; {ASK}"
            return None

    choice = choose(hand, attempt, looks_like)
    for upload in hand:
        checked_id(upload.user)
    keep_attempt(course, assignment, choice)
    kept_out = store(course, assignment, choice, looks_like) if choice.attachment else ""
    items = []
    for upload in hand:
        did: Did = "late" if upload.late else "collected"
        mate = f"for {upload.user} {upload.name}, by {upload.group} of the same group" if upload.group else ""
        why = choice.reasons.get(upload.entry, "")
        if upload.entry in unfit:
            did, why = unfit[upload.entry]
        elif upload is choice.attachment and kept_out:
            did, why = "superseded", kept_out
        elif upload is choice.attachment and why == NOT_IT:
            why = f"{'' if choice.data else 'an empty file, which '}{NOT_IT}; {ASK}"
        elif upload is not choice.attachment and upload.notebook:
            did = "superseded"
        elif upload is not choice.attachment:
            did, kind = "not a notebook", KINDS.get(Path(upload.file).suffix.lower(), f"{upload.file} is no .ipynb")
            why = f"{kind}; {ASK}"
        items.append(
            Item(upload.entry, did, upload.user, upload.name, upload.late, "; ".join(filter(None, (mate, why))))
        )
    return items


def reconcile(
    course: Course, assignment: str, items: Sequence[Item], roster: Mapping[str, RosterEntry], kept: Path
) -> Collected:
    """Return the report: every item, and everybody on the roster without a notebook in submitted/."""
    seen = {item.user for item in items}
    without = [s for s in roster.values() if not s.test and not course.submitted(s.user, assignment).is_file()]
    reasons = {item.user: item for item in items if item.user and item.why and item.did != "unknown student"}
    write_to = []  # of whose hand-ins nothing can be graded: the last of them
    for user, item in reasons.items():
        taken = item.did in ("collected", "late")
        write_to += [item] * (NOT_IT in item.why if taken else not course.submitted(user, assignment).is_file())
    return Collected(
        tuple(items),
        tuple(student for student in without if student.user not in seen),
        tuple(student for student in without if student.user in seen),
        kept,
        tuple(write_to),
    )


def fetch(
    course: Course, assignment: str, remote: RemoteAssignment, progress: Progress = lambda done, total: None
) -> Collected:
    """Put everybody's newest attempt into submitted/ and return what was done with every file.

    What was downloaded before (collected/NAME/fetched/) is not downloaded again, so that a run that was stopped goes on
    where it was. AssignmentError if Canvas cannot be reached.
    """
    test = homework(course, assignment)
    listing = remote.submissions()
    rows = listing.submissions
    folder = course.collected(assignment) / FETCHED
    roster = {row.user: RosterEntry(row.user, row.name, login=row.login) for row in rows if row.user.isdigit()}
    items = [Item(f"row of {whose}", "refused", whose, why=why) for whose, why in listing.odd]
    for number, row in enumerate(rows, 1):
        files = {f"{row.user}/{file.id}/{file.name}": file for file in row.attachments}
        about = (row.late, row.name, row.login, row.submitted_at, SOURCE)
        hand = [Attachment(row.user, file.id, file.name, entry, *about) for entry, file in files.items()]
        if hand:
            items += receive(course, assignment, hand, partial(_get, remote, folder, files), test)
        elif row.kind:
            why = f"handed in as {row.kind}, not as a file; {ASK}"
            items.append(Item(f"{row.user}/{row.kind}", "not a notebook", row.user, row.name, row.late, why))
        progress(number, len(rows))
    enrol(course, roster.values())
    return reconcile(course, assignment, items, roster, folder)


def unseen(course: Course, assignment: str, row: RemoteSubmission) -> str:
    """Return the name of a file on Canvas that may be a newer hand-in than what came, and was not fetched; "" if none.

    Of what did not come from Canvas nobody knows.
    """
    newest = newest_attachment(course, row.user, assignment)
    folder = course.collected(assignment) / FETCHED
    newer = [file for file in row.attachments if newest and int(file.id) > int(newest)]
    fit = [file.name for file in newer if may_be_notebook(file.name) and not (folder / file.id).exists()]
    return next(iter(fit), "")


def _get(remote: RemoteAssignment, folder: Path, files: Mapping[str, RemoteFile], upload: Attachment) -> bytes:
    """Return a file's bytes, from the folder if an earlier run put them there in full; RefusedError as in download."""
    file = files[upload.entry]
    kept = folder / file.id
    if kept.is_file() and kept.stat().st_size == file.size:
        return kept.read_bytes()
    data = remote.download(file)
    replace_file(kept, data)
    return data


def read_roster(course: Course, assignment: str, roster_csv: Path | None) -> dict[str, RosterEntry]:
    """Return the roster given, else that of last time, else an empty one; AssignmentError if it names nobody."""
    path = roster_csv or course.collected(assignment) / ROSTER
    if not roster_csv and not path.is_file():
        return {}
    roster = read_gradebook(path).roster
    if not roster:
        raise AssignmentError(f"{path}: names no student; export the gradebook in Canvas (Grades > Export)")
    return roster


def refuse_other(path: Path, roster: Mapping[str, RosterEntry], students: Iterable[str], whose: str) -> None:
    """Raise AssignmentError for a roster that names nobody of these students (anonymous ones stand on none)."""
    named = {student for student in students if not student.startswith(ANONYMOUS)}
    if named and roster.keys().isdisjoint(named):
        raise AssignmentError(
            f"{path}: names nobody of those {whose}, so it is another course's or an old one; "
            "export the gradebook of this course in Canvas (Grades > Export)"
        )


def strangers(course: Course, assignment: str) -> list[str]:
    """Return a line for each decision about somebody who handed in nothing, and each extension of somebody unknown."""
    students, roster = set(course.students(assignment)), read_roster(course, assignment, None)
    lines = [
        f"{FILE}: decision {number} is about {one_line(decision.student, 40)}, of whom nothing is in submitted/; "
        "check the id, or delete it"
        for number, decision in load(course).of(assignment).items()
        if decision.student not in students
    ]
    extensions = course.config().get("LatePenalty", {}).get("extensions", {}).get(assignment, {})
    unknown = sorted({str(student) for student in extensions} - students - roster.keys()) if roster else []
    return lines + [
        f"{CONFIG}: c.LatePenalty.extensions: {one_line(student, 40)} is neither on the roster nor in submitted/; "
        "check the id"
        for student in unknown
    ]


def dropped(course: Course, assignment: str) -> list[str]:
    """Return who handed in and is not on the roster (any more); nobody where there is no roster."""
    roster = read_roster(course, assignment, None)
    handed_in = course.students(assignment) if roster else []
    return [student for student in handed_in if student not in roster and not student.startswith(ANONYMOUS)]


def identified(course: Course, assignment: str, named: Iterable[str]) -> list[str]:
    """Return Canvas user ids for ids and names: a name, or words of one, that only one student has.

    What is no name of anybody stays as it is; AssignmentError lists the students where several fit.
    """
    ids, given = set(course.students(assignment)), list(named)
    if ids.issuperset(given):
        return given
    names = {user: student.name for user, student in read_roster(course, assignment, None).items()}
    with course.gradebook() as gradebook:
        names |= {user: name or user for user, name in shown_names(gradebook).items()}
    known, found = {user: _words(name) for user, name in names.items()}, []
    for text in given:
        typed = _words(text) if text not in ids | names.keys() else []
        exact = [user for user, name in known.items() if typed and "".join(name) == "".join(typed)]
        fitting = exact or [user for user, name in known.items() if typed and set(typed) <= set(name)]
        if len(fitting) > 1:
            listed = "; ".join(f"{one_line(names[user], 60)} ({user})" for user in fitting[:8])
            raise AssignmentError(f"{text}: several students have that name; type the id: {listed}")
        found += fitting or [text]
    return found


def _words(name: str) -> list[str]:
    return name.casefold().replace(",", " ").split()


def enrol(course: Course, roster: Iterable[RosterEntry], strangers: Iterable[RosterEntry] = ()) -> None:
    """Put names and logins into nbgrader's student records; strangers get theirs only where none is known."""
    with course.gradebook() as gradebook:
        known = {student.id: student for student in gradebook.students}
        for student, weak in [*((s, False) for s in roster), *((s, True) for s in strangers)]:
            first, last = (part.translate(HARMLESS) for part in student.names)
            wanted = {
                "first_name": first,
                "last_name": last,
                "email": student.login or None,
                "lms_user_id": student.user,
            }
            present = known.get(student.user)
            if present and (weak or all(getattr(present, key) == value for key, value in wanted.items())):
                continue
            gradebook.update_or_create_student(student.user, **wanted)
