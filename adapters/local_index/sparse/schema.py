"""The fields of the sparse index, and the record in it that holds its cursor."""

import json

import tantivy

from adapters.local_index.errors import IndexUnusable
from adapters.local_index.sparse.chunk_names import declare_names
from adapters.local_index.sparse.sparse_queries import BESIDE, TERMS

FORMAT_VERSION = "6"

UNKNOWN = "und"  # ISO 639-2 for a language that nobody could tell: a term cannot be empty

RECORD = "record"  # field and only value that mark the document which holds the cursor


def schema() -> tantivy.Schema:
    """Describe the fields; a change here needs a new FORMAT_VERSION."""
    builder = tantivy.SchemaBuilder()
    declare_names(builder)
    builder.add_text_field("generation", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("generation_hash", fast=True)
    builder.add_text_field("facts", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("language", tokenizer_name="raw", index_option="basic")
    builder.add_text_field(TERMS, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field(BESIDE, tokenizer_name="whitespace", index_option="basic")
    builder.add_text_field(RECORD, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("value", stored=True, tokenizer_name="raw", index_option="basic")
    return builder.build()


def read_record(index: tantivy.Index) -> dict[str, str]:
    """Read the record of the last commit."""
    index.reload()
    searcher = index.searcher()
    query = tantivy.Query.term_query(index.schema, RECORD, RECORD, "basic")
    hits = searcher.search(query, 2, count=False).hits
    if len(hits) != 1:
        raise IndexUnusable(f"the index holds {len(hits)} cursors instead of one")
    record = json.loads(str(searcher.doc(hits[0][1]).get_first("value")))
    return {key: str(value) for key, value in record.items()}
