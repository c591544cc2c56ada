"""Numbers and dates are shown as their format codes say."""

import pytest

from adapters.parsing.shared.number_formats import formatted, is_date


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (0.19, "0%", "19%"),
        (0.195, "0.0%", "19.5%"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (-1234.5, "#,##0.00;[Red](#,##0.00)", "(1,234.50)"),
        (-1234.5, "#,##0.00", "-1,234.50"),
        (0, '0;-0;"none"', "none"),
        (12.5, "#,##0.00 [$€-407]", "12.50 €"),
        (1234.5, '_-* #,##0.00\\ "€"_-;-* #,##0.00\\ "€"_-', "1,234.50 €"),
        (0, '_-* #,##0_-;-* #,##0_-;_-* "-"??_-;_-@_-', "-"),
        (1234567, '0.0,,"M"', "1.2M"),
        (12345, "0.00E+00", "1.23E+4"),
        (5551234, "000-0000", "555-1234"),
        (7, "00000", "00007"),
        (2.5, "0", "3"),
        (1.005, "0.00", "1.01"),
        (-0.001, "0.0", "0.0"),
        (0.5, "# ?/?", "0.5"),
        (150, '[>100]"big";0', "big"),
        (50, '[>100]"big";0', "50"),
        (3, 'General" pcs"', "3 pcs"),
        (0.1 + 0.2, "General", "0.3"),
        (1e300, "#,##0", "1e+300"),
        (5, "", "5"),
        (5, ";;;", ""),
        (45356, "dd.mm.yyyy", "05.03.2024"),
        (45356.75, "yyyy-mm-dd hh:mm", "2024-03-05 18:00"),
        (45356, "[$-407]d. mmmm yyyy", "5. March 2024"),
        (45356, "ddd mmm-yy", "Tue Mar-24"),
        (45356, 'yyyy"年"m"月"d"日"', "2024年3月5日"),
        (0.5, "h:mm AM/PM", "12:00 PM"),
        (0.25, 'h"h "mm"m"', "6h 00m"),
        (1.5, "[h]:mm", "36:00"),
        (45356.5006, "mm:ss.0", "00:51.8"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (-1, "yyyy-mm-dd", "-1"),
    ],
)
def test_a_number_is_shown_as_its_format_says(value: float, code: str, shown: str) -> None:
    assert formatted(value, code) == shown


def test_days_are_counted_from_1904_where_the_file_says_so() -> None:
    assert formatted(0, "yyyy-mm-dd", from_1904=True) == "1904-01-01"


@pytest.mark.parametrize(
    ("code", "date"), [("0.00", False), ("General", False), ("h:mm", True), ('"day" 0', False)]
)
def test_a_code_of_dates_is_told_from_one_of_numbers(code: str, date: bool) -> None:
    assert is_date(code) is date
