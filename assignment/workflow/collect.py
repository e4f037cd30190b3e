"""Collect: a Canvas submissions archive becomes submitted/, and every entry is accounted for."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from assignment.canvas.archive import (
    ANONYMOUS,
    ArchiveLimits,
    Entry,
    RefusedError,
    checked_id,
    keep,
    open_archive,
    parse,
)
from assignment.canvas.gradebook import RosterEntry
from assignment.course import Course, replace_file
from assignment.homework.master import load_master
from assignment.submission.handed_in import Attachment, LooksLike, choose, homework_test, store
from assignment.workflow.roster import ROSTER, enrol, read_roster

Did = Literal["collected", "late", "superseded", "not a notebook", "unknown student", "nobody's", "refused"]
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

    @property
    def counts(self) -> Counter[str]:
        """How many files each thing was done with."""
        return Counter(item.did for item in self.items)


def collect(
    course: Course,
    assignment: str,
    archive: Path,
    roster_csv: Path | None = None,
    looks_like: LooksLike | None = None,
    limits: ArchiveLimits | None = None,
    progress: Progress | None = None,
) -> Collected:
    """Put an archive's submissions into submitted/ and return what was done with every entry.

    roster_csv: Canvas's gradebook export (default: the one of last time); it decides names that can be read in several
    ways, and tells who is missing. looks_like: is this the homework (default: does it define the master's exercises).
    A second run changes nothing; an older archive replaces no newer attachment. AssignmentError if archive or roster
    cannot be read at all.
    """
    test = looks_like or homework(course, assignment)
    roster = read_roster(course, assignment, roster_csv)
    with open_archive(archive, limits) as opened:
        kept = keep(course.collected(assignment), archive)
        if roster_csv:
            replace_file(course.collected(assignment) / ROSTER, roster_csv.read_bytes())
        names = {user: student.name for user, student in roster.items()}
        items: dict[int, Item] = {}  # by place in the archive: an entry's name may come twice
        hands: dict[str, list[Attachment]] = defaultdict(list)
        for place, member in enumerate(opened.members):
            entry = parse(member.name, names)
            items[place] = sort(member.path, member.refused, entry, roster)
            if entry and items[place].did == "collected":
                hands[entry.user].append(attachment(entry, member.path, roster.get(entry.user), kept.name))
        places = {member.path: place for place, member in enumerate(opened.members) if not member.refused}

        def read(one: Attachment) -> bytes:
            return opened.read(opened.members[places[one.entry]])

        for number, hand in enumerate(hands.values(), 1):
            for item in receive(course, assignment, hand, read, test):
                why = "; ".join(filter(None, (items[places[item.entry]].why, item.why)))
                items[places[item.entry]] = replace(item, why=why)
            if progress:
                progress(number, len(hands))
    strangers = [RosterEntry(user, hand[0].name) for user, hand in hands.items() if user not in roster]
    enrol(course, roster.values(), [student for student in strangers if not student.user.startswith(ANONYMOUS)])
    return reconcile(course, assignment, list(items.values()), roster, kept)


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
        return replace(item, did="not a notebook", why=f"a {entry.kind} handed in instead of a file")
    if entry.guessed:
        return replace(item, why=f"user {user} is a guess: the name can be read in several ways; give a --roster")
    return item


def attachment(entry: Entry, path: str, student: RosterEntry | None, archive: str) -> Attachment:
    """Return an entry as what its student handed in."""
    name, login = (student.name, student.login) if student else (entry.name, "")
    return Attachment(
        entry.user, entry.attachment or "", entry.file, path, entry.late, name=name, login=login, archive=archive
    )


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
    refused: dict[str, str] = {}

    def attempt(one: Attachment) -> bytes | None:
        try:
            return read(one)
        except RefusedError as error:
            refused[one.entry] = str(error)
            return None

    choice = choose(hand, attempt, looks_like)
    for one in hand:
        checked_id(one.user)
    kept_out = store(course, assignment, choice, looks_like) if choice.attachment else ""
    items = []
    for one in hand:
        item = Item(one.entry, "late" if one.late else "collected", one.user, one.name, one.late)
        why = choice.said.get(one.entry, "")
        if one.entry in refused:
            item = replace(item, did="refused", why=refused[one.entry])
        elif one is choice.attachment:
            item = replace(item, did="superseded", why=kept_out) if kept_out else replace(item, why=why)
        elif one.notebook:
            item = replace(item, did="superseded", why=why)
        else:
            item = replace(item, did="not a notebook", why=f"{one.file} is no .ipynb")
        items.append(item)
    return items


def reconcile(
    course: Course, assignment: str, items: Sequence[Item], roster: Mapping[str, RosterEntry], kept: Path
) -> Collected:
    """Return the report: every item, and everybody on the roster without a notebook in submitted/."""
    seen = {item.user for item in items}
    without = [s for s in roster.values() if not s.test and not course.submitted(s.user, assignment).is_file()]
    return Collected(
        tuple(items),
        tuple(student for student in without if student.user not in seen),
        tuple(student for student in without if student.user in seen),
        kept,
    )
