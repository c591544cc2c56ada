"""The reason why an engine did not start is heard from its children's stderr."""

import os
import subprocess
import sys

import orjson
import pytest

from adapters.generators.stderr_capture import StderrCapture
from tests.support.waiting import PATIENCE_S

CHILD = """
import sys
print("INFO all is well", file=sys.stderr)
print("(Worker pid=7) ERROR ValueError: Available memory is less than asked for", file=sys.stderr)
print("(EngineCore pid=6) ERROR Exception: WorkerProc initialization failed", file=sys.stderr)
"""


def test_the_first_error_of_a_child_is_kept_and_everything_is_passed_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with StderrCapture() as capture:
        subprocess.run([sys.executable, "-c", CHILD], check=True)
    capture.settle(timeout_s=PATIENCE_S)
    os.write(2, b"afterwards\n")

    assert capture.reason == "ValueError: Available memory is less than asked for"
    assert capfd.readouterr().err.count("\n") == 4


def test_hearsay_alone_is_no_reason(capfd: pytest.CaptureFixture[str]) -> None:
    with StderrCapture() as capture:
        os.write(2, b"RuntimeError: Engine core initialization failed. See root cause above.\n")
    capture.settle(timeout_s=PATIENCE_S)

    assert capture.reason == ""
    assert "initialization failed" in capfd.readouterr().err


def test_the_cause_in_the_traceback_of_a_line_in_our_form_is_the_reason(
    capfd: pytest.CaptureFixture[str],
) -> None:
    exc = (
        "Traceback\n  File x\nRuntimeError: it failed to start\n\nCaused by:\n\nValueError: no room"
    )
    line = orjson.dumps({"event": "EngineCore failed to start.", "exc": exc})
    with StderrCapture() as capture:
        os.write(2, line + b"\n")
    capture.settle(timeout_s=PATIENCE_S)

    assert capture.reason == "ValueError: no room"
    assert capfd.readouterr().err.count("\n") == 1
