"""A store of cached bytes in a dict."""

from collections.abc import Collection, Mapping, Sequence


class DictStore:
    """A `BytesStore` in a dict; counts its calls and never forgets."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.ttls: dict[str, int] = {}
        self.used: list[str] = []
        self.trouble = ""
        self.reads = 0

    def get_many(self, keys: Sequence[str], *, ttl_s: int) -> list[bytes | None]:
        """Return the value of each key, None where there is none."""
        self.reads += 1
        self.ttls.update({key: ttl_s for key in keys if key in self.values})
        return [self.values.get(key) for key in keys]

    def set_many(
        self, items: Mapping[str, bytes], *, ttl_s: int, used: Collection[str] = ()
    ) -> list[str]:
        """Keep each value; returns those of *used* that are not here."""
        self.used.extend(sorted(used))
        self.values.update(items)
        self.ttls.update(dict.fromkeys(items, ttl_s))
        return [key for key in used if key not in self.values]
