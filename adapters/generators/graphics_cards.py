"""Graphics cards as NVIDIA's library sees them, looked at once in five seconds at most."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client.metrics_core import Metric

from runtime.metrics.collecting import show, show_one

log = logging.getLogger(__name__)

FRESH_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Card:
    """
    One reading of a card; None where it reports nothing.

    Utilization is a share of 1; temperature in °C, power in W, memory in bytes.
    """

    number: str
    utilization: float | None
    memory_used: float | None
    memory_total: float | None
    temperature: float | None
    power: float | None
    ecc_errors: float | None
    throttled: float | None


_SHOWN: Final = (
    ("quern_gpu_utilization_ratio", "utilization"),
    ("quern_gpu_memory_used_bytes", "memory_used"),
    ("quern_gpu_memory_total_bytes", "memory_total"),
    ("quern_gpu_temperature_celsius", "temperature"),
    ("quern_gpu_power_watts", "power"),
    ("quern_gpu_ecc_errors_total", "ecc_errors"),
    ("quern_gpu_throttled", "throttled"),
)


class GraphicsCards:
    """
    Looks at every card of this machine, for Prometheus and for the heartbeat.

    Args:
        nvml: The library's module; `pynvml` in production.

        expected: Whether there should be a card: then a library without one is told, as
            `quern_gpu_up` 0; else there are no series.

        clock: Seconds, monotonic.
    """

    def __init__(
        self, nvml: Any, *, expected: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._nvml = nvml
        self._expected = expected
        self._clock = clock
        self._lock = threading.Lock()
        self._open = False
        self._seen: tuple[float, Sequence[Card] | None] = (float("-inf"), None)
        self._most = 0

    def close(self) -> None:
        """Let the library go."""
        if self._open:
            with contextlib.suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()
            self._open = False

    def report(self) -> dict[str, Any]:
        """
        Return free memory (share of 1) and temperature (°C) of each card, for a heartbeat.

        *lost* counts those that were seen and are not any more, or the one that should be there and
        was never seen: only a person can repair that.
        """
        cards = self._latest() or ()
        told = [
            {
                "card": int(card.number),
                "memory_free": round(1 - card.memory_used / card.memory_total, 4),
            }
            | ({} if card.temperature is None else {"celsius": card.temperature})
            for card in cards
            if card.memory_used is not None and card.memory_total
        ]
        most = self._most or int(self._expected)
        return {"cards": told, "lost": most - len(cards)}

    def _latest(self) -> Sequence[Card] | None:
        """Return the last reading, a new one where that is old."""
        with self._lock:
            if self._clock() - self._seen[0] >= FRESH_S:
                self._seen = (self._clock(), self._read())
                self._most = max(self._most, len(self._seen[1] or ()))
            return self._seen[1]

    def read(self) -> Iterable[Metric]:
        """Show the last reading."""
        cards = self._latest()
        if cards is None and not self._expected:
            return
        yield show_one("quern_gpu_up", int(cards is not None))
        for name, what in _SHOWN if cards else ():
            told = [((card.number,), getattr(card, what)) for card in cards or ()]
            yield show(name, [(labels, value) for labels, value in told if value is not None])

    def _read(self) -> Sequence[Card] | None:
        """Return what the library says; None where it has no driver or no card."""
        nvml = self._nvml
        try:
            if not self._open:
                nvml.nvmlInit()
                self._open = True
            cards = [self._card(number) for number in range(nvml.nvmlDeviceGetCount())]
        except nvml.NVMLError as error:
            if self._seen[0] == float("-inf") and self._expected:
                log.warning("no graphics card seen", extra={"reason": str(error)})
            self.close()
            return None
        return cards or None

    def _card(self, number: int) -> Card:
        """Look at one card."""
        nvml = self._nvml
        handle = nvml.nvmlDeviceGetHandleByIndex(number)
        memory = self._ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        watts = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
        reasons = self._ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
        return Card(
            number=str(number),
            utilization=None if rates is None else rates.gpu / 100,
            memory_used=None if memory is None else memory.used,
            memory_total=None if memory is None else memory.total,
            temperature=self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            power=None if watts is None else watts / 1000,
            ecc_errors=self._ask(
                nvml.nvmlDeviceGetTotalEccErrors,
                handle,
                nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
                nvml.NVML_VOLATILE_ECC,
            ),
            throttled=None if reasons is None else int(bool(reasons & self._holding_down())),
        )

    def _ask(self, question: Callable[..., Any], *about: Any) -> Any:
        """Ask what not every card knows; None where this one does not."""
        try:
            return question(*about)
        except self._nvml.NVMLError:
            return None

    def _holding_down(self) -> int:
        """Return the reasons that mean heat or power, and not that nothing is to be done."""
        nvml = self._nvml
        return int(
            nvml.nvmlClocksThrottleReasonSwPowerCap
            | nvml.nvmlClocksThrottleReasonHwSlowdown
            | nvml.nvmlClocksThrottleReasonSwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwThermalSlowdown
            | nvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown
        )


@contextlib.contextmanager
def graphics_cards(*, expected: bool) -> Iterator[GraphicsCards]:
    """Yield what watches the cards of this machine until the block ends."""
    import pynvml  # noqa: PLC0415  the process that owns the engine alone needs it

    cards = GraphicsCards(pynvml, expected=expected)
    try:
        yield cards
    finally:
        cards.close()
