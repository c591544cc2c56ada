"""Several web processes behind one address: one sum of metrics, and news for whoever waits."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime.settings import Settings
from tests.integration.web.server.gunicorn_server import gunicorn, is_up
from tests.support.waiting import quickly, until

PROCESSES = 2


class Server:
    """The front end in gunicorn, with two processes."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.url, self.process, self.folder = url, process, folder

    @property
    def pids(self) -> set[int]:
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def scraped(self, name: str, **labels: str) -> float:
        text = httpx.get(f"{self.url}/metrics").raise_for_status().text
        found = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        assert len(found) == 1, (name, found)
        return found[0]


@pytest.fixture
def server(clean_redis: str, tmp_path: Path) -> Iterator[Server]:
    settings = Settings(redis_url=clean_redis, cache_url=clean_redis, data_dir=tmp_path / "data")
    options = (
        f"--workers={PROCESSES}", "--threads=32", f"--worker-tmp-dir={tmp_path}",
        "--logger-class=web.server.gunicorn_log.JsonLogger",
    )  # fmt: skip
    with gunicorn(settings, tmp_path, *options) as (url, process):
        server = Server(url, process, tmp_path)
        until(lambda: len(server.pids) == PROCESSES)
        yield server
    assert not list(tmp_path.glob("quern-web-metrics-*"))


def test_every_scrape_tells_of_all_processes_the_dead_included(server: Server) -> None:
    labels = {"method": "GET", "route": "/api/jobs", "status_class": "2xx"}
    for _ in range(20):  # each on a connection of its own
        assert httpx.get(f"{server.url}/api/jobs").status_code == 200

    def lines() -> float:
        return server.scraped("quern_log_records_total", level="info")

    counted = [server.scraped("quern_http_requests_total", **labels) for _ in range(10)]
    assert set(counted) == {20}
    until(lambda: lines() >= 20)  # a process writes lines, and counts them, a little later
    told = [lines() for _ in range(10)]
    assert told == sorted(told)
    assert server.scraped("quern_build_info") == 1
    before = server.pids
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(server.pids) == PROCESSES and server.pids != before)
    until(lambda: is_up(server.url, 200))
    assert {server.scraped("quern_http_requests_total", **labels) for _ in range(10)} == {20}


def test_a_process_killed_while_it_made_its_file_spoils_no_scrape(server: Server) -> None:
    # prometheus_client 0.26.0 gives a file its size after it was made, and reads none without one:
    # https://github.com/prometheus/client_python/issues/1199
    (folder,) = server.folder.glob("quern-web-metrics-*")
    for kind in ("counter", "histogram", "gauge_max"):
        (folder / f"{kind}_1.db").touch()
    labels = {"method": "GET", "route": "/api/jobs", "status_class": "2xx"}
    assert httpx.get(f"{server.url}/api/jobs").status_code == 200
    assert server.scraped("quern_http_requests_total", **labels) == 1


def test_whoever_waits_in_any_process_hears_of_the_end(server: Server) -> None:
    job_id = httpx.post(f"{server.url}/api/queries", json={"question": "?"}).json()["id"]
    told: list[str] = []

    def wait() -> None:
        answer = httpx.get(f"{server.url}/api/jobs/{job_id}?wait=25", timeout=30)
        told.append(answer.json()["state"])

    def read() -> None:
        with httpx.stream("GET", f"{server.url}/api/jobs/{job_id}/events", timeout=30) as answer:
            told.append("cancelled" if '"cancelled"' in answer.read().decode() else "?")

    callers = [threading.Thread(target=each) for each in (wait, read) for _ in range(6)]
    for caller in callers:
        caller.start()
    asked = server.scraped  # all have begun to wait once the streams are counted
    labels = {"route": "/api/jobs/<job_id>/events", "status_class": "2xx", "method": "GET"}
    until(lambda: asked("quern_http_requests_total", **labels) == 6)

    def end() -> None:
        httpx.delete(f"{server.url}/api/jobs/{job_id}")
        for caller in callers:
            caller.join()

    quickly(end, within_s=5)

    assert told == ["cancelled"] * 12
