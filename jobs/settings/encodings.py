"""Encodings by the names that Python, statistical packages and Java give them.

A run file may use any name Python knows. Only encodings that hold a table's text one way are taken:
those that Java's reader knows as well, by the name in `JAVA`.
"""

from __future__ import annotations

import codecs

# Python's name of a codec to Java's name of the charset.
JAVA = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "ascii": "US-ASCII",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16LE",
    "utf-16-be": "UTF-16BE",
    "utf-32": "UTF-32",
    "utf-32-le": "UTF-32LE",
    "utf-32-be": "UTF-32BE",
    **{f"iso8859-{part}": f"ISO-8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15, 16)},
    **{f"cp{page}": f"windows-{page}" for page in range(1250, 1259)},
    **{f"cp{page}": f"IBM{page}" for page in (437, 775, 850, 852, 855, 857, 858, 862, 866)},
    "koi8-r": "KOI8-R",
    "koi8-u": "KOI8-U",
    "mac-roman": "x-MacRoman",
    "mac-latin2": "x-MacCentralEurope",
    "mac-cyrillic": "x-MacCyrillic",
    "mac-greek": "x-MacGreek",
    "mac-turkish": "x-MacTurkish",
}
# A byte of these is no character of a table by itself, so that lines cannot be told by their bytes.
WIDE = {"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"}


def python_name(encoding: str) -> str:
    """The codec's own name in Python. Raises LookupError, in words, for one that is unknown or not taken."""
    try:
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):  # a name with a null byte is a ValueError
        name = ""
    if name not in JAVA:
        raise LookupError(
            f"{encoding!r} is no encoding of tables that is known here; such as utf-8, windows-1252 or utf-16"
        )
    return name


def java_name(encoding: str) -> str:
    """The charset's name in Java. Raises LookupError as `python_name` does."""
    return JAVA[python_name(encoding)]
