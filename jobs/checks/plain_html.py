"""HTML without anything that acts or loads: text, tables and their classes stay, all else is left out."""

from __future__ import annotations

import html
from html.parser import HTMLParser

KEPT = {"b", "br", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "i", "li", "ol", "p", "span", "strong"}
KEPT |= {"table", "tbody", "td", "th", "thead", "tr", "ul"}
ALONE = {"br"}  # without an end
SILENT = {"button", "script", "style", "svg", "title"}  # left out with all that is in them
ATTRIBUTES = {"class", "hidden"}


def plain(text: str) -> str:
    """The text with the tags of `KEPT` and the attributes of `ATTRIBUTES` alone; links become their words."""
    parser = _Plain()
    parser.feed(text)
    parser.close()
    return "".join(parser.parts)


class _Plain(HTMLParser):
    """Gathers what is kept, as it passes by."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        if tag in KEPT and not self._silent:
            kept = [f' {name}="{html.escape(value or "")}"' for name, value in attrs if name in ATTRIBUTES]
            self.parts.append(f"<{tag}{''.join(kept)}>")

    def handle_endtag(self, tag: str) -> None:
        if tag in KEPT - ALONE and not self._silent:
            self.parts.append(f"</{tag}>")
        self._silent = max(self._silent - (tag in SILENT), 0)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(html.escape(data, quote=False))
