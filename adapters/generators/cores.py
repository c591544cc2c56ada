"""Processor cores of the engine's CPU build, and the threads that keep off them."""

import contextlib
import logging
import os
from collections.abc import Iterable
from typing import Final

import psutil

log = logging.getLogger(__name__)

#: How vLLM names the processes that run the model.
COMPUTING: Final = "VLLM::Worker"


def keep_off_the_models_cores() -> None:
    """
    Move this process, and what it started, off the cores that the model's threads are bound to.

    vLLM's CPU build binds those threads to all cores but the few it leaves to the rest
    (`VLLM_CPU_OMP_THREADS_BIND`, `VLLM_CPU_NUM_OF_RESERVED_CPU`), and a bound thread cannot give
    way: whoever runs there holds up the whole batch. Where nothing is bound, or everything is,
    nothing changes.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    computing = [process for process in processes if _name(process).startswith(COMPUTING)]
    ours = os.sched_getaffinity(0)
    bound = {core for cores in _bindings(computing) if cores < ours for core in cores}
    free = ours - bound
    if not bound or not free:
        return
    for process in processes:
        if process not in computing:
            for thread in _threads(process):
                with contextlib.suppress(OSError):  # it has ended
                    os.sched_setaffinity(thread, free)
    log.info("off the model's cores", extra={"model": sorted(bound), "others": sorted(free)})


def _bindings(processes: Iterable[psutil.Process]) -> Iterable[set[int]]:
    """Yield where each thread of the processes may run."""
    for process in processes:
        for thread in _threads(process):
            with contextlib.suppress(OSError):
                yield os.sched_getaffinity(thread)


def _threads(process: psutil.Process) -> list[int]:
    """Return the ids of a process's threads; none once it has ended."""
    try:
        return [thread.id for thread in process.threads()]
    except psutil.Error:
        return []


def _name(process: psutil.Process) -> str:
    """Return how a process calls itself."""
    try:
        return (process.cmdline() or [""])[0]
    except psutil.Error:
        return ""
