"""What people see of the stack while it runs, and the record of the run that programs read."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import psutil
from rich.console import Console

from runtime.settings import Settings
from stack.addresses import Ports, web_url
from stack.programs import FLOWER_USER
from stack.run_folder import ProcessRecord, RunFolder, RunRecord
from stack.supervisor import Child


class StackReport:
    """Shows people what the supervisor does, and keeps the record of the run up to date."""

    def __init__(
        self,
        settings: Settings,
        folder: RunFolder,
        console: Console | None,
        *,
        on_ready: Callable[[RunRecord], None] | None,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._console = console
        self._on_ready = on_ready
        self._spinner = console.status("Starting") if console and console.is_terminal else None
        self._began = time.monotonic()
        self._record = RunRecord(
            pid=os.getpid(),
            created_at=psutil.Process().create_time(),
            ready=False,
            url=web_url(settings),
            redis_url=settings.redis_url,
            cache_url=settings.cache_url,
            chroma_url=settings.chroma_url,
            flower_url=settings.flower_url,
            data_dir=str(settings.data_dir),
        )

    def begin(self, ports: Ports) -> None:
        """Print what is about to start, and which ports are not the wanted ones."""
        for name, wanted, free in ports.moved:
            self._say(f"Port {wanted} is taken: {name} uses {free}.")
        self._folder.write(self._record)
        if self._spinner:
            self._spinner.start()

    def end(self) -> None:
        """Give the terminal back."""
        if self._spinner:
            self._spinner.stop()

    def changed(self, children: Sequence[Child]) -> None:
        """Write down pids and states; on a terminal, show who is awaited."""
        processes = {
            child.name: ProcessRecord(
                pid=child.pid,
                created_at=child.created_at,
                ready=child.is_up,
                log=str(child.program.log),
            )
            for child in children
            if child.pid is not None
        }
        self._record = replace(self._record, processes=processes)
        self._folder.write(self._record)
        if self._spinner:
            waiting = [c.name for c in children if c.pid is not None and not c.is_up]
            self._spinner.update(f"Starting {', '.join(waiting)}".strip())

    def ready(self, child: Child, *, after_s: float) -> None:
        """Print that a program serves."""
        self._say(f"  {child.name:<12} ready after {after_s:.1f} s")

    def all_ready(self) -> None:
        """Print the address of Quern."""
        self.end()
        self._record = replace(self._record, ready=True)
        with suppress(OSError):  # a full disk: every change is written again
            self._folder.write(self._record)
        names = self._record.processes
        if "web" in names:
            took_s = time.monotonic() - self._began
            self._say(f"\nQuern is ready at {self._record.url} (after {took_s:.1f} s)")
            if self._settings.keys_required:
                self._say("Keys    callers need one: quern keys create NAME")
        if "flower" in names:
            password = self._settings.data_dir / "flower" / "password"
            self._say(
                f"Flower  {self._record.flower_url}, user {FLOWER_USER}, password in {password}"
            )
        self._say(f"Logs    {self._settings.data_dir / 'logs'}\nCtrl-C stops everything.")
        if self._on_ready:
            self._on_ready(self._record)

    def died(self, child: Child, *, how: str, again_in_s: float) -> None:
        """Print that a program is started again."""
        log = child.program.log
        self._say(f"{child.name} died: {how}; starting it again in {again_in_s:g} s (see {log})")

    def stopping(self, names: Sequence[str]) -> None:
        """Print which programs are asked to end."""
        self.end()
        self._say(f"Stopping {', '.join(names)}")

    def _say(self, line: str) -> None:
        """Print a line; a terminal that has gone away is no reason to stop working."""
        if self._console:
            with suppress(OSError):
                self._console.print(line, markup=False)
