"""The description of the controls as an OpenAPI document, for programs that make a client or a page from one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .control import Control, Parameter
    from .jsontext import Json

__all__ = ["openapi_document"]

_ERROR: Final[Json] = {"$ref": "#/components/responses/Error"}
_REFUSALS: Final = {"400": "what is sent is not as described", "403": "it comes from another machine or web page"}


def openapi_document(controls: Iterable[Control], version: str) -> Json:
    """Return the document (OpenAPI 3.1.0). *version*: that of cometconn."""
    error = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The controls of cometconn's emulator",
            "version": version,
            "summary": "Sends messages, ends connections and simulates faults, from this machine only.",
        },
        "paths": {f"/control/{control.name}": {control.method.lower(): _operation(control)} for control in controls},
        "components": {
            "responses": {
                "Error": {
                    "description": "It is refused: " + ", or ".join(_REFUSALS.values()) + ".",
                    "content": {"application/json": {"schema": _object({"error": error}, ["error"])}},
                }
            }
        },
    }


def _operation(control: Control) -> Json:
    query = [_query_parameter(each) for each in control.parameters if each.place == "query"]
    body = _body(control)
    schema: Json = _object({"data": {}}, ["data"]) if control.returns == "application/json" else {"type": "string"}
    return {
        "operationId": control.name.replace(".", "_"),
        "summary": control.about,
        **({"parameters": query} if query else {}),
        **({"requestBody": body} if body else {}),
        "responses": {
            "200": {"description": "It is done.", "content": {control.returns: {"schema": schema}}},
            **dict.fromkeys(_REFUSALS, _ERROR),
        },
    }


def _query_parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.about,
        "required": parameter.required,
        "schema": parameter.schema,
    }


def _body(control: Control) -> Json:
    """Return the description of the body; nothing if there is none."""
    if control.body == "text":
        return {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}
    if control.body == "none":
        return {}
    given = [each for each in control.parameters if each.place == "body"]
    needed = [each.name for each in given if each.required]
    schema = _object({each.name: {"description": each.about, **each.schema} for each in given}, needed)
    return {
        "required": bool(needed),
        "content": {"application/json": {"schema": {**schema, "additionalProperties": False}}},
    }


def _object(properties: Json, required: list[str]) -> Json:
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}
