"""Graphics cards, on a library that knows, does not know, or is not there."""

from types import SimpleNamespace
from typing import Any

from adapters.generators.graphics_cards import GraphicsCards
from runtime.metrics.families import BY_NAME


class NvmlError(Exception):
    """What the library raises."""


class World(SimpleNamespace):
    """A machine with a card of 80 GB at half load; *nvml* is its library, *looks* counts."""

    driver = True
    lost = False
    reasons = 1
    looks = 0

    @property
    def nvml(self) -> Any:
        return SimpleNamespace(
            NVMLError=NvmlError,
            NVML_TEMPERATURE_GPU=0,
            NVML_MEMORY_ERROR_TYPE_UNCORRECTED=1,
            NVML_VOLATILE_ECC=0,
            nvmlClocksThrottleReasonSwPowerCap=4,
            nvmlClocksThrottleReasonHwSlowdown=8,
            nvmlClocksThrottleReasonSwThermalSlowdown=32,
            nvmlClocksThrottleReasonHwThermalSlowdown=64,
            nvmlClocksThrottleReasonHwPowerBrakeSlowdown=128,
            nvmlInit=self.begin,
            nvmlShutdown=lambda: None,
            nvmlDeviceGetCount=self.count,
            nvmlDeviceGetHandleByIndex=lambda number: number,
            nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(used=20 * 10**9, total=80 * 10**9),
            nvmlDeviceGetUtilizationRates=lambda _: SimpleNamespace(gpu=50, memory=10),
            nvmlDeviceGetPowerUsage=lambda _: 350_500,
            nvmlDeviceGetCurrentClocksThrottleReasons=lambda _: self.reasons,
            nvmlDeviceGetTemperature=lambda _handle, _sensor: 61,
            nvmlDeviceGetTotalEccErrors=self.unknown,
        )

    def begin(self) -> None:
        if not self.driver:
            raise NvmlError("NVML Shared Library Not Found")

    def count(self) -> int:
        if self.lost:
            raise NvmlError("GPU is lost")
        self.looks += 1
        return 1

    def unknown(self, *_: object) -> None:
        raise NvmlError("Not Supported")


def told(cards: GraphicsCards) -> dict[str, float]:
    return {sample.name: sample.value for metric in cards.read() for sample in metric.samples}


def test_a_card_is_told_in_base_units_and_what_it_does_not_know_is_left_out() -> None:
    values = told(GraphicsCards(World().nvml, expected=True))

    assert values == {
        "quern_gpu_up": 1,
        "quern_gpu_utilization_ratio": 0.5,
        "quern_gpu_memory_used_bytes": 20e9,
        "quern_gpu_memory_total_bytes": 80e9,
        "quern_gpu_temperature_celsius": 61,
        "quern_gpu_power_watts": 350.5,
        "quern_gpu_throttled": 0,
    }
    assert values.keys() <= BY_NAME.keys()


def test_heat_and_power_throttle_and_idleness_does_not() -> None:
    assert told(GraphicsCards(World(reasons=1).nvml, expected=True))["quern_gpu_throttled"] == 0
    assert told(GraphicsCards(World(reasons=64).nvml, expected=True))["quern_gpu_throttled"] == 1


def test_a_look_serves_every_scrape_of_five_seconds() -> None:
    now = [0.0]
    world = World()
    cards = GraphicsCards(world.nvml, expected=True, clock=lambda: now[0])

    told(cards)
    now[0] = 4.9
    told(cards)
    assert world.looks == 1
    now[0] = 5.0
    told(cards)
    assert world.looks == 2


def test_without_a_driver_an_expected_card_is_down_and_no_other_is_told() -> None:
    assert told(GraphicsCards(World(driver=False).nvml, expected=True)) == {"quern_gpu_up": 0}
    assert told(GraphicsCards(World(driver=False).nvml, expected=False)) == {}


def test_a_driver_that_goes_away_and_comes_back_is_followed() -> None:
    now = [0.0]
    world = World()
    cards = GraphicsCards(world.nvml, expected=True, clock=lambda: now[0])
    assert told(cards)["quern_gpu_up"] == 1

    world.lost, world.driver, now[0] = True, False, 10.0
    assert told(cards) == {"quern_gpu_up": 0}
    world.lost, world.driver, now[0] = False, True, 20.0
    assert told(cards)["quern_gpu_up"] == 1


def test_a_heartbeat_tells_free_memory_and_temperature_and_what_is_lost() -> None:
    now = [0.0]
    world = World()
    cards = GraphicsCards(world.nvml, expected=True, clock=lambda: now[0])
    before = cards.report()
    world.lost, now[0] = True, 10.0

    assert before == {"cards": [{"card": 0, "memory_free": 0.75, "celsius": 61}], "lost": 0}
    assert cards.report() == {"cards": [], "lost": 1}


def test_a_machine_without_a_driver_has_no_cards_and_loses_none() -> None:
    cards = GraphicsCards(World(driver=False).nvml, expected=False)

    assert cards.report() == {"cards": [], "lost": 0}


def test_a_card_that_an_engine_was_built_for_and_nobody_sees_is_lost() -> None:
    cards = GraphicsCards(World(driver=False).nvml, expected=True)

    assert cards.report() == {"cards": [], "lost": 1}
