"""The page on metrics lists exactly what the code defines."""

import re
from pathlib import Path

from runtime.metrics.families import FAMILIES, Family

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def row(family: Family) -> str:
    labels = ", ".join(
        f"`{name}`" + (f": {', '.join(values)}" if values else "")
        for name, values in family.labels.items()
    )
    return f"| `{family.name}` | {family.kind} | {labels} | {family.source} | {family.meaning} |"


def test_the_page_lists_every_metric_as_it_is_defined() -> None:
    rows = re.findall(r"^\| `\w+` \|.*$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert rows == [row(family) for family in FAMILIES]


def test_names_follow_the_conventions_of_prometheus() -> None:
    names = [family.name for family in FAMILIES]

    assert len(set(names)) == len(names)
    for family in FAMILIES:
        assert family.name.startswith(("quern_", "gen_ai_")), family
        assert family.name.endswith("_total") == (family.kind == "counter"), family
        assert bool(family.buckets) == (family.kind == "histogram"), family
        assert not {"job", "instance", "le"} & family.labels.keys(), family  # Prometheus' own
        assert family.meaning.endswith("."), family
