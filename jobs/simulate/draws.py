"""Random draws as functions of what they are for: the same whatever the order, blocks and cores.

A draw is the hash of a seed, a purpose and a key (texts and numbers), each hashed with the hash before it as
its seed, by XXH64 (Collet, https://github.com/Cyan4973/xxHash). Hashes of many keys are made at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]

SD_OF_UNIFORM = 3**0.5  # a uniform on (-1, 1) times this has standard deviation 1

# The primes of XXH64.
P1, P2, P3, P4, P5 = (
    np.uint64(prime)
    for prime in (
        *(0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9),
        *(0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5),
    )
)
FIRST = np.array(42, np.uint64)  # what the first part of a key is hashed with
WITHOUT_WARNING = np.errstate(over="ignore")  # products are meant modulo 2 to the 64th, of single words too
STRIPE = 32  # bytes that XXH64 takes at a time from long texts


@WITHOUT_WARNING
def begun(seed: int, *texts: str) -> Hashes:
    """The hash, of no dimension, of a seed (four bytes where they hold it, else eight) and texts."""
    if -(2**31) <= seed < 2**31:
        word = np.uint64(seed % 2**32)
        hashes = _finished(_rotated((FIRST + P5 + np.uint64(4)) ^ (word * P1), 23) * P2 + P3)
    else:
        hashes = of_numbers(FIRST, np.array(seed))
    for text in texts:
        hashes = of_texts(hashes, [text])[0]
    return hashes


@WITHOUT_WARNING
def of_numbers(hashes: Hashes, numbers: NDArray[np.int64]) -> Hashes:
    """The hashes of whole numbers of eight bytes, each with the hash in its place or with the only one."""
    return _of_words(hashes, _mixed(numbers.astype(np.uint64)))


@WITHOUT_WARNING
def of_texts(hashes: Hashes, texts: Sequence[str]) -> Hashes:
    """The hash of each text with each hash: the dimensions of `hashes`, and one more for the texts."""
    coded = [text.encode() for text in texts]
    out = np.empty((*hashes.shape, len(texts)), np.uint64)
    for length in {len(text) for text in coded}:
        places = [place for place, text in enumerate(coded) if len(text) == length]
        whole = b"".join(coded[place] for place in places)
        table = np.frombuffer(whole, np.uint8).reshape(len(places), length)
        out[..., places] = _of_bytes(hashes[..., np.newaxis], table)
    return out


def uniform(hashes: Hashes) -> Floats:
    """Uniform on [0, 1), of 53 random bits."""
    return (hashes >> np.uint64(11)) / float(1 << 53)


def bounded(uniform: Floats) -> Floats:
    """Mean 0, standard deviation 1, never outside +-1.732."""
    return (uniform * 2 - 1) * SD_OF_UNIFORM


class Draws:
    """Draws for numbered rows, told apart by the seed, a purpose, some texts and the number."""

    def __init__(self, numbers: NDArray[np.int64], seed: int, *texts: str) -> None:
        self.seed, self.texts = seed, texts
        self.words = _mixed(numbers.astype(np.uint64))

    @WITHOUT_WARNING
    def uniform(self, purpose: str) -> Floats:
        """Uniform on [0, 1)."""
        return uniform(_of_words(begun(self.seed, purpose, *self.texts), self.words))

    def bounded(self, purpose: str) -> Floats:
        """Mean 0, standard deviation 1, never outside +-1.732."""
        return bounded(self.uniform(purpose))

    def rounded(self, value: Floats, purpose: str) -> Floats:
        """A whole number whose expectation is `value`: rounded up with the probability of its fraction."""
        return np.floor(value + self.uniform(purpose))


def _of_words(hashes: Hashes, mixed: Hashes) -> Hashes:
    """XXH64 of words of eight bytes, which are mixed already."""
    return _finished(_rotated((hashes + (P5 + np.uint64(8))) ^ mixed, 27) * P1 + P4)


def _of_bytes(hashes: Hashes, table: NDArray[np.uint8]) -> Hashes:
    """XXH64 of texts of one length, a row of bytes each."""
    length = table.shape[1]
    state, start = hashes + P5, 0
    if length >= STRIPE:
        start = length - length % STRIPE
        state = _of_stripes(hashes, table[:, :start])
    state = state + np.uint64(length)
    rest = length - start
    for words in _words(table[:, start : length - rest % 8], "<u8"):
        state = _rotated(state ^ _mixed(words), 27) * P1 + P4
    if rest % 8 >= 4:
        end = length - rest % 4
        for words in _words(table[:, end - 4 : end], "<u4"):
            state = _rotated(state ^ (words * P1), 23) * P2 + P3
    for words in _words(table[:, length - rest % 4 :], "u1"):
        state = _rotated(state ^ (words * P5), 11) * P1
    return _finished(state)


def _of_stripes(hashes: Hashes, table: NDArray[np.uint8]) -> Hashes:
    """What XXH64 makes of the whole stripes at the beginning of texts."""
    lanes = [hashes + P1 + P2, hashes + P2, hashes, hashes - P1]
    for place, words in enumerate(_words(table, "<u8")):
        lanes[place % 4] = _rotated(lanes[place % 4] + words * P2, 31) * P1
    state = np.sum([_rotated(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)], axis=0)
    for lane in lanes:
        state = (state ^ _mixed(lane)) * P1 + P4
    return state


def _words(table: NDArray[np.uint8], kind: str) -> Iterator[Hashes]:
    """The words of texts, from the first to the last, each of all texts."""
    words = np.ascontiguousarray(table).view(kind).astype(np.uint64) if table.size else table
    yield from words.T


def _mixed(words: Hashes) -> Hashes:
    return _rotated(words * P2, 31) * P1


def _rotated(words: Hashes, bits: int) -> Hashes:
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))


def _finished(state: Hashes) -> Hashes:
    state = (state ^ (state >> np.uint64(33))) * P2
    state = (state ^ (state >> np.uint64(29))) * P3
    return np.asarray(state ^ (state >> np.uint64(32)))
