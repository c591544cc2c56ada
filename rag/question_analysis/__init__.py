"""What a question asks for: its words that count, kinds of things, names of members."""
