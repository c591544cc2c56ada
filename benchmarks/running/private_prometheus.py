"""A Prometheus of one's own that scrapes a stack, with the configuration that compose runs."""

import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from benchmarks.running.processes import end
from stack.leash import leashed

FOLDER = Path(__file__).parents[2] / "observability" / "prometheus"
START_TIMEOUT_S = 20.0
PROGRAM = "prometheus"


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels, and its values by time, seconds since 1970."""

    labels: dict[str, str]
    points: list[tuple[float, float]]


class PrivatePrometheus:
    """
    A Prometheus on a port of its own; ended with the block.

    Args:
        folder: Where it keeps its data; made where there is none.

        web_url: The web of the stack that it watches; workers are found through it.

        every_s: Seconds between two scrapes and between two evaluations of the rules, whole.

        window: What the rules' windows of five minutes are made, for short runs.

    Raises:
        RuntimeError: There is no `prometheus` on this machine, or it did not start.
    """

    def __init__(self, folder: Path, *, web_url: str, every_s: int = 1, window: str = "5m") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self._address, self._folder = address, folder
        self._configuration = (
            (FOLDER / "prometheus.yml")
            .read_text("utf-8")
            .replace("web:8000", urlsplit(web_url).netloc)
            .replace("localhost:9090", address)
            .replace("scrape_timeout: 10s", f"scrape_timeout: {every_s}s")
            .replace("15s", f"{every_s}s")
        )
        self._rules = (FOLDER / "rules.yml").read_text("utf-8").replace("[5m]", f"[{window}]")
        self._client = httpx.Client(base_url=f"http://{address}/api/v1", trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        program = shutil.which(PROGRAM)
        if program is None:
            raise RuntimeError("no prometheus on this machine; on Debian: apt install prometheus")
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / "prometheus.yml"
        file.write_text(self._configuration, "utf-8")
        file.with_name("rules.yml").write_text(self._rules, "utf-8")
        options = {
            "config.file": file,
            "storage.tsdb.path": self._folder / "data",
            "web.listen-address": self._address,
        }
        command = [program, *(f"--{name}={value}" for name, value in options.items())]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                leashed(*command), stdout=log, stderr=log, process_group=0
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process is not None:
            end(self._process)
        self._client.close()

    def now(self, expression: str) -> list[Series]:
        """
        Return what *expression* gives now.

        Raises:
            RuntimeError: Prometheus cannot evaluate it; says why.
        """
        return _series(self._get("/query", query=expression), "value")

    def over(self, expression: str, *, start: float, end: float, step_s: float) -> list[Series]:
        """Return what *expression* gave every *step_s* from *start* to *end*; raises as `now`."""
        span = {"start": str(start), "end": str(end), "step": str(step_s)}
        return _series(self._get("/query_range", query=expression, **span), "values")

    def rules(self) -> list[dict[str, Any]]:
        """Return every rule with its `health` and `lastError`."""
        groups = self._get("/rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def targets(self) -> list[dict[str, Any]]:
        """Return every target with its `labels` and `health`."""
        found: list[dict[str, Any]] = self._get("/targets")["activeTargets"]
        return found

    def _get(self, path: str, **parameters: str) -> Any:
        """Ask the API."""
        answer = self._client.get(path, params=parameters).json()
        if answer["status"] != "success":
            raise RuntimeError(f"{parameters.get('query', path)}: {answer['error']}")
        return answer["data"]

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        given_up_at = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            if time.monotonic() > given_up_at or process.poll() is not None:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            answer = self._client.get(f"http://{self._address}/-/ready")
        except httpx.TransportError:
            return False
        return answer.is_success


def _series(told: dict[str, Any], field: str) -> list[Series]:
    """Read the series of an answer; a scalar has no labels."""
    if told["resultType"] == "scalar":
        return [Series({}, [(float(told["result"][0]), float(told["result"][1]))])]
    return [
        Series(
            one["metric"],
            [
                (float(at), float(value))
                for at, value in (one[field] if field == "values" else [one[field]])
            ],
        )
        for one in told["result"]
    ]
