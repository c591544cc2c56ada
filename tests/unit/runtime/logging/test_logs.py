"""What a log line looks like, and that no field can break it."""

import faulthandler
import json
import logging
import signal
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest

from runtime.logging import logs


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.OURS}
    switches = ("logThreads", "logProcesses", "logMultiprocessing", "_srcfile", "raiseExceptions")
    before_ = {name: getattr(logging, name) for name in switches}
    hooks, term = (sys.excepthook, threading.excepthook), signal.getsignal(signal.SIGTERM)
    faults = faulthandler.is_enabled()
    yield
    for handler in root.handlers:
        if isinstance(handler, logs.AsyncHandler):
            handler.close()
    for name, value in before_.items():
        setattr(logging, name, value)
    sys.excepthook, threading.excepthook = hooks
    signal.signal(signal.SIGTERM, term)
    if not faults:
        faulthandler.disable()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(capture=False)


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    logs.flush()
    return [json.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_a_line_is_an_event_with_its_fields(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logging.time.time", lambda: 1_700_000_000.25)
    monkeypatch.setattr("logging.time.time_ns", lambda: 1_700_000_000_250_000_000, raising=False)
    logs.configure(level="INFO", role="retrieval")

    logging.getLogger("tasks.query").info("retrieved", extra={"job_id": "j1", "hits": 3})

    (line,) = lines(capfd)
    assert line.pop("pid")
    assert line == {
        "ts": "2023-11-14T22:13:20.250Z",
        "level": "INFO",
        "role": "retrieval",
        "logger": "tasks.query",
        "event": "retrieved",
        "job_id": "j1",
        "hits": 3,
    }


def test_an_exception_is_one_field_of_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="INFO", role="web")
    try:
        int("two\nlines")
    except ValueError:
        logging.getLogger("web").exception("request failed")

    (line,) = lines(capfd)
    assert line["event"] == "request failed"
    assert str(line["exc"]).startswith("Traceback")
    assert "ValueError: invalid literal" in str(line["exc"])


@pytest.mark.parametrize("value", ["\ud800", 2**70, object(), {1: {2}}, b"\xff", {"\ud800": 1}])
def test_no_field_can_lose_a_line(capfd: pytest.CaptureFixture[str], value: object) -> None:
    logs.configure(level="INFO", role="web")

    logging.getLogger("web").info("seen", extra={"value": value})

    (line,) = lines(capfd)
    assert line["event"] == "seen"
    assert "value" in line


def test_a_field_cannot_pass_for_a_fixed_one(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="INFO", role="web")

    logging.getLogger("web").info("seen", extra={"role": "admin", "ts": 0})

    (line,) = lines(capfd)
    assert (line["role"], line["role_"], line["ts_"]) == ("web", "admin", 0)


def test_libraries_speak_from_warning_on_and_ours_from_the_level(
    capfd: pytest.CaptureFixture[str],
) -> None:
    logs.configure(level="INFO", role="web")
    logs.configure(level="INFO", role="web")  # a second time adds no second handler
    logging.getLogger("httpx").info("GET …")
    logging.getLogger("httpx").warning("slow")
    logging.getLogger("jobs.ledger").debug("claimed")
    logging.getLogger("jobs.ledger").info("swept")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    heard = lines(capfd)

    assert [line["event"] for line in heard[:2]] == ["slow", "swept"]
    assert [line["logger"] for line in heard[2:]] == ["py.warnings"]
