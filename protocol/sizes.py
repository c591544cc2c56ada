"""What work takes of Redis' memory: measured on real questions and documents, rounded up."""

from typing import Final

from runtime.redis_options import COMPACT

#: What a row takes beside its own text when it is admitted: its key, the fields that scripts add,
#: its places in a lane, among the deadlines and the rows of its job. Measured: 950 bytes.
ROW_BYTES: Final = 1_200

#: What an open unit may still take until its end. Of a question: 2 KB of sources, 4 KB of result
#: (what is larger lies in the blob store), half a KB of other fields, and room that Redis grows by.
GROWTH_BATCH: Final = 10_240
#: The same with an event stream: 512 tokens, each written as an event of its own, take 36 KB.
GROWTH_INTERACTIVE: Final = 49_152
#: Of a document: names of blobs in its row, its entries in the catalogue, its entry in the change
#: log. Its metadata, which the catalogue has once more, comes on top.
GROWTH_DOCUMENT: Final = 3_072

#: Hexadecimal digits of a fingerprint that are kept: 64 bits tell versions of a document apart.
FINGERPRINT_DIGITS: Final = 16

#: A hash of more fields is kept as a table, with three times the bytes, and takes long to free. So
#: the archived rows of a job are spread over hashes that have no more, each time over sixteen times
#: as many, up to those by so many digits: room for 8.9 million rows.
ARCHIVED_FIELDS: Final = COMPACT["hash-max-ziplist-entries"]
ARCHIVED_DIGITS: Final = 4

#: The same for which bytes became which document, with a field to spare for how many letters there
#: are: so many at most, which is room for 8.9 million documents. The last hashes may have more.
BY_HASH_FIELDS: Final = COMPACT["hash-max-ziplist-entries"] - 1
BY_HASH_LETTERS: Final = 4
