"""Analysis of text into index terms: stems, compounds, symbols, identifiers, stop words."""
