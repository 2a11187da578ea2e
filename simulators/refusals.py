"""Refusals: why a file was refused, in one line that says where, and what would do."""

from msgspec import ValidationError, inspect

from simulators.marked_yaml import Marked, steps

_AT = " - at `"


def refusal(error: ValidationError, document: Marked, wanted: type) -> str:
    """Return what is wrong with `document`, which should be a `wanted`: its line, its path, the choices."""
    text = str(error)
    fault, at, path = text.rpartition(_AT)
    if not at:
        return text
    path = path.rstrip("`")
    allowed = _choices(wanted, path) if fault.startswith("Invalid enum value") else []
    instead = f": expected {', '.join(allowed)}" if allowed else ""
    return f"line {document.line(path)}: {text}{instead}"


def _choices(wanted: type, path: str) -> list[str]:
    """Return the words that may stand at `path` of a `wanted`."""
    types = [inspect.type_info(wanted)]
    for step in steps(path):
        types = [inner for each in types for inner in _inside(each, step)]
    # What is refused of a mapping as a whole is one of its keys.
    types = [each.key_type if isinstance(each, inspect.DictType) else each for each in _plain(types)]
    words = (each.values for each in types if isinstance(each, inspect.LiteralType))
    return [str(word) for values in words for word in values]


def _inside(outer: inspect.Type, step: str | int) -> list[inspect.Type]:
    found: list[inspect.Type] = []
    for each in _plain([outer]):
        if isinstance(each, inspect.StructType):
            found += [field.type for field in each.fields if field.encode_name == step]
        elif isinstance(each, inspect.VarTupleType) and isinstance(step, int):
            found.append(each.item_type)
    return found


def _plain(types: list[inspect.Type]) -> list[inspect.Type]:
    """Return `types` with what unions are made of in place of the unions."""
    found: list[inspect.Type] = []
    for each in types:
        found += _plain(list(each.types)) if isinstance(each, inspect.UnionType) else [each]
    return found
