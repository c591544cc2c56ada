"""Mail, mailboxes, saved pages and Outlook's messages: what was said, not how it travelled."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

import base64
import struct
from email.message import EmailMessage

import pytest

from adapters.parsing.formats import parse
from rag.documents import ParsedDocument
from tests.support.files.office_files import Tree, ole, zipped

HEAD = "From: Ann Lee <ann@example.org>\nTo: bo@example.org\nSubject: {}\nDate: Tue, 5 Mar 2024 10:00:00 +0100\nMIME-Version: 1.0\n"


def mail(body: str, subject: str = "Pump") -> ParsedDocument:
    return parse((HEAD.format(subject) + body).encode(), filename="x")


def parts(*bodies: str, kind: str = "mixed") -> str:
    inside = "".join(f"--b\n{body}\n" for body in bodies)
    return f"Content-Type: multipart/{kind}; boundary=b\n\n{inside}--b--\n"


def test_a_message_begins_with_its_subject_and_who_wrote_it() -> None:
    document = mail(
        "Received: from a\nDKIM-Signature: v=1; b=abc\nContent-Type: text/plain; charset=iso-8859-1\n"
        "Content-Transfer-Encoding: quoted-printable\n\nThe caf=E9 is clo=\nsed.\n\n> Is it open?\n",
        "=?utf-8?q?K=C3=BChl?= =?iso-8859-1?b?5A==?= unit",
    )

    assert document.kind == "mail"
    assert document.title == "Kühlä unit"
    assert document.text.split("\n\n") == [
        "Kühlä unit",
        "From: Ann Lee <ann@example.org>\nTo: bo@example.org\nDate: Tue, 5 Mar 2024 10:00:00 +0100",
        "The café is closed.",
        "> Is it open?",
    ]


def test_of_alternatives_the_plain_text_is_read_once() -> None:
    document = mail(
        parts(
            "Content-Type: text/plain\n\nIt comes on Monday.",
            "Content-Type: text/html\n\n<p>It comes on <b>Monday</b>.</p>",
            kind="alternative",
        )
    )

    assert document.text.endswith("\n\nIt comes on Monday.")
    assert document.text.count("Monday") == 1


@pytest.mark.parametrize(
    ("plain", "page", "read"),
    [
        (
            "See the page.",
            "<p>It comes on Monday at nine o'clock, by truck.</p>",
            "It comes on Monday",
        ),
        ("", "<p>Short.</p>", "Short."),
        ("a 1 b 2", "<table><tr><td>a</td><td>1</td></tr></table>", "a | 1"),
    ],
)
def test_the_page_is_read_where_it_says_more(plain: str, page: str, read: str) -> None:
    bodies = (f"Content-Type: text/plain\n\n{plain}", f"Content-Type: text/html\n\n{page}")

    assert read in mail(parts(*bodies, kind="alternative")).text


def test_soft_line_ends_are_joined() -> None:
    body = "Content-Type: text/plain; format=flowed\n\nThe deck is \nclosed.\n> It \n> was.\n"

    assert mail(body).text.endswith("The deck is closed.\n> It was.")


def test_an_empty_line_parts_paragraphs_of_soft_lines() -> None:
    body = (
        "Content-Type: text/plain; format=flowed\n\nThe deck \nis closed. \n\nIt opens \nin May.\n"
    )

    assert mail(body).text.split("\n\n")[-2:] == ["The deck is closed.", "It opens in May."]


def test_attachments_are_read_by_their_kind_and_others_are_named() -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "Papers"
    message["Message-ID"] = "<1@example.org>"
    message.set_content("See below.")
    message.add_attachment(
        b"name,qty\npump,2\n", maintype="text", subtype="csv", filename="stück.csv"
    )
    message.add_attachment(
        zipped({"in/note.md": "# Deep\n\nwords"}),
        maintype="application",
        subtype="zip",
        filename="all.zip",
    )
    message.add_attachment(
        b"\x89PNG\r\n\x1a\n", maintype="image", subtype="png", filename="photo.png"
    )
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "Inner", "c@example.org"
    inner.set_content("Forwarded words.")
    message.add_attachment(inner)
    document = parse(message.as_bytes(), filename="x")

    headings = [document.text[b.start : b.end] for b in document.blocks if b.kind == "heading"]
    assert headings == ["Papers", "stück.csv", "all.zip", "in/note.md", "# Deep", "Inner"]
    assert "pump" in document.text
    assert "Forwarded words." in document.text
    (note,) = document.notes
    assert note.startswith("photo.png is not read: the file is a PNG image; ")


def test_pictures_within_the_page_and_signatures_are_passed_over() -> None:
    picture = "Content-Type: image/png\nContent-ID: <logo>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo="
    signature = "Content-Type: application/pgp-signature; name=s.asc\n\n-----BEGIN"
    body = parts("Content-Type: text/html\n\n<p>Words.</p>", picture, signature, kind="related")

    document = mail(body)
    assert document.text.endswith("Words.")
    assert document.notes == ()


def test_encrypted_words_are_told() -> None:
    body = "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nMIIB"

    assert mail(body).notes == ("smime.p7m is not read: it is encrypted.",)


def test_messages_within_messages_end_somewhere() -> None:
    text = "From: a@example.org\nTo: b@example.org\nSubject: 0\nMIME-Version: 1.0\n\nBottom."
    for n in range(1, 40):
        text = f"From: a@example.org\nTo: b@example.org\nSubject: {n}\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n{text}"
    document = parse(text.encode(), filename="x")

    assert "Bottom" not in document.text
    assert "too deep" in document.notes[-1]


@pytest.mark.parametrize(
    "header",
    ["Subject: =?nonsense?b?xx?=", "Subject: =?utf-8?b?!!?=", "Subject: \u00fc", "Date: no day", "From: <<>>,,;:",
     "Content-Type: text/plain; charset=nonsense", "Content-Type: ;;;", "Content-Transfer-Encoding: odd"],
)  # fmt: skip
def test_broken_headers_do_no_harm(header: str) -> None:
    text = (
        f"{header}\nFrom: a@example.org\nTo: b@example.org\nSubject: x\nMIME-Version: 1.0\n\nWords."
    )

    assert "Words." in parse(text.encode(), filename="x.eml").text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("From: Ann\nTo: Bo\nSubject: Plan\n\nA memo.", "memo.txt"),
        ("Title: x\nDate: 2024\n\nText.", "a.md"),
        ("From here on: all\n\nText.", "a"),
        ("diff --git a b\n", "a.patch"),
    ],
)
def test_text_that_begins_like_mail_stays_text(text: str, name: str) -> None:
    document = parse(text.encode(), filename=name)

    assert document.kind != "mail"
    assert document.text == text.rstrip("\n") or document.text == text


def test_a_mailbox_is_its_messages_in_order() -> None:
    one = (
        "From ann@example.org Tue Mar  5 10:00:00 2024\n"
        + HEAD.format("One")
        + "\nFirst.\n\n>From the start.\nFrom here on.\n\n"
    )
    two = "From bo@example.org Tue Mar  5 11:00:00 2024\n" + HEAD.format("Two") + "\nSecond.\n\n"
    document = parse((one + two).encode(), filename="inbox")

    assert document.kind == "mail"
    assert document.title is None
    assert [document.text[b.start : b.end] for b in document.blocks if b.kind == "heading"] == [
        "One",
        "Two",
    ]
    assert "From the start.\nFrom here on." in document.text


def test_what_stands_before_the_headers_does_no_harm() -> None:
    text = "\n\n" + HEAD.format("Pump") + "\nWords."

    assert parse(text.encode(), filename="x").title == "Pump"
    mailbox = (
        "\nFrom a Tue Mar  5 10:00:00 2024\n>From b Tue Mar  5 09:00:00 2024\n" + text.lstrip()
    )
    assert parse(mailbox.encode(), filename="x").text.startswith("Pump\n\nFrom: Ann")


def test_a_part_that_is_no_text_leaves_the_others() -> None:
    junk = (
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
        + base64.b64encode(bytes(range(256))).decode()
    )

    assert mail(parts(junk, "Content-Type: text/plain\n\nWords.")).text.endswith("Words.")


def test_a_saved_page_is_read_as_a_page() -> None:
    text = (
        "From: <Saved by Blink>\nSnapshot-Content-Location: https://example.org/\nSubject: Subject\nMIME-Version: 1.0\n"
        + parts(
            "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n<html><head><title>The =\npage</title></head><body><h1>Head</h1><p>Caf=C3=A9</p></body></html>",
            "Content-Type: text/css\n\np {}",
            kind="related",
        )
    )
    document = parse(text.encode(), filename="x")

    assert document.kind == "html"
    assert document.title == "The page"
    assert document.text == "Head\n\nCafé"


def test_the_sheets_of_a_workbook_that_was_saved_as_a_page_are_read() -> None:
    top = "Content-Type: text/html\n\n<html><head><title>Book</title></head><frameset><frame src=a></frameset><noframes>No frames</noframes></html>"
    sheet = "Content-Type: text/html\n\n<html><body><table><tr><td>Pump</td><td>5</td></tr></table></body></html>"
    text = f"MIME-Version: 1.0\n{parts(top, sheet, kind='related')}"
    document = parse(text.encode(), filename="book.mht")

    assert document.text == "Pump | 5"
    assert document.title == "Book"


# Outlook


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def properties(skip: int, **fixed: bytes) -> bytes:
    out = bytes(skip)
    for name, value in fixed.items():
        out += struct.pack("<HHI8s", 0x40, int(name[1:], 16), 0, value)
    return out


def message(
    subject: str, body: dict[str, bytes], skip: int = 32, **more: Tree
) -> dict[str, bytes | Tree]:
    sent = ((1709632800 + 11644473600) * 10**7).to_bytes(8, "little")
    return {
        "__properties_version1.0": properties(skip, p0039=sent),
        "__substg1.0_0037001F": wide(subject),
        "__substg1.0_0C1A001F": wide("Ann Lee"),
        "__substg1.0_5D01001F": wide("ann@example.org"),
        "__substg1.0_0E04001F": wide("Bo Ek"),
        **body,
        **more,
    }


def attached(name: str, **more: bytes | Tree) -> dict[str, bytes | Tree]:
    return {"__substg1.0_3707001F": wide(name), "__properties_version1.0": properties(8), **more}


def test_a_message_of_outlook_is_read_with_what_is_attached() -> None:
    inner = message("Inner", {"__substg1.0_1000001F": wide("Deep words.")}, skip=24)
    files: dict[str, bytes | Tree] = {
        "__attach_version1.0_#00000000": attached(
            "note.txt", **{"__substg1.0_37010102": b"Attached words."}
        ),
        "__attach_version1.0_#00000001": {
            "__substg1.0_3001001F": wide("Inner"),
            "__properties_version1.0": properties(8, p3705=(5).to_bytes(8, "little")),
            "__substg1.0_3701000D": inner,
        },
        "__attach_version1.0_#00000002": attached(
            "logo.png", **{"__substg1.0_3712001F": wide("cid"), "__substg1.0_37010102": b"x"}
        ),
    }
    data = ole(
        {**message("Pump", {"__substg1.0_1000001F": wide("It comes on Monday.\r\n")}), **files}
    )
    document = parse(data, filename="x")

    assert document.kind == "mail"
    assert document.title == "Pump"
    assert document.text.split("\n\n") == [
        "Pump", "From: Ann Lee <ann@example.org>\nTo: Bo Ek\nDate: 2024-03-05 10:00 UTC",
        "It comes on Monday.", "note.txt", "Attached words.", "Inner",
        "From: Ann Lee <ann@example.org>\nTo: Bo Ek\nDate: 2024-03-05 10:00 UTC", "Deep words.",
    ]  # fmt: skip
    assert document.notes == ()


def test_a_message_whose_words_are_only_packed_rich_text_is_read() -> None:
    bare = b"{\\rtf1\\ansi\\fromhtml1{\\*\\htmltag64 <p>}Caf\\'e9 \\htmlrtf\\par\\htmlrtf0{\\*\\htmltag </p>}Next}"
    stored = struct.pack("<IIII", len(bare) + 12, len(bare), 0x414C454D, 0) + bare
    data = ole(message("Pump", {"__substg1.0_10090102": stored}))

    assert parse(data, filename="x").text.endswith("Café\n\nNext")


def test_packed_rich_text_is_unpacked() -> None:
    # The example of [MS-OXRTFCP] 3.1.1.
    from adapters.parsing.rtf.packing import unpacked  # noqa: PLC0415

    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a00726370673132354232"
        "0af32068656c090020627705b06c647d0a800fa0"
    )
    assert unpacked(packed) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


def test_a_message_in_an_old_code_page_is_read() -> None:
    body = {"__substg1.0_1000001E": "Привет".encode("cp1251")}
    tree = message("Pump", body)
    tree["__properties_version1.0"] = properties(32, p3FFD=(1251).to_bytes(8, "little"))

    assert parse(ole(tree), filename="x").text.endswith("Привет")


def test_base64_is_never_text() -> None:
    body = (
        "Content-Type: application/octet-stream; name=a.bin\nContent-Transfer-Encoding: base64\n\n"
    )
    document = mail(
        parts(
            "Content-Type: text/plain\n\nWords.",
            body + base64.b64encode(bytes(range(256)) * 4).decode(),
        )
    )

    assert document.text.endswith("Words.")
    assert document.notes[0].startswith("a.bin is not read: the file holds binary data")


def test_a_delivery_report_names_each_recipient_and_why() -> None:
    # Python 3.11's `get_content()` of such a part gives its first block alone, and `walk()` a text
    # without words for each; RFC 3464 keeps what matters in the headers of the later blocks.
    fates = [
        f"Final-Recipient: rfc822; {name}@example.org\nAction: failed\nStatus: 5.1.1"
        for name in ("one", "two")
    ]
    report = "Content-Type: message/delivery-status\n\n" + "\n\n".join(
        ["Reporting-MTA: dns; mail.example.org", *fates]
    )
    document = mail(parts("Content-Type: text/plain\n\nNot delivered.", report, kind="report"))

    assert document.text.split("\n\n")[2:] == ["Not delivered.", *fates]
    assert document.notes == ()
