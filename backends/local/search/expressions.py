"""Compilation of SearchExpressions into predicates on records, with validation of all names and values.

Property names are resolved through the shape of the record, so members added by a new botocore can be searched. Our
choices where AWS's behavior is unknown: text is case-sensitive; NotEquals is the exact negation of Equals, so it
matches a record without the property; a value given with Exists or NotExists is ignored; structures, maps and lists of
structures support only existence tests, and an empty list does not exist; timestamps are compared to the millisecond,
so a value may have a fraction and a Z; a request may use Contains once per property name.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ...errors import ValidationException
from ...service.model import Shape

Record = Mapping[str, Any]
Predicate = Callable[[Record], bool]
Values = Callable[[Any], Iterable[Any]]

MAX_ELEMENTS = 20
MAX_ELEMENTS_IN_ALL = 50


class Kind(msgspec.Struct, frozen=True):
    """A kind of property: its noun in error messages, the syntax of a filter's value, and the parser of that value.

    `stored` is the type of its values in records; values of other types are ignored.
    """

    noun: str
    stored: type | tuple[type, ...]
    written: re.Pattern[str] = re.compile(".*", re.DOTALL)
    read: Callable[[str], Any] = str


TEXT = Kind("text", str)
NUMBER = Kind("a number", (int, float), re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?"), float)
TIMESTAMP = Kind(
    "a timestamp, written YYYY-mm-ddTHH:MM:SS in UTC",
    (int, float),  # epoch seconds
    re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z?"),
    lambda text: datetime.fromisoformat(text.removesuffix("Z") + "+00:00").timestamp(),
)
BOOLEAN = Kind(
    "true or false", bool, re.compile("true|false", re.IGNORECASE | re.ASCII), lambda text: text.lower() == "true"
)
STRUCTURE = Kind("a structure", (dict, list))

SCALARS = (TEXT, NUMBER, TIMESTAMP, BOOLEAN)
ORDERED = (NUMBER, TIMESTAMP)

_KINDS = {
    "string": TEXT,
    **dict.fromkeys(("integer", "long", "float", "double"), NUMBER),
    "timestamp": TIMESTAMP,
    "boolean": BOOLEAN,
}


class Property(msgspec.Struct, frozen=True):
    """A resolved property name; `values` returns its values in a record: none, one or, through lists, several."""

    shape: Shape
    values: Values

    @property
    def element(self) -> Shape:
        """The shape of a value; for a list, that of its elements."""
        return getattr(self.shape, "member", self.shape)

    @property
    def kind(self) -> Kind:
        return _kind(self.element)


def _kind(shape: Shape) -> Kind:
    return _KINDS.get(shape.type_name, STRUCTURE)


def property_of(shape: Shape, name: str, called: str = "") -> Property:
    """Resolve a property name in a shape: a member, a dotted path, `Tags.<key>` or a key of a map.

    Raises:
        ValidationException: unknown property; the message uses `called`, the client's spelling, if not empty.
    """
    try:
        return _walk(shape, name)
    except KeyError as error:
        raise ValidationException(f"Unknown property name: {called or name}") from error


def _walk(shape: Any, path: str | None) -> Property:
    """Follow a path, where None is its end; raise KeyError if it does not exist."""
    if path is None:
        return Property(shape, _of_a_list(shape.member) if shape.type_name == "list" else _itself(shape))
    if not path:
        raise KeyError(path)
    return _STEPS[shape.name if shape.name in _STEPS else shape.type_name](shape, path)


def _into_structure(shape: Any, path: str) -> Property:
    name, dot, rest = path.partition(".")
    return _through(lambda value: _present(value, name), _walk(shape.members[name], rest if dot else None))


def _into_list(shape: Any, path: str) -> Property:
    return _through(_of_a_list(shape.member), _walk(shape.member, path))


def _into_map(shape: Any, key: str) -> Property:
    """Use the rest of the path, including dots, as the key: no map of the registry contains structures."""
    return _through(lambda entries: _present(entries, key), _walk(shape.value, None))


def _into_tags(shape: Any, key: str) -> Property:
    value = _walk(shape.member, "Value")
    tags = _of_a_list(shape.member)
    return _through(lambda listed: [tag for tag in tags(listed) if tag.get("Key") == key], value)


def _through(step: Values, rest: Property) -> Property:
    return Property(rest.shape, lambda value: [found for item in step(value) for found in rest.values(item)])


def _present(value: Any, name: str) -> tuple[Any, ...]:
    found = value.get(name) if isinstance(value, dict) else None
    return () if found is None else (found,)


def _of_a_list(member: Shape) -> Values:
    stored = _kind(member).stored
    return lambda values: [value for value in values if isinstance(value, stored)] if isinstance(values, list) else ()


def _itself(shape: Shape) -> Values:
    stored = _kind(shape).stored
    return lambda value: (value,) if isinstance(value, stored) else ()


_STEPS: dict[str, Callable[[Any, str], Property]] = {
    # By shape name, else by shape type.
    "TagList": _into_tags,
    "structure": _into_structure,
    "list": _into_list,
    "map": _into_map,
}


class Operator(msgspec.Struct, frozen=True):
    """A filter operator: it matches if any value of the property passes the test or, if negated, none does.

    It applies to properties of these `kinds`; `operand` converts the filter's value once for the test.
    """

    kinds: Sequence[Kind]
    test: Callable[[Any, Any], bool]
    operand: Callable[[Any], Any] = lambda value: value
    takes_value: bool = True
    negated: bool = False


OPERATORS: dict[str, Operator] = {
    "Equals": Operator(SCALARS, operator.eq),
    "NotEquals": Operator(SCALARS, operator.eq, negated=True),
    "GreaterThan": Operator(ORDERED, operator.gt),
    "GreaterThanOrEqualTo": Operator(ORDERED, operator.ge),
    "LessThan": Operator(ORDERED, operator.lt),
    "LessThanOrEqualTo": Operator(ORDERED, operator.le),
    "Contains": Operator((TEXT,), operator.contains),
    "In": Operator((TEXT,), lambda value, listed: value in listed, operand=lambda text: text.split(",")),
    "Exists": Operator((*SCALARS, STRUCTURE), lambda *_: True, takes_value=False),
    "NotExists": Operator((*SCALARS, STRUCTURE), lambda *_: True, takes_value=False, negated=True),
}

COMBINATIONS: dict[str, Callable[[Iterable[bool]], bool]] = {"And": all, "Or": any}


def matching(shape: Shape, expression: Mapping[str, Any]) -> Predicate:
    """Compile a SearchExpression into a predicate on records of the shape.

    Raises:
        ValidationException: the expression is empty or too large, has an unknown property or an unsupported comparison.
            Only the messages for unknown properties and Contains are AWS's.
    """
    elements = list(_elements(expression))
    if len(elements) > MAX_ELEMENTS_IN_ALL:
        raise ValidationException(
            f"A SearchExpression can contain at most {MAX_ELEMENTS_IN_ALL} filters, nested filters and "
            f"subexpressions at all levels; this one has {len(elements)}."
        )
    contained = Counter(element["Name"] for element in elements if element.get("Operator") == "Contains")
    if any(uses > 1 for uses in contained.values()):
        raise ValidationException("'CONTAINS' operator usage limit of 1 exceeded.")
    return _expression(shape, expression)


def visible(shape: Shape, conditions: Iterable[Mapping[str, str]]) -> Predicate:
    """Compile VisibilityConditions: each tag has the given value, or the record lacks it."""
    wanted = [(condition.get("Key", ""), condition.get("Value")) for condition in conditions]
    if not all(key.startswith("Tags.") and value is not None for key, value in wanted):
        raise ValidationException("A visibility condition requires a Key of the form Tags.<key> and a Value.")
    tags = [(property_of(shape, key), value) for key, value in wanted]
    return lambda record: all(found == value for tag, value in tags for found in tag.values(record))


def _elements(expression: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield all elements at any depth, with the full names of filters in nested filters."""
    yield from expression.get("Filters", ())
    for nested in expression.get("NestedFilters", ()):
        yield nested
        prefix = f"{nested['NestedPropertyName']}."
        yield from ({**asked, "Name": prefix + asked["Name"].removeprefix(prefix)} for asked in nested["Filters"])
    for inner in expression.get("SubExpressions", ()):
        yield inner
        yield from _elements(inner)


