"""What the driver says of this machine's NVIDIA cards, for the heartbeat."""

import logging
from typing import Any, Self

log = logging.getLogger(__name__)


class GraphicsCards:
    """
    Ask the driver for memory and temperature of each card.

    Where there is no driver there are no cards. One that answered once and does not any more is
    lost, which only a person mends.

    Args:
        binding: `pynvml` or what speaks like it, initialised; None where there is no driver.
    """

    def __init__(self, binding: Any | None) -> None:
        self._binding = binding
        self._seen = 0

    @classmethod
    def open(cls) -> Self:
        """Ask for the driver; none is no error."""
        try:
            import pynvml  # noqa: PLC0415  of machines that have a card

            try:
                pynvml.nvmlInit()
            except pynvml.NVMLError as error:
                log.debug("no driver", extra={"reason": str(error)})
                return cls(None)
        except ImportError:
            return cls(None)
        return cls(pynvml)

    def report(self) -> dict[str, Any]:
        """Return each card's free share of memory and its temperature, and what was lost."""
        nvml = self._binding
        if nvml is None:
            return {"cards": [], "lost": 0}
        try:
            cards = [self._card(index) for index in range(nvml.nvmlDeviceGetCount())]
        except nvml.NVMLError as error:
            log.warning("the driver does not answer", extra={"reason": str(error)})
            return {"cards": [], "lost": self._seen}
        self._seen = max(self._seen, len(cards))
        return {"cards": cards, "lost": self._seen - len(cards)}

    def _card(self, index: int) -> dict[str, Any]:
        """Return one card; a number that it does not tell is left out."""
        nvml = self._binding
        assert nvml is not None  # noqa: S101  asked by `report` only
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        card: dict[str, Any] = {"card": index}
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        card["memory_free"] = round(memory.free / memory.total, 4)
        try:
            card["celsius"] = nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
        except nvml.NVMLError:
            log.debug("a card tells no temperature")
        return card
