"""What a piece of text stands under: headings, numbered clauses, the head of a letter."""
