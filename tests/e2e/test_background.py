"""Ingestion stays in the background: on a busy processor people who search and ask go first."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from runtime.settings import Settings
from stack.up import Stack
from tests.support.whole_stack import WANTED, Api, quick_stack

#: A generation worker too; the server that it asks need not be there.
ASKING = Settings(generator="openai", model="any", openai_url="http://127.0.0.1:9/v1")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stack]:
    """A stack with every worker."""
    with quick_stack(data_dir=tmp_path, settings=ASKING, only=(*WANTED, "generation")) as running:
        yield running


def priorities(process: psutil.Process) -> set[int]:
    """Return the nice values of a process's threads, and of all below it; some may be ending."""
    found = set()
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            for thread in member.threads():
                with suppress(ProcessLookupError):
                    found.add(os.getpriority(os.PRIO_PROCESS, thread.id))
    return found


def test_ingestion_and_its_parsers_give_way_and_nobody_else_does(own: Stack) -> None:
    with Api(own.url) as api:
        api.ingest({"one": "Something that a parser reads."}, "gates")
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    ingestion = own.process("ingestion")
    commands = [" ".join(child.cmdline()) for child in ingestion.children(recursive=True)]

    assert any("adapters.parsing.sandbox.parser_process" in command for command in commands)
    assert priorities(ingestion) == {min(19, ours + Settings().ingestion_nice)}
    for name in (*WANTED, "generation"):
        if name != "ingestion":
            assert priorities(own.process(name)) == {ours}, name
