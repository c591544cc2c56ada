"""`quern logs`: one stream of all processes, one job's lines, and what comes while one looks."""

import json
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from stack.logs.log_files import LogFiles, Wanted
from stack.run_folder import RunFolder, RunRecord


def line(second: int, event: str, **fields: Any) -> str:
    ts = f"2026-11-22T10:00:{second:02d}.000Z"
    return json.dumps({"ts": ts, "level": "INFO", "role": "r", "event": event} | fields) + "\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUERN_DATA_DIR", str(tmp_path))
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "web.log.1").write_text(line(1, "old"))
    (logs / "web.log").write_text(
        line(2, "accepted", job_id="j1", request_id="q1", role="web")
        + line(3, "request", request_id="q1", role="web")
        + line(4, "accepted", job_id="j2", request_id="q1", role="web")
    )
    (logs / "retrieval.log").write_text(
        line(5, "started", job_id="j1", request_id="q1")
        + "Fatal Python error: Segmentation fault\n"
        + line(6, "started", job_id="j2", request_id="q1", level="WARNING")
        + line(7, "the body failed", job_id="j1", level="ERROR", exc="Traceback\nValueError")
    )
    return logs


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["logs", *arguments], catch_exceptions=False)


def events(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["event"] for line in result.output.splitlines()]


def test_all_lines_come_in_the_order_of_time_and_older_files_count(folder: Path) -> None:
    assert folder.is_dir()
    assert events(run("--json")) == [
        "old", "accepted", "request", "accepted", "started",
        "Fatal Python error: Segmentation fault", "started", "the body failed",
    ]  # fmt: skip


@pytest.mark.usefixtures("folder")
def test_a_job_s_lines_are_its_own_and_those_of_its_request_alone() -> None:
    assert events(run("--json", "--job", "j1")) == [
        "accepted", "request", "started", "the body failed",
    ]  # fmt: skip


@pytest.mark.usefixtures("folder")
def test_level_and_since_leave_out_the_rest() -> None:
    assert events(run("--json", "--level", "warning")) == ["started", "the body failed"]
    assert events(run("--json", "--since", "2026-11-22T11:00:07+01:00")) == ["the body failed"]
    assert events(run("--json", "--since", "10m")) == []


@pytest.mark.usefixtures("folder")
def test_people_see_the_level_the_role_the_fields_and_the_traceback() -> None:
    text = run("--job", "j1").output

    assert "INFO     web         accepted  job_id=j1 request_id=q1" in text
    assert "ERROR    r           the body failed  job_id=j1\nTraceback\nValueError" in text


def test_a_span_that_is_none_and_a_folder_without_logs_are_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    assert folder.is_dir()
    assert run("--since", "yesterday").exit_code == 2
    monkeypatch.setenv("QUERN_DATA_DIR", str(tmp_path / "none"))
    result = run()

    assert result.exit_code == 2
    assert "nothing has run" in result.output


def test_following_goes_on_with_what_comes_also_after_a_rotation(folder: Path) -> None:
    files, wanted = LogFiles(folder), Wanted()
    list(files.lines(wanted))
    web = folder / "web.log"

    def add() -> None:
        with web.open("a") as log:
            log.write(line(8, "more") + '{"half')

    def rotate() -> None:
        web.write_text(line(9, "rotated"))

    following = files.follow(wanted)
    add()
    first = next(following)
    rotate()
    second = next(following)

    assert (first["event"], second["event"]) == ("more", "rotated")


def stack_on(data_dir: Path, url: str) -> RunFolder:
    """Make a data folder whose stack this very process is."""
    (data_dir / "logs").mkdir(parents=True)
    (data_dir / "logs/web.log").write_text(line(1, f"of {data_dir.name}"))
    me = psutil.Process()
    folder = RunFolder(data_dir)
    folder.path.mkdir()
    folder.write(
        RunRecord(
            pid=me.pid, created_at=me.create_time(), ready=True, url=url, redis_url="r",
            cache_url="c", chroma_url="h", flower_url="f", data_dir=str(data_dir),
        )
    )  # fmt: skip
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder on which nothing has run."""
    monkeypatch.delenv("QUERN_DATA_DIR", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    # Only this process is looked at: others of this user may run a stack of their own.
    monkeypatch.setattr("stack.running_stacks.psutil.process_iter", lambda: [psutil.Process()])
    return tmp_path


def test_the_logs_of_what_runs_elsewhere_are_found(elsewhere: Path) -> None:
    folder = stack_on(elsewhere / "one", "http://127.0.0.1:8000")
    with (folder.path / "lock").open("a"):
        result = run()

    assert "of one" in result.stdout
    assert str(elsewhere / "one") in result.stderr.replace("\n", "")


def test_of_two_that_run_the_one_of_the_address_is_shown(elsewhere: Path) -> None:
    first = stack_on(elsewhere / "one", "http://127.0.0.1:8001")
    second = stack_on(elsewhere / "two", "http://127.0.0.1:8002")
    with (first.path / "lock").open("a"), (second.path / "lock").open("a"):
        named = CliRunner().invoke(main, ["--url", "http://127.0.0.1:8002", "logs"])
        either = run()

    assert "of two" in named.stdout
    assert either.exit_code == 2
    assert "several services run here" in either.stderr
    assert f"QUERN_DATA_DIR={elsewhere / 'one'}" in either.stderr


def test_a_folder_that_was_named_is_meant_even_where_another_runs(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stack_on(elsewhere / "one", "http://127.0.0.1:8000")
    (elsewhere / "old/logs").mkdir(parents=True)
    (elsewhere / "old/logs/web.log").write_text(line(1, "of old"))
    monkeypatch.setenv("QUERN_DATA_DIR", str(elsewhere / "old"))
    with (folder.path / "lock").open("a"):
        result = run()

    assert "of old" in result.stdout


@pytest.mark.usefixtures("elsewhere")
def test_where_nothing_runs_the_setting_is_named() -> None:
    result = run()

    assert result.exit_code == 2
    assert "nothing of yours runs elsewhere" in result.stderr
    assert "QUERN_DATA_DIR" in result.stderr
