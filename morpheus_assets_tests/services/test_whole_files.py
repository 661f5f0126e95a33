import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from morpheus_assets.services.whole_files import write_whole


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process may become longer: the system refuses to write on, as where a disk is full."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_without_room_what_a_file_held_stands_and_nothing_is_left_beside_it(tmp_path: Path):
    path = tmp_path / ".env"
    write_whole(path, "OPENAI_API_KEY=sk-1\n")
    with room_for(30), pytest.raises(OSError, match="large"):
        write_whole(path, "OPENAI_API_KEY=sk-1\n" * 9)
    assert path.read_text() == "OPENAI_API_KEY=sk-1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_its_owners_alone_and_a_link_goes_on_leading_to_it(tmp_path: Path):
    kept, link = tmp_path / "kept", tmp_path / ".env"
    kept.write_text("old")
    link.symlink_to(kept)
    write_whole(link, "new")
    assert link.is_symlink()
    assert (kept.read_text(), kept.stat().st_mode & 0o777) == ("new", 0o600)
