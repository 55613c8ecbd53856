"""YAML that is plain data: no tags of Python, no double keys, no more than a settings file can mean.

A file is refused where it is nested deeper than any settings are, or where its aliases stand for more values
than a person would write ("billion laughs").
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from jobs.settings.wording import shown

DEEPEST = 50
MOST_SHOWN = 160  # characters of the parser's reason, which quotes the file
LONGEST_NUMBER = 1024  # bits of a whole number
MOST_VALUES = 500_000  # with every alias written out
KEYS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"}  # a text, or << that takes over another section


class NotPlain(ValueError):
    """Text that is no plain YAML: the reason, and its line (from 1) where it is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


def load(text: str) -> Any:
    """The data of a text; every key in it is a text. Raises NotPlain."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        return yaml.load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise NotPlain(shown(error.problem or "it is not YAML", MOST_SHOWN), line) from None
    except YAMLError:
        raise NotPlain("it has a character that YAML does not take") from None
    except RecursionError:
        raise NotPlain(f"it is nested deeper than {DEEPEST} levels") from None


class _Constructor(SafeConstructor):
    """Makes data of a document that has been measured; tells by its line what is no value of Python."""

    def construct_document(self, node: Node) -> Any:
        _Measure().of(node)
        return super().construct_document(node)

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep=deep)
        except (YAMLError, NotPlain, RecursionError):
            raise
        except Exception:  # a date, number or tagged value: each kind raises an error of its own
            raise NotPlain("a value is no date or number that can be read; quote it", _line(node)) from None
        if isinstance(value, int) and value.bit_length() > LONGEST_NUMBER:
            raise NotPlain("a number has more digits than any setting takes", _line(node))
        return value


class _Measure:
    """How many values each part of a document stands for, with every alias written out."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self.open: set[int] = set()

    def of(self, node: Node, depth: int = 1) -> int:
        """The size of a part. Raises NotPlain where it is too deep, too large, or a part of itself."""
        if isinstance(node, ScalarNode):
            return 1
        if id(node) in self.open:
            raise NotPlain("an alias stands inside what it stands for", _line(node))
        if depth > DEEPEST:
            raise NotPlain(f"it is nested deeper than {DEEPEST} levels", _line(node))
        if id(node) not in self.sizes:
            self.open.add(id(node))
            self.sizes[id(node)] = 1 + sum(self.of(part, depth + 1) for part in _parts(node))
            self.open.remove(id(node))
        if self.sizes[id(node)] > MOST_VALUES:
            raise NotPlain(f"its aliases stand for more than {MOST_VALUES} values", _line(node))
        return self.sizes[id(node)]


def _parts(node: Node) -> Iterable[Node]:
    if isinstance(node, SequenceNode):
        return node.value
    assert isinstance(node, MappingNode)
    for key, _ in node.value:
        if key.tag not in KEYS:
            raise NotPlain("a key is no text; write it in quotes", _line(key))
    return [part for pair in node.value for part in pair]


def _line(node: Node) -> int:
    return node.start_mark.line + 1
