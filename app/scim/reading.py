"""From the bytes of a request to a request the library validates strictly."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import from_json
from scim2_models import InvalidSyntaxException
from scim2_server.errors import UnsupportedMediaTypeException
from scim2_server.requests import ScimRequest
from scim2_server.routing import Operation
from scim2_server.service import ScimService, is_json_media_type

from app.scim.filters import as_written_by_the_rfc, without_brackets
from app.scim.published import Published
from app.scim.quirks import Quirks, check

_WITH_BODY: Final = frozenset(
    {
        Operation.create,
        Operation.replace,
        Operation.patch,
        Operation.bulk,
        Operation.search_with_body,
    }
)
_PROJECTIONS: Final = ("attributes", "excludedAttributes")


class Reader:
    """Brings one request into the form of the RFCs; `dropped` counts what has no place here."""

    def __init__(self, published: Published) -> None:
        self.dropped: Counter[str] = Counter()
        self._quirks = {
            "users": Quirks.of_users(published),
            "groups": Quirks.of_groups(published),
        }
        for quirks in self._quirks.values():
            quirks.dropped = self.dropped

    def read(self, service: ScimService, request: ScimRequest) -> None:
        """Rewrite the request's query and body. Raises the library's exceptions."""
        target = service.match(request)
        endpoint = (target.endpoint or "").lower()
        request.query = self._query(request.query, endpoint)
        if target.operation not in _WITH_BODY:
            return
        body = self._decoded(request)
        match target.operation:
            case Operation.bulk:
                body = self._bulk(body)
            case Operation.search_with_body if isinstance(body, dict):
                body = self._query(body, endpoint)
            case Operation.patch:
                body = self._patch(endpoint, body)
            case Operation.create | Operation.replace:
                body = self._resource(endpoint, body)
        request.body = json.dumps(body).encode()

    def _decoded(self, request: ScimRequest) -> Any:
        content_type = request.header("Content-Type")
        if content_type and not is_json_media_type(content_type):
            raise UnsupportedMediaTypeException
        try:
            body = from_json(request.body, allow_inf_nan=False)
        except ValueError as problem:
            raise InvalidSyntaxException(detail=f"The body is not JSON: {problem}") from None
        check(body)
        return body

    def _query(self, query: Mapping[str, Any], endpoint: str) -> dict[str, Any]:
        said = dict(query)
        if isinstance(said.get("filter"), str):
            quirks = [self._quirks[endpoint]] if endpoint in self._quirks else []
            said["filter"] = as_written_by_the_rfc(said["filter"], quirks)
        for name in _PROJECTIONS:
            if isinstance(said.get(name), str):
                said[name] = without_brackets(said[name])
        return said

    def _resource(self, endpoint: str, body: object) -> object:
        quirks = self._quirks.get(endpoint)
        return body if quirks is None else quirks.resource(body)

    def _patch(self, endpoint: str, body: object) -> object:
        quirks = self._quirks.get(endpoint)
        return body if quirks is None else quirks.patch(body)

    def _bulk(self, body: object) -> object:
        """Every operation's data, as if it had come alone."""
        if not isinstance(body, dict):
            return body
        read = {key: value for key, value in body.items() if key.lower() != "operations"}
        found = [value for key, value in body.items() if key.lower() == "operations"]
        if found:
            operations = found[0]
            is_list = isinstance(operations, list)
            read["Operations"] = [self._operation(each) for each in operations] if is_list else None
        return read

    def _operation(self, operation: object) -> object:
        if not isinstance(operation, dict) or not isinstance(operation.get("data"), dict):
            return operation
        endpoint = str(operation.get("path", "")).strip("/").partition("/")[0].lower()
        method = str(operation.get("method", "")).upper()
        data = operation["data"]
        if method == "PATCH":
            data = self._patch(endpoint, data)
        elif method in ("POST", "PUT"):
            data = self._resource(endpoint, data)
        return {**operation, "method": method, "data": data}
