"""The log of a process: lines, what they may say, and the ids they carry."""
