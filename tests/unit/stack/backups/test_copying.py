"""Files of a backup: what is there is not read again, what is damaged is not taken over."""

import hashlib
from pathlib import Path

from stack.backups.copying import blobs_on, copy_blobs, copy_tree, written_whole


def blob(folder: Path, data: bytes, *, name: str = "") -> str:
    name = name or hashlib.sha256(data).hexdigest()
    (folder / name[:2]).mkdir(parents=True, exist_ok=True)
    (folder / name[:2] / name).write_bytes(data)
    return name


def test_blobs_are_copied_once_and_what_is_not_what_its_name_says_is_left_out(
    tmp_path: Path,
) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    good, there = blob(source, b"good"), blob(target, b"there")
    torn = blob(source, b"half", name=hashlib.sha256(b"half of it").hexdigest())
    gone = hashlib.sha256(b"gone").hexdigest()
    steps: list[None] = []

    bad = list(
        copy_blobs([good, there, torn, gone], source, target, told=lambda: steps.append(None))
    )

    assert bad == [torn, gone]
    assert len(steps) == 4
    assert (target / good[:2] / good).read_bytes() == b"good"
    assert not (target / torn[:2] / torn).exists()


def test_only_whole_blobs_stand_on_a_shelf(tmp_path: Path) -> None:
    name = blob(tmp_path, b"one")
    (tmp_path / name[:2] / f".new-{name}").write_bytes(b"o")

    assert blobs_on(tmp_path, name[:2]) == {name}
    assert blobs_on(tmp_path / "away", "00") == set()


def test_segments_that_are_known_are_not_read_again(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    for path, data in (("h1/one", b"1"), ("h2/two", b"2"), ("h2/.new-three", b"3")):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    first = {p: d for d, p in copy_tree(source, target, known={}, told=lambda *_: None)}
    (source / "h1/one").write_bytes(b"never looked at")

    second = {p: d for d, p in copy_tree(source, target, known=first, told=lambda *_: None)}

    assert first == {
        "h1/one": hashlib.sha256(b"1").hexdigest(),
        "h2/two": hashlib.sha256(b"2").hexdigest(),
    }
    assert second == first
    assert (target / "h1/one").read_bytes() == b"1"


def test_a_file_has_its_name_once_it_is_whole(tmp_path: Path) -> None:
    place = tmp_path / "manifest.json"
    place.write_bytes(b"before")
    killed = written_whole(place)
    killed.__enter__().write(b"half")
    assert not killed.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert place.read_bytes() == b"before"

    with written_whole(place) as file:
        file.write(b"whole")
        assert place.read_bytes() == b"before"

    assert place.read_bytes() == b"whole"
    assert place.stat().st_mode & 0o777 == 0o600
