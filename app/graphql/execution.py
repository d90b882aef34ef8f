"""Run an operation of a Strawberry schema within a deadline, from a document already prepared.

Strawberry's own `execute` parses and validates each time; here its pieces are used one by one: the
schema's executor class, middleware, and the extension hooks around the operation, the execution
and each streamed result. The hooks around parsing and validation do not run: those happen once per
document, not once per request.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, TypeGuard, TypeVar, cast

import strawberry
from graphql import ExecutionResult, OperationType
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.types import ExecutionContext
from strawberry.types.execution import ExecutionResult as StrawberryResult
from strawberry.types.graphql import OperationType as StrawberryOperationType

from app.graphql.answers import Answer, answer_of_data
from app.graphql.contracts import Authenticated, OpenContext, RequestInfo
from app.graphql.documents import Chosen
from app.graphql.errors import (
    Code,
    FormattedError,
    Masking,
    RequestRefused,
    codes_of,
    format_request_error,
    refused,
)

T = TypeVar("T")

is_awaitable = cast("Callable[[Any], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)


@dataclass(frozen=True, slots=True)
class Operation:
    """What to run: the chosen operation and the values that came with it."""

    chosen: Chosen
    variables: Mapping[str, object]
    extensions: Mapping[str, object]

    @property
    def is_subscription(self) -> bool:
        return self.chosen.type is OperationType.SUBSCRIPTION


@dataclass(frozen=True, slots=True)
class Run:
    """Who runs an operation (None: somebody without a good token), and how to speak of it."""

    caller: Authenticated | None
    about: RequestInfo
    resume_after: str | None = None


class Execution:
    """Executes operations of one schema; every exception leaves as a formatted error."""

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        context: OpenContext,
        masking: Masking,
        deadline: float,
        hide_suggestions: bool,
    ) -> None:
        self._schema = schema
        self._open_context = context
        self._masking = masking
        self._deadline = deadline
        self._hide_suggestions = hide_suggestions

    async def answer(self, operation: Operation, run: Run) -> Answer:
        """Run a query or mutation; RequestRefused when nothing was executed."""
        try:
            return await self._within_deadline(self._answer(operation, run))
        except RequestRefused:
            raise
        except Exception as error:
            raise self._failed(error, run) from error

    async def stream(self, operation: Operation, run: Run) -> AsyncGenerator[Answer, None]:
        """Run a subscription; RequestRefused where it fails as a whole. Close it with `aclose`.

        The context stays open until the stream ends. The deadline applies to opening the stream
        and to answering each event, not to waiting for events.
        """
        try:
            async with AsyncExitStack() as stack:
                context = await self._within_deadline(stack.enter_async_context(self._entered(run)))
                runner, executor = self._build(operation, context)
                async with runner.operation():
                    source = await self._source(runner, executor, run)
                    async with aclosing(self._events(runner, executor, source, run)) as answers:
                        async for answer in answers:
                            yield answer
        except RequestRefused:
            raise
        except Exception as error:
            failed = self._failed(error, run)
            for shown in failed.errors:
                shown["path"] = [operation.chosen.first_field]
            raise failed from error

    async def _answer(self, operation: Operation, run: Run) -> Answer:
        async with self._entered(run) as context:
            runner, executor = self._build(operation, context)
            async with runner.operation():
                async with runner.executing():
                    result = await _settled(execute_root_selection_set(executor))
                return await self._formatted(runner, result, run)

    async def _source(
        self, runner: SchemaExtensionsRunner, executor: Executor[Any], run: Run
    ) -> AsyncIterator[object]:
        async with runner.executing():
            source = await self._within_deadline(_settled(create_source_event_stream(executor)))
        if isinstance(source, ExecutionResult):
            errors = self._masking.execution_errors(
                source.errors or [], request_id=run.about.request_id
            )
            raise RequestRefused(errors)
        return aiter(source)

    async def _events(
        self,
        runner: SchemaExtensionsRunner,
        executor: Executor[Any],
        source: AsyncIterator[object],
        run: Run,
    ) -> AsyncGenerator[Answer, None]:
        try:
            async for event in source:
                answering = executor.build_per_event_executor(event)
                result = await self._within_deadline(
                    _settled(execute_subscription_event(answering))
                )
                shown = StrawberryResult(data=result.data, errors=result.errors)
                async with runner.on_stream_result(shown):
                    yield await self._formatted(runner, shown, run)
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()

    def _build(
        self, operation: Operation, context: object
    ) -> tuple[SchemaExtensionsRunner, Executor[Any]]:
        chosen = operation.chosen
        extensions = self._schema.get_extensions()
        strawberry_context = ExecutionContext(
            query=None,
            schema=self._schema,
            allowed_operations=tuple(StrawberryOperationType),
            context=context,
            variables=dict(operation.variables),
            graphql_document=chosen.prepared.document,
            provided_operation_name=chosen.name,
            operation_extensions=dict(operation.extensions),
        )
        for extension in extensions:
            extension.execution_context = strawberry_context
        executor = self._schema.execution_context_class.build(
            self._schema._schema,
            chosen.prepared.document,
            context_value=context,
            raw_variable_values=dict(operation.variables),
            operation_name=chosen.name,
            middleware=self._schema._get_middleware_manager(extensions),
            is_awaitable=is_awaitable,
            hide_suggestions=self._hide_suggestions,
            operation_extensions=dict(operation.extensions),
        )
        if isinstance(executor, list):
            raise RequestRefused([format_request_error(e, Code.BAD_USER_INPUT) for e in executor])
        return self._schema.create_extensions_runner(strawberry_context, extensions), executor

    def _entered(self, run: Run) -> AbstractAsyncContextManager[object]:
        return self._open_context(
            run.caller,
            request_id=run.about.request_id,
            client=run.about.client,
            resume_after=run.resume_after,
        )

    async def _formatted(
        self,
        runner: SchemaExtensionsRunner,
        result: ExecutionResult | StrawberryResult,
        run: Run,
    ) -> Answer:
        errors = self._masking.execution_errors(
            result.errors or [], request_id=run.about.request_id
        )
        extensions = await runner.get_extensions_results(runner.execution_context)
        return answer_of_data(result.data, errors, extensions)

    async def _within_deadline(self, work: Awaitable[T]) -> T:
        scope = asyncio.timeout(self._deadline)
        try:
            async with scope:
                return await work
        except TimeoutError:
            if not scope.expired():
                raise
            raise refused(
                Code.UNAVAILABLE,
                f"The answer took longer than {self._deadline:g} s. Ask for less, or try again.",
                status=503,
                headers={"retry-after": "1"},
                kind="deadline",
                limit=self._deadline,
            ) from None

    def _failed(self, error: Exception, run: Run) -> RequestRefused:
        """Outside any resolver: presented (a dependency is away: 503), or an incident (500)."""
        return failure(self._masking.shown_or_incident(error, request_id=run.about.request_id))


def failure(shown: FormattedError) -> RequestRefused:
    """A refusal for something that failed on our side, with the status its code asks for."""
    codes = codes_of([shown])
    if codes == [Code.UNAVAILABLE.value]:
        return RequestRefused([shown], status=503, headers={"retry-after": "1"})
    status = 500 if codes == [Code.INTERNAL_SERVER_ERROR.value] else None
    return RequestRefused([shown], status=status)


async def _settled(value: Any) -> Any:
    """graphql-core answers at once where nothing had to be awaited."""
    return await value if isawaitable(value) else value
