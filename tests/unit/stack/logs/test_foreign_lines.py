"""Plain lines of Redis, Chroma, Flower and anything else, put into our form."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from stack.logs.capture import RAW_BYTES, Capture
from stack.logs.foreign_lines import ForeignLines
from stack.logs.readable_lines import readable


def converted(name: str, text: str) -> list[dict[str, Any]]:
    lines = ForeignLines(name).convert(text, pid=7).decode().splitlines()
    return [json.loads(line) for line in lines]


def test_redis_says_when_who_and_how_bad() -> None:
    (line,) = converted("redis-queue", "4711:M 22 Nov 2026 21:24:03.125 # Out of memory\n")

    assert line["ts"].endswith(".125Z")
    assert (line["level"], line["pid"], line["event"]) == ("WARNING", 4711, "Out of memory")
    assert (line["role"], line["logger"]) == ("redis-queue", "redis-queue")


def test_chroma_s_lines_lose_its_banner_and_where_in_its_source_they_are_from() -> None:
    text = (
        "   \x1b[38;5;069m(((((\x1b[38;5;220m###\x1b[0m\n\nSaving data to: /d\n"
        "  2026-11-22T16:53:41.245786Z ERROR  no room\n    at rust/server.rs\n    in upsert\n\n"
    )

    lines = converted("chroma", text)

    assert [(line["level"], line["event"]) for line in lines] == [
        ("INFO", "Saving data to: /d"),
        ("ERROR", "no room"),
    ]
    assert lines[1]["ts"] == "2026-11-22T16:53:41.245Z"


def test_a_traceback_is_one_event_with_its_frames_and_an_address_keeps_no_password() -> None:
    text = "Traceback (most recent call last):\n  File x\n    y()\nValueError: at redis://:pw@h/0\n"

    lines = converted("flower", text)

    assert [line["level"] for line in lines] == ["ERROR", "INFO"]
    assert lines[0]["event"].splitlines()[1] == "  File x"
    assert lines[1]["event"] == "ValueError: at redis://***@h/0"


def test_flower_s_letters_are_levels() -> None:
    (line,) = converted("flower", "[W 261122 21:24:05 inspector:98] Inspect failed\n")

    assert (line["level"], line["event"]) == ("WARNING", "Inspect failed")


def test_what_is_captured_is_copied_once_even_by_the_next_supervisor(tmp_path: Path) -> None:
    log = tmp_path / "p.log"
    first = Capture(log, name="p")
    with first.open() as output:
        output.write(b"one\ntwo\nhal")
        output.flush()
        first.copy(pid=7)
        assert [json.loads(line)["event"] for line in log.read_text().splitlines()] == [
            "one",
            "two",
        ]
        output.write(b"f\n")
        output.flush()
        second = Capture(log, name="p")  # the first was killed
        second.copy(pid=7)
        second.copy(pid=7)

    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events == ["one", "two", "half"]


def test_a_dying_program_s_last_words_need_no_line_end(tmp_path: Path) -> None:
    capture = Capture(tmp_path / "p.log", name="p")
    with capture.open() as output:
        output.write(b"ERROR: no disk")
    capture.copy(pid=7, all_of_it=True)

    line = json.loads((tmp_path / "p.log").read_text())
    assert (line["event"], line["level"], line["pid"]) == ("ERROR: no disk", "ERROR", 7)


def test_the_plain_file_does_not_grow_for_ever_and_a_flood_is_copied_whole(tmp_path: Path) -> None:
    log = tmp_path / "p.log"
    capture = Capture(log, name="p")
    with capture.open() as output:
        for _ in range(RAW_BYTES // 100 + 10):
            output.write(b"x" * 99 + b"\n")
        output.flush()
        for _ in range(5):
            capture.copy(pid=7)
        assert os.path.getsize(capture.raw) == 0  # noqa: PTH202 - of the file as its writer sees it
        output.write(b"after\n")
        output.flush()
        capture.copy(pid=7)

    lines = log.read_text().splitlines()
    assert len(lines) == RAW_BYTES // 100 + 11
    assert json.loads(lines[-1])["event"] == "after"


def test_a_failed_start_is_read_in_plain_words() -> None:
    line = {"ts": "t", "level": "CRITICAL", "event": "cannot run: no model", "role": "x", "n": 3}
    error = line | {"event": "uncaught error", "exc": "Traceback\n  File x\nValueError: bad"}
    text = f"{json.dumps(line)}\nplain\n{json.dumps(error)}\n"

    assert readable(text) == [
        "CRITICAL: cannot run: no model n=3",
        "plain",
        "CRITICAL: uncaught error n=3",
        "Traceback",
        "  File x",
        "ValueError: bad",
    ]


def test_a_record_without_any_sign_is_information_now() -> None:
    record = ForeignLines("p").record("hello", pid=3, now=12.5)

    assert (record.levelno, record.created, record.process) == (logging.INFO, 12.5, 3)
