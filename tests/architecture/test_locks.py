"""The three locks are one set of versions, and never bring a torch of their own."""

from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def pins(name: str) -> set[str]:
    lines = (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    return {line.strip() for line in lines if line[:1].isalnum()}


@pytest.mark.parametrize(("smaller", "larger"), [("base", "workers"), ("workers", "dev")])
def test_what_a_smaller_lock_pins_the_larger_one_pins_too(smaller: str, larger: str) -> None:
    assert pins(smaller)
    assert pins(smaller) - pins(larger) == set()


#: Talks to the driver that is there; 50 kB of Python, unlike the other packages of that name.
NO_CUDA = "nvidia-ml-py=="


def test_torch_is_pinned_in_its_own_file_and_nowhere_else() -> None:
    (version,) = pins("torch")

    assert version.startswith("torch==")
    for name in ("base", "workers", "dev"):
        brought = {pin for pin in pins(name) if pin.startswith(("torch=", "nvidia-"))}
        assert [pin for pin in brought if not pin.startswith(NO_CUDA)] == []
