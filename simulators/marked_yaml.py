"""YAML as people write it by hand, with the line of each part; a key that is there twice is a slip."""

import re
from collections.abc import Hashable
from typing import Any, NamedTuple

import yaml

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        known = set()
        for key, _value in node.value:
            if key.value in known:
                line = key.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: the key {key.value!r} is there twice")
            known |= {key.value} if isinstance(key, yaml.ScalarNode) else set()
        return super().construct_mapping(node, deep)


class Marked(NamedTuple):
    """A document as plain objects, and the nodes that they were made of."""

    tree: Any
    root: yaml.Node | None

    def line(self, path: str) -> int:
        """Return the line, from 1, of what is at `path` (`$.steps[0].do`), or of what it would be in."""
        node, line = self.root, 1
        for step in steps(path):
            if node is None:
                break
            line = node.start_mark.line + 1
            node = _within(node, step)
        return line if node is None else node.start_mark.line + 1


def steps(path: str) -> list[str | int]:
    """Return the keys and indexes of a path such as `$.steps[0].do`."""
    return [key or int(index) for key, index in _STEP.findall(path)]


def read(text: str) -> Marked:
    """Read one document.

    Raises:
        yaml.YAMLError: it is none, or a key is there twice.
        ValueError: a value cannot be, such as the 45th of a month.
    """
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return Marked(loader.construct_document(root) if root is not None else None, root)
    finally:
        loader.dispose()


def _within(node: yaml.Node, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    return None
