"""Texts on which an int8 form of a model must agree with the model itself."""

from typing import Final

#: Written for this purpose: questions and passages, several languages and scripts, tables, code,
#: nothing at all, and more than a model reads at once.
SAMPLE: Final[tuple[str, ...]] = (
    "",
    "x",
    "budget",
    "How do I reset my password?",
    "who signs off travel costs above 2,000 euros",
    "What changed between version 3.1 and 3.2, and why?",
    "Is it allowed to store customer data outside of the European Union?",
    "Error 0x80070057: the parameter is incorrect",
    """The pump must be switched off before the filter is opened. Wait until the pressure
gauge shows zero, then turn the valve clockwise by a quarter. Never open the lid while the
lamp is red.""",
    """Minutes of the meeting of 14 March. Present: the board and both auditors. The chair reported
that sales grew by 4.7 % in the second half of the year, mostly in the north, while the cost of
energy fell. The board decided, with one vote against, to open a second warehouse next spring.""",
    "Wie lange dauert die Lieferung nach Österreich, und wer zahlt den Zoll?",
    """Die Kündigung bedarf der Schriftform. Sie ist spätestens drei Monate vor Ende des Jahres bei
der Verwaltung einzureichen; maßgeblich ist der Tag, an dem das Schreiben eingeht.""",
    "¿Dónde puedo consultar el estado de mi pedido?",
    "La réunion est reportée au mardi suivant ; l'ordre du jour suivra.",
    "Договор вступает в силу со дня его подписания обеими сторонами.",  # noqa: RUF001 - Russian
    "この文書は社外秘です。許可なく複製しないでください。",
    "يرجى إرسال الطلب قبل نهاية الشهر",
    "| Part | Stock | Price |\n|---|---|---|\n| Hinge, left | 14 | 3.20 |\n| Screw | 0 | 0.20 |",
    "def total(prices):\n    return sum(price for price in prices if price is not None)",
    "SELECT name, count(*) FROM orders WHERE shipped IS NULL GROUP BY name ORDER BY 2 DESC;",
    "https://example.org/manual?page=12#safety 2026-01-31T09:30:00Z ORD-000123/B",
    "no " * 30,
    "!!! ??? ... --- *** ((( ))) ### 100 % ~ 25 °C ± 0.5",
    " ".join(
        f"Paragraph {n}: the tenant shall keep the rooms clean, report any damage at once, and let "
        "the owner in after notice of one day."
        for n in range(1, 16)
    ),
)
