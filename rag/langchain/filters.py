"""What a metadata filter says, as a test of metadata.

    {"language": "ko"}                          is equal
    {"source": ["py:torch.stack", "file:a.md"]} is one of these
    {"source": {"$glob": "py:torch.nn.*"}}      fits a pattern with * ? []
    {"year": {"$gte": 2020, "$lt": 2024}}       $eq $ne $gt $gte $lt $lte $in $nin $glob $exists
    {"$or": [{...}, {...}]}                     $and $or $not

Several keys must all hold. Of a value that is a list (`aliases`), one item must hold.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from rag.errors import UsageError

Metadata = Mapping[str, Any]
Predicate = Callable[[Metadata], bool]
Filter = Metadata | Predicate | None
_Test = Callable[[Any], bool]
_MISSING = object()


def read_filter(given: Filter) -> Predicate:
    """The test that `given` stands for; a function is taken as it is, None lets all through.

    Raises UsageError for an operator that there is not, or a value that it cannot take.
    """
    if given is None:
        return lambda metadata: True
    if callable(given):
        return given
    if not isinstance(given, Mapping):
        raise UsageError(f"a filter is a dict or a function of metadata, not {given!r}")
    parts = [_part(key, value) for key, value in given.items()]
    return lambda metadata: all(part(metadata) for part in parts)


def _part(key: str, value: Any) -> Predicate:
    if key in ("$and", "$or"):
        if not isinstance(value, list | tuple):
            raise UsageError(f"{key} takes a list of filters, not {value!r}")
        parts = [read_filter(one) for one in value]
        join = all if key == "$and" else any
        return lambda metadata: join(part(metadata) for part in parts)
    if key == "$not":
        inner = read_filter(value)
        return lambda metadata: not inner(metadata)
    if key.startswith("$"):
        raise UsageError(f"there is no {key}; between filters stand $and, $or and $not")
    tests = _tests(value)
    return lambda metadata: all(test(metadata.get(key, _MISSING)) for test in tests)


def _tests(value: Any) -> list[_Test]:
    if isinstance(value, Mapping) and any(str(name).startswith("$") for name in value):
        return [_test(name, operand) for name, operand in value.items()]
    return [_test("$in" if isinstance(value, list | tuple | set | frozenset) else "$eq", value)]


def _test(name: str, operand: Any) -> _Test:
    if name == "$exists":
        return lambda found: (found is not _MISSING and found is not None) is bool(operand)
    if name in ("$ne", "$nin"):
        other = _test("$eq" if name == "$ne" else "$in", operand)
        return lambda found: not other(found)
    if name not in _COMPARE:
        raise UsageError(f"there is no {name}; there are {', '.join([*_COMPARE, *_OTHERS])}")
    if name == "$in" and not isinstance(operand, list | tuple | set | frozenset):
        raise UsageError(f"$in and $nin take a list, not {operand!r}")
    compare = _COMPARE[name]
    return lambda found: any(_holds(compare, one, operand) for one in _items(found))


def _items(found: Any) -> tuple[Any, ...]:
    if found is _MISSING:
        return ()
    return (found, *found) if isinstance(found, list | tuple) else (found,)


def _holds(compare: Callable[[Any, Any], Any], found: Any, operand: Any) -> bool:
    try:
        return bool(compare(found, operand))
    except TypeError:  # a date that is None is neither before nor after another
        return False


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "$eq": operator.eq,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
    "$in": lambda found, operand: any(found == one for one in operand),
    "$glob": lambda found, operand: isinstance(found, str) and fnmatchcase(found, operand),
}
_OTHERS = ("$ne", "$nin", "$exists")
