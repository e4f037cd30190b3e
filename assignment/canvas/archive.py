"""A submissions archive, read without trusting it: bad entries are refused singly, sizes counted while unpacking."""

import hashlib
import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from assignment.errors import AssignmentError

BLOCK = 1 << 16


class RefusedError(Exception):
    """An entry that is not to be unpacked; the text says why."""


@dataclass(frozen=True)
class Limits:
    """What an honest archive stays far below."""

    entries: int = 20_000  # a class of a thousand with twenty files each
    size: int = 64 << 20  # bytes of one entry; notebooks with pictures have a few megabytes
    total: int = 8 << 30  # bytes of all that is unpacked
    ratio: int = 400  # unpacked : packed; text does not reach 100
    ratio_from: int = 1 << 20  # below this size no ratio hurts


@dataclass(frozen=True)
class Member:
    """An entry of an archive: `path` in it, `name` (the last part), and why it is refused ("" if it is not)."""

    path: str
    name: str
    refused: str
    info: zipfile.ZipInfo


class Archive:
    """An open submissions archive: its members in order, and their bytes on demand."""

    def __init__(self, file: zipfile.ZipFile, limits: Limits) -> None:
        self._file = file
        self._limits = limits
        self._unpacked = 0
        self.members = list(_members(file, limits))

    def read(self, member: Member) -> bytes:
        """Return a member's bytes; RefusedError if it must not be unpacked, is damaged or larger than it said."""
        if member.refused:
            raise RefusedError(member.refused)
        limits, blocks, size = self._limits, [], 0
        try:
            with self._file.open(member.info) as stream:
                while block := stream.read(BLOCK):
                    size += len(block)
                    self._unpacked += len(block)
                    if size > limits.size or self._unpacked > limits.total:
                        raise RefusedError("unpacks to more than is allowed")
                    if size > limits.ratio_from and size > limits.ratio * max(member.info.compress_size, 1):
                        raise RefusedError("unpacks to absurdly more than it takes in the archive")
                    blocks.append(block)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as error:
            raise RefusedError(f"damaged in the archive ({error})") from None
        except (NotImplementedError, RuntimeError) as error:  # a method zipfile lacks; encrypted
            raise RefusedError(f"cannot be unpacked ({error})") from None
        return b"".join(blocks)


def _members(file: zipfile.ZipFile, limits: Limits) -> Iterator[Member]:
    """Yield the archive's entries but folders, each with the reason to refuse it if there is one."""
    seen: set[str] = set()
    for info in file.infolist():
        if info.is_dir():
            continue
        path = _path(info).replace("\\", "/")
        parts = PurePosixPath(path).parts
        name = parts[-1] if parts else ""
        mode = info.external_attr >> 16
        refused = ""
        if len(seen) >= limits.entries:
            refused = f"more than {limits.entries} entries in the archive"
        elif not name or ".." in parts or "\0" in info.orig_filename:
            refused = "its path leads out of the archive"
        elif path.startswith("/") or path[1:2] == ":":
            refused = "its path is absolute"
        elif mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            refused = "a link or device, not a file"
        elif path in seen:
            refused = "the same name a second time"
        elif info.file_size > limits.size:
            refused = f"{info.file_size} bytes, more than the {limits.size} allowed"
        elif info.file_size > limits.ratio_from and info.file_size > limits.ratio * max(info.compress_size, 1):
            refused = "unpacks to absurdly more than it takes in the archive"
        seen.add(path)
        yield Member(path, name, refused, info)


def _path(info: zipfile.ZipInfo) -> str:
    """Return an entry's path; without the UTF-8 flag (macOS packs so) it is tried as UTF-8 all the same."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


@contextmanager
def open_archive(path: Path, limits: Limits | None = None) -> Iterator[Archive]:
    """Open a submissions archive; AssignmentError if the file is missing or no zip archive."""
    if not path.is_file():
        raise AssignmentError(f"{path}: no such file; download it in Canvas (Download Submissions)")
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise AssignmentError(
            f"{path}: not a zip archive, or cut short ({error}); download it from Canvas again"
        ) from None
    with file:
        yield Archive(file, limits or Limits())


def keep(folder: Path, archive: Path) -> Path:
    """Copy an archive as it is into a folder and return the copy; other bytes under a taken name get their own name."""
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    for name in (archive.name, f"{archive.stem}-{digest[:12]}{archive.suffix}"):
        kept = folder / name
        if not kept.exists():
            folder.mkdir(parents=True, exist_ok=True)
            part = folder / f".part-{digest[:12]}"
            shutil.copyfile(archive, part)
            part.replace(kept)
            return kept
        with kept.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == digest:
                return kept
    raise AssignmentError(f"{kept}: is not what it was when it was collected; put it aside and collect again")
