"""What the vector store holds of each generation: which chunks, of how many."""

from dataclasses import dataclass


@dataclass(slots=True)
class Held:
    """The chunks of a generation that are there: a bit for each, and how many there should be."""

    bits: int
    of: int

    @property
    def whole(self) -> bool:
        """Whether no chunk is missing."""
        return self.has_first(self.of)

    @property
    def chunks(self) -> int:
        """How many ids have to be deleted to be rid of it."""
        return max(self.of, self.bits.bit_length())

    def has_first(self, chunks: int) -> bool:
        """Return True if the first *chunks* are there, and no other."""
        return self.bits == (1 << chunks) - 1


#: By document and generation.
StoredGenerations = dict[tuple[str, int], Held]
