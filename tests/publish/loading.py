"""What a page would load from elsewhere, read from its source apart from the code that wrote it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

ADDRESSED = {"src", "href", "srcset", "action", "formaction", "data", "poster", "background"}
ADDRESSED |= {"content", "style"}
ELSEWHERE = re.compile(r"https?:|//|url\s*\(\s*['\"]?\s*(?!#|data:)|@import", re.IGNORECASE)


def loads(page: str) -> list[str]:
    """Every attribute and style of a page that names another place, and every script."""
    parser = _Addresses()
    parser.feed(page)
    parser.close()
    return parser.found


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        if tag == "script":
            self.found.append("a script")
        for name, value in attrs:
            if name.startswith("on") or (name in ADDRESSED and ELSEWHERE.search(value or "")):
                self.found.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if self._style and ELSEWHERE.search(data):
            self.found.append("a style")
