"""Names of files from labels of the data, such as those of groups."""

from __future__ import annotations

from itertools import count

LONGEST = 120  # characters


class FileNames:
    """Gives each file a name of its own; where labels differ only in letters no name can have, a number."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def stem(self, *labels: str) -> str:
        """A name without its ending, of letters, digits, _ and - alone."""
        text = "_".join(labels)
        plain = "".join(letter if letter.isalnum() or letter in "_-" else "_" for letter in text)[:LONGEST]
        numbered = (f"{plain}_{number}" for number in count(2))
        name = plain if plain not in self._taken else next(n for n in numbered if n not in self._taken)
        self._taken.add(name)
        return name
