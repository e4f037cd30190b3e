"""Files written in one step: at any moment the old one or the new one, never half of it."""

from pathlib import Path


def replace_file(path: Path, data: bytes | str) -> bool:
    """Write a file, text as UTF-8, unless it says so already; return whether it was written."""
    data = data.encode() if isinstance(data, str) else data
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{path.name}")  # always the same name: what a kill leaves, the next run takes away
    part.write_bytes(data)
    part.replace(path)
    return True
