"""YAML as people write it by hand: a key that is there twice is a slip, and no second opinion."""

from collections.abc import Hashable
from typing import Any

import yaml

from safety.errors import InvalidInput

_MERGE = "tag:yaml.org,2002:merge"


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        known = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _MERGE:
                continue  # the base class refuses it, or puts in what is not there yet
            key = self.construct_object(key_node)
            if key in known:
                raise InvalidInput(f"line {key_node.start_mark.line + 1}: the key {key!r} is there twice")
            known.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(content: bytes) -> object:
    """Return the one document that `content` holds, as plain objects.

    Raises:
        InvalidInput: it is not YAML, or a key is there twice.
    """
    try:
        loader = _StrictLoader(content)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"this is not YAML: {_problem(error)}") from error


def _problem(error: Exception) -> str:
    """Return what is wrong, on one line; the library quotes the text over several."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or error.context}"
    if isinstance(error, yaml.reader.ReaderError):
        return f"character {error.position + 1} is of no use in it"
    return " ".join(str(error).split())
