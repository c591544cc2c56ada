"""Signs without a width, blanks of any kind, and bytes written as letters."""

import base64
import random

import pytest

from adapters.parsing.formats import parse
from adapters.parsing.shared.assembly import cleaned
from adapters.parsing.shared.noise import Noise

BYTES = random.Random(7).randbytes(1500)
BASE64 = base64.b64encode(BYTES).decode()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Ver\xadwal\xadtung", "Verwaltung"),
        ("ERR\u200b-17 pass\u2060word \ufeffx", "ERR-17 password x"),
        ("A\u20117\u2011B", "A-7-B"),
        ("1\xa0000\u202f000\u2009km\u2007x", "1 000 000 km x"),
        ("in\u200cvoice\u200d", "invoice"),
        ("left\u200e \u202eright\u202c", "left right"),
        ("x\U000e0068\U000e0069", "x"),
    ],
)
def test_signs_that_nobody_sees_vanish(text: str, seen: str) -> None:
    assert cleaned(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",  # noqa: RUF001
        "क\u094d\u200dष",
        "ه\u200d",  # noqa: RUF001
        "👩\u200d🚒",
        "❤\ufe0f\u200d🔥",
        "🏴\U000e0067\U000e007f",
    ],
)
def test_joiners_stay_where_a_script_or_a_picture_needs_them(text: str) -> None:
    assert cleaned(text) == text


@pytest.mark.parametrize(
    "noise",
    [
        BASE64,
        BYTES.hex(),
        f"data:image/png;base64,{BASE64}",
        "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
        "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%3E".replace("'", "%22"),
        base64.encodebytes(BYTES).decode(),
        "!function(e,t){var n=e.prototype;return t&&function(){this.a=1}};" * 20,
        ".a{color:red}.b:hover>p{margin:0;padding:0}" * 20,
    ],
)
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html"])
def test_bytes_and_scripts_within_a_text_are_left_out_with_a_note(noise: str, name: str) -> None:
    source = f"Before the noise.\n\n{noise}\n\nAfter it."
    if name == "a.html":
        source = (
            f"<html><p>Before the noise.</p><pre>{noise.replace('>', '&gt;')}</pre><p>After it.</p>"
        )
    document = parse(source.encode(), filename=name)

    assert "Before the noise." in document.text
    assert "After it." in document.text
    assert max(map(len, document.text.split())) < 60
    assert document.notes


@pytest.mark.parametrize(
    "text",
    [
        "-" * 400,
        "a" * 400,
        "ACGT" * 100,
        "31415926535897932384626433" * 20,
        "some/path/to/a/folder-with-a-name/" * 20,
        "https://example.org/" + "A-very-long-title-of-a-page_" * 12,
        "see data:text/plain,Hello for an example",
        "\n".join(f"{n:064x}" for n in range(2**200, 2**200 + 6)),
        "x = {'a': 1}; " * 60,
    ],
)
def test_long_words_that_are_no_bytes_are_kept(text: str) -> None:
    assert Noise().without(text) == text
