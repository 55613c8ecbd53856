"""One rule for what a code is when programs wrote it as a number; transforms.cells has it for Spark.

A file that went through a statistical package or a spreadsheet holds the code 5 as `5.0`, `5,00`, `05`, `+5`
or `5.0E0`. All of these have the canonical form `5`. Texts that are no whole number stay as they are, `10E5`
too: without a decimal mark or a plus sign the letter belongs to the code.
"""

from __future__ import annotations

import re
from decimal import Decimal

# Blanks of every kind, and the two marks of zero width that editors leave behind.
BLANKS = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200C)))
BLANKS += "\u2028\u2029\u202f\u205f\u3000\ufeff"

# Python and Java read these patterns alike.
WHOLE = r"^(?:\+|(-))?0*([0-9]+)(?:[.,]0*)?$"
# Three zeros after at most three digits may be a thousand: of an identifier they are not taken off.
WITH_ZEROS = r"^(?![0-9]{1,3}[.,]000$)([+-]?[0-9]+)[.,]0+$"
# At most 20 digits before the mark and 18 behind it: a decimal of Spark holds them exactly.
WITH_EXPONENT = r"^[+-]?[0-9]{1,20}(?:[.,][0-9]{0,18}[eE]\+?|[eE]\+)[0-9]{1,2}$"
TOO_LARGE = Decimal(10) ** 20


def written_out(text: str) -> str:
    """A text, or the whole number that it shows with a fraction of zeros or an exponent: `12.0`, `1.2E1`.

    Leading zeros, and exponents without a decimal mark or a plus sign, stay: so an identifier keeps them.
    """
    if re.match(WITH_EXPONENT, text):
        number = Decimal(text.replace(",", "."))
        whole = abs(number) < TOO_LARGE and number == int(number)
        return str(int(number)) if whole else text
    return re.sub(WITH_ZEROS, r"\1", text)


def canonical(text: str) -> str:
    """The form in which codes are compared: a whole number without plus sign, leading zeros and fraction."""
    if re.match(WITH_EXPONENT, text):
        text = written_out(text)
    plain = re.sub(WHOLE, r"\1\2", text)
    return "0" if plain == "-0" else plain
