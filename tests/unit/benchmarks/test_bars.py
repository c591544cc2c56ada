from xml.etree import ElementTree as ET

from benchmarks.figures.bars import grouped_bars

SVG = "{http://www.w3.org/2000/svg}"


def test_bars_are_to_scale_and_a_series_keeps_its_colour() -> None:
    drawn = grouped_bars("a < b", [("x", [("one", 0.5), ("two", 1.0)]), ("y", [("two", 0.25)])])
    root = ET.fromstring(drawn)  # noqa: S314 - drawn by ourselves
    bars = list(root.iter(f"{SVG}rect"))
    texts = [text.text for text in root.iter(f"{SVG}text")]

    one, two, other = (float(bar.attrib["width"]) for bar in bars)
    assert (one / two, other / two) == (0.5, 0.25)
    assert bars[1].attrib["fill"] == bars[2].attrib["fill"] != bars[0].attrib["fill"]
    assert texts == ["a < b", "x", "one", "0.500", "two", "1.000", "y", "two", "0.250"]
    assert max(float(bar.attrib["y"]) for bar in bars) < float(root.attrib["viewBox"].split()[3])
