"""The corpora graded by two commits: python -m tests.tools.compare BASE (or make compare BASE=commit).

Prints "0 marks changed", or every part of every file that gets other points; the exit status is 1 then.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from assignment.course import Course
from assignment.homework import load_master
from tests.support import corpus
from tests.support.fitting import variants

ROOT = Path(__file__).parents[2]
# Attacks that are after marks; those on limits, processes and the protocol take minutes, and have tests of their own.
GAINFUL = ("file_", "lie_", "sums_")
SLOW = ("jacobian", "lie_deep_list")  # what a busy machine may cut short
Points = dict[tuple[str, str, str], float]  # by file, exercise and part


def hand_in(tree: Path, folder: Path) -> list[Path]:
    """Write the corpora as submissions made from a checkout's release: honest ones, attacks, right variants."""
    folder.mkdir()
    release = json.loads((tree / "release/rnn/rnn.ipynb").read_text(encoding="utf-8"))
    built = json.loads((tree / "source/rnn/rnn.ipynb").read_text(encoding="utf-8"))
    right, master = corpus.reference(built), load_master(tree / "source/rnn/rnn.ipynb")
    cases = [*corpus.load("honest"), *(case for case in corpus.load("attacks") if case.name.startswith(GAINFUL))]
    cases = [case for case in cases if case.name not in SLOW]
    files = {case.name: corpus.build(case, release, built) for case in cases}
    for variant in variants():
        if variant.style in SLOW:
            continue
        sources = right | variant.sources(master)
        files[f"variant-{variant.family}-{variant.style}"] = corpus.submission(release, sources)
    for name, data in files.items():
        (folder / f"{name}.ipynb").write_bytes(data)
    return sorted(folder.glob("*.ipynb"))


def marks(tree: Path, files: list[Path], *more: str) -> Points:
    """What a checkout gives the files, by its own `assignment check`; more: options of it."""
    command = [sys.executable, "-m", "assignment", "check", "--json", "--course", str(tree), *more, *map(str, files)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    if done.returncode not in (0, 2):
        raise SystemExit(f"{tree}: {done.stderr.strip()}")
    found: Points = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        name = Path(row["file"]).stem
        found[name, "rules", "net"] = (row["net"] or 0.0) - row["score"]
        for check in row["checks"]:
            found |= {(name, check["name"], part["name"]): part["score"] for part in check["parts"]}
    return found


def changes(before: Points, after: Points) -> list[str]:
    """A line for every part that gets other points."""
    keys = sorted(before.keys() | after.keys())
    return [
        f"{' '.join(key)}: {before.get(key, 0.0):g} -> {after.get(key, 0.0):g}"
        for key in keys
        if before.get(key, 0.0) != after.get(key, 0.0)
    ]


def main(base: str) -> int:
    """Compare the working tree with a commit."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "base"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), base], check=True)
        try:
            (tree / "secret.key").write_bytes(Course.find(ROOT).secret())  # the same hidden data for both
            files = {of: hand_in(of, Path(scratch) / name) for of, name in ((tree, "old"), (ROOT, "new"))}
            before, after = marks(tree, files[tree]), marks(ROOT, files[ROOT])
            odd = {line.split()[0] for line in changes(before, after)}
            if odd:  # a busy machine may have cut some short: these once more, one after the other
                again = {of: [path for path in paths if path.stem in odd] for of, paths in files.items()}
                before |= marks(tree, again[tree], "--jobs", "1")
                after |= marks(ROOT, again[ROOT], "--jobs", "1")
            lines = changes(before, after)
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)
    print("\n".join(lines) or f"0 marks changed ({len({file for file, *_ in after})} submissions)")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]) if len(sys.argv) > 1 else "compare: name a commit: make compare BASE=main")
