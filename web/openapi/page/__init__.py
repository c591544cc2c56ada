"""The description of the API as a page for people: its calls, types and refusals in words."""
