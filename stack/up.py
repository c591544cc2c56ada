"""
Quern on one machine: every process under one supervisor, in the foreground (`quern up`).

Run as `python -m stack.up`, it is what tests and benchmarks start (see `Stack`).
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from rich.console import Console

from rag.errors import Broken, QuernError
from runtime.environment import BadSetting, read_settings
from runtime.settings import Settings
from stack.addresses import Ports, resolve
from stack.leash import leashed
from stack.programs import programs
from stack.report import StackReport
from stack.run_folder import RunFolder, RunRecord
from stack.supervisor import StartFailed, Supervisor

OPEN_FILES = 8_192


def run_up(
    settings: Settings,
    *,
    only: Collection[str] | None = None,
    quiet: bool = False,
    on_ready: Callable[[RunRecord], None] | None = None,
) -> int:
    """
    Run the stack in the foreground until Ctrl-C or SIGTERM; leave no process behind.

    Must be called in the main thread of a process that does nothing else.

    Args:
        settings: As read from the environment; ports that are taken are replaced by free ones.

        only: Names of the processes that are wanted; None means all.

        quiet: Say nothing but errors.

        on_ready: Called once, in the main thread, when every process serves; must return quickly,
            because nothing is watched meanwhile.

    Returns:
        The exit code: 0 after a clean stop, 1 when something did not start or had to be killed.
    """
    console = Console(stderr=quiet, highlight=False, soft_wrap=True)
    complain = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    _allow_open_files()
    settings = replace(settings, data_dir=settings.data_dir.expanduser().absolute())
    folder = RunFolder(settings.data_dir)
    try:
        with folder.locked():
            ports = Ports()
            settings = resolve(settings, ports, only=only)
            supervised = programs(settings, only=only)
            report = StackReport(settings, folder, None if quiet else console, on_ready=on_ready)
            report.begin(ports)
            try:
                clean = Supervisor(supervised, report=report).run()
            finally:
                report.end()
    except StartFailed as error:
        complain.print(f"{error}.")
        if error.tail:
            complain.print(f"Its last lines ({error.log}):")
            complain.print("\n".join(f"  {line}" for line in error.tail))
        else:
            complain.print(f"It wrote nothing to {error.log}.")
        return 1
    except (QuernError, BadSetting) as error:
        complain.print(f"{error}.")
        return 1
    if not clean:
        complain.print("Stopped, but some processes had to be killed; the next start repairs that.")
    elif not quiet:
        console.print("Stopped.")
    return 0 if clean else 1


def _allow_open_files() -> None:
    """Raise the limit of open files, 256 on some systems, for the servers that inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Stack:
    """
    A running stack for tests and benchmarks, under the same supervisor that people run.

        with Stack.start(data_dir=tmp_path) as stack:
            httpx.get(stack.url)

    The supervisor is a process of its own, which ends when the thread that started it does.
    """

    def __init__(self, process: subprocess.Popen[bytes], folder: RunFolder, output: Path) -> None:
        self._process = process
        self._folder = folder
        self._output = output

    @classmethod
    def start(
        cls,
        *,
        data_dir: Path,
        settings: Settings | None = None,
        only: Collection[str] | None = None,
        quiet: bool = True,
        fixed_ports: bool = False,
        timeout_s: float = 180.0,
    ) -> "Stack":
        """
        Start the stack on *data_dir* and wait until every process serves.

        Args:
            data_dir: The data folder; made where there is none.

            settings: What differs from the defaults; its data folder is not used.

            only: Names of the processes that are wanted, for example the stores; None means all.

            quiet: Keep the supervisor's output in `DATA/logs/up.log` instead of showing it.

            fixed_ports: Use the ports of *settings* where they are free; else any free ones.

            timeout_s: Seconds until waiting is given up.

        Raises:
            Broken: It did not start; ends with what the supervisor said.
        """
        data_dir = data_dir.absolute()
        settings = replace(settings or Settings(), data_dir=data_dir)
        if not fixed_ports:
            settings = replace(
                settings,
                port=0,
                redis_url="redis://127.0.0.1:0/0",
                cache_url="redis://127.0.0.1:0/0",
                chroma_url="http://127.0.0.1:0",
            )
        output = data_dir / "logs" / "up.log"
        output.parent.mkdir(parents=True, exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("QUERN_")}
        checkout = Path(__file__).parents[1]
        command = leashed(
            *(sys.executable, "-m", "stack.up"), *(f"--only={name}" for name in only or ())
        )
        with output.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  our own program
                command,
                cwd=checkout,
                env=environment | settings.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log if quiet else None,
                stderr=subprocess.STDOUT if quiet else None,
                process_group=0,
            )
        stack = cls(process, RunFolder(data_dir), output)
        try:
            stack._wait_for(lambda record: record.ready, timeout_s=timeout_s, what="ready")
        except BaseException:
            stack.stop()
            raise
        return stack

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def record(self) -> RunRecord:
        """The record of the run as it is now."""
        record = self._folder.read()
        if record is None:
            raise Broken("the stack is not running")
        return record

    @property
    def pid(self) -> int:
        """The supervisor's pid."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Address of the web server."""
        return self.record.url

    @property
    def redis_url(self) -> str:
        """Address of the queue Redis."""
        return self.record.redis_url

    @property
    def cache_url(self) -> str:
        """Address of the cache Redis."""
        return self.record.cache_url

    @property
    def chroma_url(self) -> str:
        """Address of the Chroma server."""
        return self.record.chroma_url

    @property
    def flower_url(self) -> str:
        """Address of Flower."""
        return self.record.flower_url

    def process(self, name: str) -> psutil.Process:
        """Return the present process called *name*."""
        return psutil.Process(self.record.processes[name].pid)

    def log(self, name: str) -> str:
        """Return everything the process called *name* has written."""
        path = Path(self.record.data_dir) / "logs" / f"{name}.log"
        return path.read_text(errors="replace")

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal, at once, to the process called *name*; return its pid."""
        pid = self.record.processes[name].pid
        os.kill(pid, number)
        return pid

    def wait_until_ready(self, name: str, *, other_than: int = 0, timeout_s: float = 60.0) -> int:
        """Wait until *name* serves with another pid than *other_than*; return the pid."""

        def again(record: RunRecord) -> bool:
            process = record.processes.get(name)
            return process is not None and process.ready and process.pid != other_than

        return self._wait_for(again, timeout_s=timeout_s, what=f"{name} ready").processes[name].pid

    def stop(self, *, timeout_s: float = 90.0) -> int:
        """Stop everything; return the supervisor's exit code, 0 after a clean stop."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _wait_for(
        self, condition: Callable[[RunRecord], bool], *, timeout_s: float, what: str
    ) -> RunRecord:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            record = self._folder.read()
            if record is not None and record.pid == self.pid and condition(record):
                return record
            if (code := self._process.poll()) is not None:
                said = self._output.read_text(errors="replace")
                raise Broken(f"the stack ended with exit code {code} before {what}\n{said}")
            time.sleep(0.05)
        raise Broken(f"not {what} after {timeout_s:.0f} s; see {self._output.parent}")


def main(arguments: Sequence[str]) -> int:
    """Run the stack with the settings of the environment."""
    parser = argparse.ArgumentParser(prog="python -m stack.up")
    parser.add_argument("--only", action="append", help="a process that is wanted; may be repeated")
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    options = parser.parse_args(arguments)
    try:
        settings = read_settings()
    except BadSetting as error:
        print(f"{error}.", file=sys.stderr)
        return 1
    return run_up(settings, only=options.only, quiet=options.quiet)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
