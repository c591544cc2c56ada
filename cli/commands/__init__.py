"""The commands of `quern`, a module for each."""
