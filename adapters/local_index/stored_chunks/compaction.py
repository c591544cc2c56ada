"""Compaction of rows: those that live are copied into new files, and the others are given back."""

from adapters.local_index.stored_chunks.row_store import JOURNAL, RowStore


def compacted(store: RowStore) -> RowStore:
    """
    Copy the live generations into files of the next number, and remove the old ones.

    The rename of the journal makes the new files the ones that count. Killed before it, the copy
    is removed at the next start (`clear_away`); killed after it, the old files are.
    """
    place = store.files.folder / JOURNAL
    fresh = RowStore.begin(
        place.with_suffix(".new"), store.files.number + 1, dimension=store.files.dimension
    )
    try:
        _copy(store, fresh)
        fresh.commit(cursor=store.cursor, log_epoch=store.log_epoch)
        fresh.journal.rename(place)
    except BaseException:
        fresh.close()
        raise
    store.journal.close()
    store.files.remove()
    return fresh


def clear_away(store: RowStore) -> None:
    """Remove files of a compaction that did not end."""
    for file in store.files.folder.iterdir():
        if file.name != JOURNAL and not file.name.endswith(f"-{store.files.number}"):
            file.unlink()


def _copy(store: RowStore, fresh: RowStore) -> None:
    """Copy the live generations of *store*, in the order of their rows."""
    vectors, records, places = store.files.map()
    lines = {
        f"{line['add']}:{line['generation']}": line
        for line in store.journal.lines()
        if "add" in line
    }
    for name, entry in sorted(store.known.items(), key=lambda item: item[1].start):
        rows = slice(entry.start, entry.start + entry.count)
        copied = [records[at : at + length].tobytes() for at, length in places[rows].tolist()]
        fresh.append(lines[name], vectors[rows].tobytes(), copied)
