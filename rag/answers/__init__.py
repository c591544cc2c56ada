"""Answers of any generator: prompts, replies, citations, follow-ups, reasons for none."""