def _expression(shape: Shape, expression: Mapping[str, Any]) -> Predicate:
    parts = [compiled(shape, part) for member, compiled in _PARTS.items() for part in expression.get(member, ())]
    if not 1 <= len(parts) <= MAX_ELEMENTS:
        raise ValidationException(
            f"A SearchExpression requires 1 to {MAX_ELEMENTS} filters, nested filters and subexpressions; "
            f"this one has {len(parts)}."
        )
    combine = COMBINATIONS[expression.get("Operator", "And")]
    return lambda record: combine(part(record) for part in parts)


def _nested(shape: Shape, asked: Mapping[str, Any]) -> Predicate:
    """Match if one object of the list meets all filters; filter names are full or relative (our choice)."""
    name = asked["NestedPropertyName"]
    listed = property_of(shape, name)
    if listed.shape.type_name != "list" or listed.element.type_name != "structure":
        raise ValidationException(f"NestedPropertyName {name} is not a list of structures.")
    filters = [_filter(listed.element, each, within=f"{name}.") for each in asked["Filters"]]
    return lambda record: any(all(holds(item) for holds in filters) for item in listed.values(record))


def _filter(shape: Shape, asked: Mapping[str, Any], within: str = "") -> Predicate:
    called, name = asked["Name"], asked.get("Operator", "Equals")
    subject = property_of(shape, called.removeprefix(within), called)
    rule = OPERATORS.get(name)
    if rule is None or subject.kind not in rule.kinds:
        raise ValidationException(f"Operator {name} is not supported for {called}, which is {subject.kind.noun}.")
    operand = _operand(subject, rule, asked) if rule.takes_value else None
    return lambda record: any(rule.test(value, operand) for value in subject.values(record)) is not rule.negated


def _operand(subject: Property, rule: Operator, asked: Mapping[str, Any]) -> Any:
    value, kind = asked.get("Value"), subject.kind
    if value is None:
        raise ValidationException(f"The filter on {asked['Name']} requires a Value.")
    try:
        if kind.written.fullmatch(value):
            return rule.operand(kind.read(value))
    except ValueError:  # such as month 13 or second 60
        pass
    raise ValidationException(f"The Value '{value}' of the filter on {asked['Name']} is not {kind.noun}.")


_PARTS: dict[str, Callable[[Shape, Mapping[str, Any]], Predicate]] = {
    "Filters": _filter,
    "NestedFilters": _nested,
    "SubExpressions": _expression,
}
