"""What a control of the server takes, and how a request's parameters are read by that description.

The description is the only one: requests are checked by it, the page in the browser makes its buttons and forms from
it, and so can any other program.
"""

# ruff: noqa: EM101, EM102, TRY003 - a refusal is an HTTP response, not a traceback

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import attrs

from .backend.responses import Refusal
from .jsontext import Json, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Body", "Control", "Parameter", "Preset", "bad_control"]

Body: TypeAlias = Literal["none", "json", "text"]
"""What the body of the request is: empty, a JSON object of the parameters whose place is `body`, or any text."""

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_DIGITS: Final = 15
_LARGEST: Final = 10**_DIGITS
"""A whole number of at most so many digits is the same number in every language's JSON, and can be added to a time."""


def bad_control(message: str) -> Refusal:
    """Return the refusal of a request that is not as the control's description has it."""
    return Refusal(400, "ERR_BAD_CONTROL", message)


@attrs.frozen
class Parameter:
    """One parameter of a control.

    Attributes:
        name: its name.
        about: a sentence about it.
        schema: its type as a JSON Schema, with `default` where it has one. The `format` is `uid`, `guid`, `connection`
            or `message` where the value is the id of such a thing.
        place: `query` for the URL, `body` for the JSON object in the body.
        required: it cannot be left out.
    """

    name: str
    about: str
    schema: Json
    place: Literal["query", "body"] = "body"
    required: bool = False

    def read(self, value: object) -> Any:
        """Return *value*, which the request has for this parameter; raise `Refusal` if the schema does not allow it."""
        if self.place == "query":
            value = _from_text(str(value), self.schema)
        choices = self.schema.get("anyOf", [self.schema])
        if not any(_fits(value, choice) for choice in choices):
            wanted = " or ".join(_words(choice) for choice in choices)
            raise bad_control(f"{self.name} must be {wanted}, not {_shown(value)}.")
        return value

    def described(self) -> Json:
        """Return the description as JSON."""
        return {
            "name": self.name,
            "in": self.place,
            "about": self.about,
            "required": self.required,
            "schema": self.schema,
        }


@attrs.frozen
class Preset:
    """A use of a control that is common enough for a button of its own.

    Attributes:
        label: the words on the button.
        given: the parameters; those that it leaves out are chosen by the page (the user, the connection).
    """

    label: str
    given: Json = attrs.field(factory=dict)


@attrs.frozen
class Control:
    """One control of the server.

    Attributes:
        name: its name, and its path below `/control/`.
        method: the HTTP method.
        about: a sentence about what it does or returns.
        handler: does it: called with the server and the parameters by name. Returns JSON, or a `Response`. `None` for a
            control that the transport serves itself, as it must for an endless response.
        parameters: what it takes.
        body: what the body of the request is. A text is passed on as the parameter `text`.
        returns: the media type of the response.
        presets: buttons of the page.
    """

    name: str
    method: Literal["GET", "POST"]
    about: str
    handler: Callable[..., Any] | None
    parameters: tuple[Parameter, ...] = ()
    body: Body = "none"
    returns: str = "application/json"
    presets: tuple[Preset, ...] = ()

    def read(self, query: Mapping[str, str], body: bytes) -> Json:
        """Return the parameters of a request, defaults included; raise `Refusal`, with the reason, for a bad request."""
        return self._query(query) | self._body(body)

    def described(self) -> Json:
        """Return the description as JSON."""
        return {
            "name": self.name,
            "method": self.method,
            "path": f"/control/{self.name}",
            "about": self.about,
            "parameters": [parameter.described() for parameter in self.parameters],
            "body": self.body,
            "returns": self.returns,
            "presets": [{"label": preset.label, "given": preset.given} for preset in self.presets],
        }

    def _query(self, query: Mapping[str, str]) -> Json:
        known = {parameter.name: parameter for parameter in self.parameters if parameter.place == "query"}
        missing = {name for name, parameter in known.items() if parameter.required} - set(query)
        if missing or set(query) - set(known):
            names = (name if parameter.required else f"{name} (optional)" for name, parameter in known.items())
            wanted = ", ".join(names) or "none"
            raise bad_control(f"The parameters of the URL must be: {wanted}; not {', '.join(query) or 'none'}.")
        return _defaults(known) | {name: known[name].read(value) for name, value in query.items()}

    def _body(self, body: bytes) -> Json:
        if self.body == "none":
            if body:
                first = next((parameter.name for parameter in self.parameters), None)
                taken = "no parameters" if first is None else f"its parameters in the URL, as ?{first}=...,"
                raise bad_control(f"{self.name} takes {taken} and no body.")
            return {}
        if self.body == "text":
            try:
                return {"text": body.decode()}
            except UnicodeDecodeError as error:
                raise bad_control("The body must be UTF-8.") from error
        known = {parameter.name: parameter for parameter in self.parameters if parameter.place == "body"}
        needed = [name for name, parameter in known.items() if parameter.required]
        given = parse(body or (b"" if needed else b"{}"))
        if given is None:
            raise bad_control("The body must be a JSON object.")
        if unknown := set(given) - set(known):
            raise bad_control(f"The body has {', '.join(sorted(unknown))}; known are {', '.join(known) or 'none'}.")
        if not set(needed) <= set(given):
            raise bad_control(f"The body must have {', '.join(needed)}.")
        return _defaults(known) | {name: known[name].read(value) for name, value in given.items()}


def _defaults(known: Mapping[str, Parameter]) -> Json:
    return {name: each.schema["default"] for name, each in known.items() if "default" in each.schema}


def _from_text(text: str, schema: Json) -> object:
    """Read a number or a truth value that stands in a URL; another text stays."""
    if schema.get("type") == "boolean" and text in {"true", "false"}:
        return text == "true"
    if schema.get("type") == "integer" and text.isascii() and text.isdecimal() and len(text) <= _DIGITS:
        return int(text)
    return text


def _fits(value: object, schema: Json) -> bool:
    if "enum" in schema:
        return value in schema["enum"] and not isinstance(value, bool)
    if isinstance(value, bool) != (schema["type"] == "boolean") or not isinstance(value, _TYPES[schema["type"]]):
        return False
    if isinstance(value, str):
        return len(value) >= int(schema.get("minLength", 0))
    if isinstance(value, int | float):
        return bool(schema.get("minimum", -_LARGEST) <= value <= schema.get("maximum", _LARGEST))
    return True


def _words(schema: Json) -> str:
    if "enum" in schema:
        return " or ".join(map(repr, schema["enum"]))
    least, most = schema.get("minimum"), schema.get("maximum")
    bounds = "" if least is None else f" from {least} to {most}" if most is not None else f", at least {least}"
    return {
        "string": "a text" + (" and not empty" if schema.get("minLength") else ""),
        "integer": f"a whole number{bounds}",
        "number": f"a number{bounds}",
        "boolean": "true or false",
        "null": "null",
    }[schema["type"]]


def _shown(value: object) -> str:
    return "null" if value is None else repr(value)[:100]
