"""How the command prints tables."""

from rich.table import Table


def plain_table(*columns: str) -> Table:
    """Make a table without lines, readable in a pipe."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column)
    return table
