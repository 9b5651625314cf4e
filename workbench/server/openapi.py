"""The OpenAPI 3.1 document, made of the operations of the routes and of the models that validate them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from workbench import __version__
from workbench.server.models.operations import ProblemDocument
from workbench.server.route import PATH_PARAMETERS, Operation, Route

_REF = "#/components/schemas/{model}"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
_REFUSALS = {
    400: "Malformed",
    401: "No credentials, or wrong ones",
    403: "Not allowed",
    404: "Not there",
    406: "None of the media types that are offered is wanted",
    409: "Not possible as things stand",
    413: "Too large",
    415: "Of a media type that is not taken",
    416: "No such range",
    422: "Wrong; `errors` names the fields and what they take",
    429: "Too many requests; Retry-After tells when",
    503: "Not now; Retry-After tells when",
    507: "No room left",
}
_ALWAYS = (400, 401, 403, 422, 429, 503)
_WITH_BODY = (413, 415, 507)


def describe(routes: Iterable[type[Route]], base: str) -> dict[str, Any]:
    """Describe the API.

    Parameters
    ----------
    routes : iterable of Route classes
    base : str
        Where they lie, such as ``/api/v1``.

    Returns
    -------
    dict
        An OpenAPI 3.1 document, ready for JSON.
    """
    found = [
        (route, method.lower(), described)
        for route in routes
        for method in route.SUPPORTED_METHODS
        if (described := getattr(getattr(route, method.lower()), "operation", None)) is not None
    ]
    refs, schemas = _schemas([described for _, _, described in found])
    paths: dict[str, dict[str, Any]] = {}
    for route, method, described in found:
        paths.setdefault(route.pattern, {})[method] = _operation(route, method, described, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Audio workbench",
            "version": __version__,
            "description": "Analyze audio once; then search it by sound and build playlists that flow. "
            "Progress of a job also goes over a WebSocket, at ws/progress/{job_id}.",
        },
        "servers": [{"url": base}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(found: Iterable[Operation]) -> tuple[dict[type[BaseModel], dict[str, Any]], dict[str, Any]]:
    """Give a reference per model, and the schemas that they refer to."""
    asked = {model for one in found for model in (one.body, one.options) if model is not None}
    answered = {one.answer for one in found if one.answer is not None} | {ProblemDocument}
    made, definitions = models_json_schema(
        [(model, "validation") for model in sorted(asked, key=lambda model: model.__name__)]
        + [(model, "serialization") for model in sorted(answered, key=lambda model: model.__name__)],
        ref_template=_REF,
    )
    refs = {cast("type[BaseModel]", model): ref for (model, _), ref in made.items()}
    return refs, definitions["$defs"]


def _operation(
    route: type[Route], method: str, described: Operation, refs: dict[type[BaseModel], dict[str, Any]]
) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": f"{method}{route.__name__}",
        "summary": described.summary,
        "responses": _responses(described, refs),
    }
    parameters = [*_path_parameters(route.pattern), *_query_parameters(described.query)]
    if parameters:
        said["parameters"] = parameters
    if described.body is not None:
        said["requestBody"] = {"required": True, "content": _bodies(described, refs)}
    if described.public:
        said["security"] = []
    return said


def _responses(described: Operation, refs: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    json = refs[described.answer] if described.answer else {"type": "object"}
    content = {media: {"schema": json if media == "application/json" else {}} for media in described.media}
    answers: dict[str, Any] = {str(described.status): {"description": "Done", "content": content}}
    statuses = {*_ALWAYS, *described.refusals, *(_WITH_BODY if described.body else ())}
    for status in sorted(statuses - ({401, 403} if described.public else set())):
        answers[str(status)] = {"description": _REFUSALS[status], "content": _PROBLEM}
    if described.public and 503 in described.refusals:  # a health check answers in one form, well or not
        answers["503"]["content"] = content
    return answers


def _path_parameters(pattern: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer", "minimum": 1, "maximum": 10**15 - 1}
            if name == "job_id"
            else {"type": "string", "pattern": f"^{PATH_PARAMETERS[name]}$"},
        }
        for name in re.findall(r"\{(\w+)\}", pattern)
    ]


def _query_parameters(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(ref_template=_REF)
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": _not_null(kind)}
        | ({"description": kind["description"]} if "description" in kind else {})
        for name, kind in schema["properties"].items()
    ]


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Take null away: in a query a parameter is given or not."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default", "title")}
    if schema.get("default") is not None:
        rest["default"] = schema["default"]
    return {**kinds[0], **rest} if len(kinds) == 1 else {**schema, **rest}


def _bodies(described: Operation, refs: dict[type[BaseModel], dict[str, Any]]) -> dict[str, Any]:
    bodies: dict[str, Any] = {"application/json": {"schema": refs[described.body]}} if described.body else {}
    if described.files and described.options:
        one = {"type": "string", "format": "binary"}
        several = {"type": "array", "items": one, "minItems": 1, "maxItems": described.most_files}
        bodies["multipart/form-data"] = {
            "schema": {
                "type": "object",
                "properties": {
                    described.files: one if described.most_files == 1 else several,
                    "options": refs[described.options],
                },
                "required": [described.files],
                "additionalProperties": False,
            },
            "encoding": {"options": {"contentType": "application/json"}},
        }
    return bodies
