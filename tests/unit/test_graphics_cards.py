"""What a worker tells of its cards, in front of a stand-in for the driver."""

from types import SimpleNamespace
from typing import Any

from workers.graphics_cards import GraphicsCards


class DriverError(Exception):
    """The driver does not answer."""


class Driver:
    """Speaks like `pynvml`; *gone* makes it fall silent."""

    NVMLError = DriverError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self) -> None:
        self.gone = False

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802  as the driver's binding has it
        if self.gone:
            raise DriverError
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802  the same
        return index

    def nvmlDeviceGetMemoryInfo(self, _: int) -> Any:  # noqa: N802  the same
        return SimpleNamespace(free=20, total=80)

    def nvmlDeviceGetTemperature(self, _: int, __: int) -> int:  # noqa: N802  the same
        return 61


def test_a_card_tells_its_free_memory_and_its_temperature() -> None:
    told = GraphicsCards(Driver()).report()

    assert told == {"cards": [{"card": 0, "memory_free": 0.25, "celsius": 61}], "lost": 0}


def test_a_card_that_was_there_and_falls_silent_is_lost() -> None:
    driver = Driver()
    cards = GraphicsCards(driver)
    cards.report()
    driver.gone = True

    assert cards.report() == {"cards": [], "lost": 1}


def test_a_machine_without_a_driver_has_no_cards_and_loses_none() -> None:
    assert GraphicsCards(None).report() == {"cards": [], "lost": 0}
