"""Commands that measure Quern and print what they measured."""
