"""Options of the queue's Redis on which the size of a row depends, named as all versions know."""

from typing import Final

#: A hash within these bounds lies in one piece of memory, a third of what it takes with a table:
#: most fields of a row are short, one or two are texts of some KB. No script of ours is slower so.
#: A stream takes its first node whole, 4 KB by default, and most have few entries. Redis 7 and
#: Valkey call a ziplist a listpack, and take the old names too.
COMPACT: Final[dict[str, int]] = {
    "hash-max-ziplist-entries": 128,
    "hash-max-ziplist-value": 8192,
    "stream-node-max-bytes": 512,
}
