"""Archives: each member below its path, within limits, what is not read named."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from adapters.parsing.archives import archive_text
from adapters.parsing.formats import parse
from rag.errors import NoText
from tests.support.files.office_files import zipped
from tests.support.files.parsed_files import refused


def tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
        link = tarfile.TarInfo("z-link")
        link.type, link.linkname = tarfile.SYMTYPE, "a.txt"
        archive.addfile(link)
    return out.getvalue()


MEMBERS = {
    "b/two.md": b"# Two\n\nSecond words.",
    "a.txt": b"First words.",
    "c.png": b"\x89PNG\r\n\x1a\n",
    "__MACOSX/._a.txt": b"litter",
    "b/.DS_Store": b"litter",
}


def test_members_are_read_below_their_paths_in_their_order() -> None:
    document = parse(zipped(MEMBERS), filename="all.zip")

    assert document.kind == "archive"
    assert document.title is None
    assert document.text.split("\n\n") == [
        "a.txt",
        "First words.",
        "b/two.md",
        "# Two",
        "Second words.",
    ]
    assert [b.level for b in document.blocks if b.kind == "heading"] == [1, 1, 2]
    assert [note.split(" ")[0] for note in document.notes] == ["c.png"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_tar_archive_is_read_however_it_is_packed(pack: object) -> None:
    document = parse(pack(tar(MEMBERS)), filename="x")  # type: ignore[operator]

    assert document.text.split("\n\n")[:2] == ["a.txt", "First words."]
    assert document.notes[-1] == "z-link is not read: it is a link or a device, not a file."


def test_a_single_packed_file_is_read_as_what_it_is() -> None:
    document = parse(gzip.compress(b"a,b\n1,2\n"), filename="table.csv.gz")

    assert document.kind == "table"


def test_names_in_old_code_pages_are_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("Prufung.txt"), b"words")
    data = out.getvalue().replace(b"Prufung.txt", "Prüfung.txt".encode("cp850"))

    assert parse(data, filename="x").text.startswith("Prüfung.txt")


def test_archives_within_archives_end_somewhere() -> None:
    data = zipped({"deep.txt": b"Bottom."})
    for _ in range(8):
        data = zipped({"in.zip": data, "note.txt": b"A note."})
    document = parse(data, filename="x")

    assert "Bottom" not in document.text
    assert "A note." in document.text
    assert "too deep" in document.notes[-1]


def test_an_archive_packed_many_times_over_is_refused() -> None:
    data = b"words"
    for _ in range(10):
        data = gzip.compress(data)

    assert refused(data).reason == "too_large"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_unpacks_to_too_much_is_refused(
    monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(archive_text, "_MOST_BYTES", 20_000)
    monkeypatch.setattr(archive_text, "_STEP", 1000)
    little, much = b"words " * 3000, b"words " * 4000

    assert parse(zipped({"a.txt": little}), filename="x").text.startswith("a.txt")
    assert refused(zipped({"a.txt": much})).reason == "too_large"
    assert refused(zipped({"a.txt": little, "b.txt": little})).reason == "too_large"
    assert parse(pack(little), filename="x").kind == "text"
    assert refused(pack(much)).reason == "too_large"
    assert refused(pack(tar({"a.txt": much}))).reason == "too_large"


def test_what_is_packed_too_well_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_text, "_FREE_BYTES", 1000)
    monkeypatch.setattr(archive_text, "_MOST_RATIO", 10)
    blanks, letters = b"a" + b" " * 20_000, b"Words of no great weight.\n" * 3

    assert refused(zipped({"a.txt": blanks})).reason == "too_large"
    assert refused(gzip.compress(blanks)).reason == "too_large"
    assert parse(zipped({"a.txt": letters}), filename="x").kind == "archive"


def test_an_archive_of_too_many_members_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_text, "_MOST_ENTRIES", 5)

    assert parse(zipped({f"{n}.txt": b"words" for n in range(5)}), filename="x").text
    assert refused(zipped({f"{n}.txt": b"words" for n in range(6)})).reason == "too_large"
    assert refused(tar({f"{n}.txt": b"words" for n in range(6)})).reason == "too_large"


def test_protected_members_are_told() -> None:
    def locked(data: bytes) -> bytes:
        changed = bytearray(data)
        for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            changed[changed.index(mark) + at] |= 1
        return bytes(changed)

    document = parse(locked(zipped({"a.txt": b"secret", "b.txt": b"open"})), filename="x")

    assert document.text == "b.txt\n\nopen"
    assert document.notes == ("a.txt is not read: it is protected by a password.",)
    assert refused(locked(zipped({"a.txt": b"secret"}))).reason == "encrypted"


def test_an_archive_of_nothing_to_read_says_why() -> None:
    error = refused(zipped({"c.png": MEMBERS["c.png"]}))

    assert isinstance(error, NoText)
    assert "c.png is not read" in error.detail


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b\x08cut", b"BZh9cut", b"\xfd7zXZ\x00cut", gzip.compress(b"words" * 99)[:-12]]
)
def test_what_is_cut_off_is_refused(data: bytes) -> None:
    assert refused(data).reason == "corrupt"


@pytest.mark.parametrize(
    ("names", "says"),
    [("xl/workbook.bin", "binary workbook"), ("visio/document.xml", "Visio"), ("Index/Document.iwa", "iWork"),
     ("META-INF/MANIFEST.MF", "Java")],
)  # fmt: skip
def test_packages_that_are_not_read_are_named(names: str, says: str) -> None:
    error = refused(zipped({names: b"x"}))

    assert error.reason == "unsupported"
    assert says in error.detail
