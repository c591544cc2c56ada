import math
from xml.etree import ElementTree as ET

from benchmarks.figures.lines import Chart, sheet, written

SVG = "{http://www.w3.org/2000/svg}"


def test_lines_are_to_scale_and_stop_where_there_is_no_value() -> None:
    points = [(0.0, 0.0), (50.0, 4.0), (60.0, math.nan), (80.0, 2.0), (100.0, 2.0)]
    drawn = sheet([Chart("a < b", "s", {"one": points})], span_s=100.0)
    root = ET.fromstring(drawn)  # noqa: S314 - drawn by ourselves

    first, second = (
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        for line in root.iter(f"{SVG}polyline")
    )
    assert len(first) == len(second) == 2
    (left, bottom), (middle, top) = first
    right = second[1][0]
    assert math.isclose(middle - left, (right - left) / 2, abs_tol=0.1)
    assert math.isclose(bottom - second[0][1], (bottom - top) / 2, abs_tol=0.1)
    assert {"a < b", "one", "4 s", "2 s"} <= {text.text for text in root.iter(f"{SVG}text")}


def test_values_are_written_in_their_unit() -> None:
    assert [written(0.25, unit) for unit in ("percentunit", "s", "reqps", "short")] == [
        "25 %", "0.25 s", "0.25/s", "0.25",
    ]  # fmt: skip
