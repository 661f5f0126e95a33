"""A local folder as a place. Listing one is not here: sensors and runs look at its files and links themselves."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class LocalFolder:
    """The files below `path`."""

    path: Path

    def shown(self, path: str = "") -> str:
        """The folder, or a file in it."""
        return str(self.path / path)

    def read(self, path: str, most_bytes: int) -> bytes | None:
        """A file's bytes; None when it is missing, too large, or leads out of the folder."""
        file = self.inside(path)
        if file is None or file.stat().st_size > most_bytes:
            return None
        return file.read_bytes()

    def names(self) -> tuple[list[str], list[str]]:
        """The names directly below: of folders and of files; nothing when the folder is missing."""
        if not self.path.is_dir():
            return [], []
        with os.scandir(self.path) as entries:
            found = {entry.name: entry.is_dir() for entry in entries}
        return sorted(name for name in found if found[name]), sorted(name for name in found if not found[name])

    def there(self, paths: Collection[str]) -> set[str]:
        """Which files exist."""
        return {path for path in paths if (self.path / path).exists()}

    def keep(self, path: str, data: bytes) -> bool:
        """Write beside and link into place: the name appears with all of its bytes, and never over another file."""
        target = self.path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            partial.write_bytes(data)
            os.link(partial, target)
        except FileExistsError:
            return False
        finally:
            partial.unlink(missing_ok=True)
        return True

    def inside(self, path: str) -> Path | None:
        """The file at a relative path, None when it is missing or would lie outside of the folder."""
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts or "\0" in path:
            return None
        found = (self.path / relative).resolve()
        if not found.is_relative_to(self.path.resolve()) or not found.is_file():
            return None
        return found
