"""vLLM's executor for its CPU build, made to nap while the model computes."""

import time
from typing import Any, Final

from vllm.v1.executor.multiproc_executor import MultiprocExecutor

#: Far below a step of any model on a processor, and far above what a look costs.
NAP_S: Final = 0.0003


class PatientExecutor(MultiprocExecutor):  # type: ignore[misc]  # vLLM is not in this environment
    """
    Looks for the model's answer every now and then, not without a pause.

    vLLM's engine core asks for the answer in a loop, which costs a whole core. A card's host has
    one to spare; where the model itself runs on the processor, that core is what the queue, the
    front end and the rest of the engine core have to live on.
    """

    def _init_executor(self) -> None:
        """Start the workers, then be patient with them."""
        super()._init_executor()
        for queue in self.response_mqs:
            queue._spin_condition = _Patience(queue._spin_condition)  # noqa: SLF001  no other way in


class _Patience:
    """What a queue waits with; all but the wait is vLLM's own."""

    def __init__(self, theirs: Any) -> None:
        self._theirs = theirs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._theirs, name)

    def wait(self, timeout_ms: int | None = None) -> None:
        """Nap while an answer is due; wait for a call where none was for a second."""
        theirs = self._theirs
        if time.monotonic() <= theirs.last_read + theirs.busy_loop_s:
            time.sleep(NAP_S)
        else:
            theirs.wait(timeout_ms=timeout_ms)
