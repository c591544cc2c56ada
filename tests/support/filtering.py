"""Filters and facts for property-based tests: few names and values, so that they meet."""

from hypothesis import strategies as st

from rag.documents import Scalar, Value

NAMES = ("a", "b", "and", "metadata.a")
#: Values that are easily taken for each other, and edges of what a number can hold.
VALUES: list[Scalar] = [
    0, 1, 2, True, False, 0.0, 1.0, 1.5, -0.5, "1", "", "a", "b", "2020-01-31", "ä",
    2**53, 2**53 + 1, float(2**53), 2**63 - 1, -(2**63), 9.3e18, 0.1,
]  # fmt: skip

values = st.sampled_from(VALUES)
ordered = st.sampled_from([value for value in VALUES if not isinstance(value, bool)])
lists: st.SearchStrategy[Value] = st.lists(values, max_size=3)
metadata = st.dictionaries(st.sampled_from(NAMES), values | lists, max_size=4)
documents = st.sampled_from(["a", "b", "folder:c.md"])
fields = st.sampled_from(["a", "b", "metadata.and", "metadata.metadata.a", "document_id", "title"])
conditions = st.one_of(
    values,
    st.fixed_dictionaries({"eq": values}),
    st.fixed_dictionaries({"ne": values}),
    st.fixed_dictionaries({"in": st.lists(values, max_size=4)}),
    st.fixed_dictionaries({"not_in": st.lists(values, max_size=4)}),
    st.fixed_dictionaries({"exists": st.booleans()}),
    st.builds(lambda op, v: {op: v}, st.sampled_from(["gt", "gte", "lt", "lte"]), ordered),
)
filters = st.recursive(
    st.dictionaries(fields, conditions, min_size=1, max_size=3),
    lambda inner: st.one_of(
        st.builds(lambda word, parts: {word: parts}, st.sampled_from(["and", "or"]),
                  st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)  # fmt: skip
