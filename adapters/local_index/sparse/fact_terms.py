"""What is known of a chunk as terms of the sparse index, and filters as queries on them."""

import hashlib

import tantivy

from rag.documents import Scalar
from rag.metadata.filters import And, Compare, Exists, Facts, Filter, In, Not, Or, kind, several


def fact_term(field: str, value: Scalar | None = None) -> str:
    """Return the term of chunks of which *field* is *value*, or, without one, anything."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # the same number
    said = (field,) if value is None else (field, kind(value), value)
    return hashlib.blake2b(repr(said).encode(), digest_size=16).hexdigest()


def fact_terms(known: Facts) -> list[str]:
    """Return the terms of a chunk of these facts."""
    return [
        *(fact_term(field) for field in known),
        *(fact_term(field, one) for field, value in known.items() for one in several(value)),
    ]


def matching(schema: tantivy.Schema, filters: Filter) -> tantivy.Query:
    """Ask for the chunks that match a filter without bounds."""
    match filters:
        case In(field, values):
            named = [fact_term(field, value) for value in values]
            return tantivy.Query.term_set_query(schema, "facts", named)
        case Exists(field):
            return tantivy.Query.term_query(schema, "facts", fact_term(field), "basic")
        case And(parts):
            return tantivy.Query.boolean_query(
                [(tantivy.Occur.Must, matching(schema, part)) for part in parts]
            )
        case Or(parts):
            return tantivy.Query.boolean_query(
                [(tantivy.Occur.Should, matching(schema, part)) for part in parts]
            )
        case Not(part):
            return tantivy.Query.all_query().and_must_not_match(matching(schema, part))
        case Compare():
            raise ValueError("a bound is no term")


def only(asked: tantivy.Query, among: tantivy.Query) -> tantivy.Query:
    """Leave out what is not *among*, and change no score."""
    return asked.and_must_match(tantivy.Query.const_score_query(among, 0.0))
