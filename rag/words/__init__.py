"""Words of a text as terms: stems, compounds, symbols, identifiers, stop words."""
