"""`Guarded`: a provider's model that is asked only when it may be, for so long, and whose answer is looked at."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_ai.exceptions import AgentRunError, ModelAPIError, ModelConnectionError, ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from workbench.assist.breaker import Breaker
from workbench.assist.budget import Budget
from workbench.assist.transport import RefusedError
from workbench.config import Provider
from workbench.errors import WorkbenchError

#: How often a request is sent again, and after how long at first where the provider does not say, seconds.
RETRIES, FIRST_WAIT_S = 2, 0.5
#: A request without an answer is sent once more when this share of its time is left, if that is so many seconds.
SECOND_SHARE, LEAST_SECOND_S = 1 / 3, 1.0

_LOGGER = logging.getLogger("workbench.assist")


@dataclass(slots=True)
class Health:
    """How a provider has been since the process began.

    Attributes
    ----------
    breaker : whether it is asked
    requests, failures, retries : how many
    tokens, cost : used, in US dollars
    last_error : a word, None after an answer
    """

    breaker: Breaker = field(default_factory=Breaker)
    requests: int = 0
    failures: int = 0
    retries: int = 0
    tokens: int = 0
    cost: float = 0.0
    last_error: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, **more: float) -> None:
        """Add to the counters."""
        with self.lock:
            for name, value in more.items():
                setattr(self, name, getattr(self, name) + value)


class NotAskedError(ModelAPIError):
    """The provider gives no answer that is taken; what is next in the chain is asked."""


class Guarded(WrapperModel):
    """A model with a guard.

    Parameters
    ----------
    model : Model
    provider : Provider
    health, budget : Health, Budget
        What they say decides whether it is asked.
    accept : callable
        Takes the arguments of the answer, raises ValueError or InputError where it is none that is taken.
    deadline : float
        Of all providers together, in the time of the event loop.
    tried : list
        Gets an entry per provider that has not answered.
    """

    def __init__(
        self,
        model: Model,
        provider: Provider,
        *,
        health: Health,
        budget: Budget,
        accept: Callable[[Any], None],
        deadline: float,
        tried: list[dict[str, str]],
    ) -> None:
        super().__init__(model)
        self._asked = provider
        self._health, self._budget, self._accept = health, budget, accept
        self._deadline, self._tried = deadline, tried

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask, if it may be asked; raise `NotAskedError` whatever goes wrong."""
        health = self._health
        left = min(self._asked.timeout_s, self._deadline - asyncio.get_running_loop().time())
        if left <= 0:
            raise self._not_asked("deadline")
        if not self._budget.left:
            raise self._not_asked("budget_spent")
        if not health.breaker.admits():
            raise self._not_asked("breaker_open")
        decided = False
        try:
            self._budget.add(requests=1)
            health.count(requests=1)
            async with asyncio.timeout(left):
                response = await self._with_retries(messages, model_settings, model_request_parameters, left)
            self._spend(response)
            self._accept(_arguments(response))
            decided = True
            health.breaker.succeeded()
            health.last_error = None
            return response
        except Exception as error:  # whatever a provider or its library does, the next one is asked
            decided = True
            code = _code(error)
            health.breaker.failed(error.retry_after or 0.0 if isinstance(error, ModelAPIError) else 0.0)
            health.count(failures=1)
            health.last_error = code
            raise self._not_asked(code) from None  # the cause may hold what was sent
        finally:
            if not decided:
                health.breaker.released()

    async def _with_retries(
        self,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
        left: float,
    ) -> ModelResponse:
        now = asyncio.get_running_loop().time
        ends, may_time_out = now() + left, True
        for attempt in range(RETRIES + 1):
            rest = SECOND_SHARE * (ends - now())
            may_time_out &= attempt < RETRIES and rest >= LEAST_SECOND_S
            try:
                async with asyncio.timeout_at(ends - rest if may_time_out else None):
                    return await self.wrapped.request(messages, settings, parameters)
            except TimeoutError:
                if not may_time_out:
                    raise
                wait, may_time_out = 0.0, False
            except ModelAPIError as error:
                wait = FIRST_WAIT_S * 2**attempt if error.retry_after is None else error.retry_after
                if attempt == RETRIES or not _passes(error) or now() + wait >= ends:
                    raise
            self._health.count(retries=1)
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _spend(self, response: ModelResponse) -> None:
        usage = response.usage
        prices = self._asked.cost_in, self._asked.cost_out
        if None not in prices:
            cost = (usage.input_tokens * (prices[0] or 0) + usage.output_tokens * (prices[1] or 0)) / 1e6
        else:
            try:
                cost = float(response.cost().total_price)
            except (LookupError, AssertionError, ValueError):  # of a model whose price nobody knows, as of one's own
                cost = 0.0
        tokens = usage.input_tokens + usage.output_tokens
        self._health.count(tokens=tokens, cost=cost)
        self._budget.add(tokens=tokens, cost=cost)

    def _not_asked(self, code: str) -> NotAskedError:
        self._tried.append({"provider": self._asked.name, "why": code})
        _LOGGER.info("provider %s has not answered: %s", self._asked.name, code)
        return NotAskedError(self._asked.name, code)


def _arguments(response: ModelResponse) -> Any:
    """Give what the model called the one tool with."""
    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    if len(calls) != 1:
        raise ValueError("the answer is not one call")
    return calls[0].args_as_dict(raise_if_invalid=True)


def _passes(error: ModelAPIError) -> bool:
    """Whether it is worth asking again."""
    return isinstance(error, ModelHTTPError) and (error.status_code in (408, 429) or error.status_code >= 500)


def _code(error: BaseException) -> str:
    """Name an error in a word, by what it was caused by; nothing of its text, which may hold what was sent."""
    if isinstance(error, ModelHTTPError):
        return f"http_{error.status_code}"
    chain: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in chain:
        chain.append(at)
        at = at.__cause__ or at.__context__
    for one in chain:
        if isinstance(one, RefusedError):
            return one.code
        if isinstance(one, ssl.SSLError):
            return "tls"
    if any(isinstance(one, TimeoutError) or "Timeout" in type(one).__name__ for one in chain):
        return "timeout"
    if isinstance(error, ModelConnectionError) or any(isinstance(one, ConnectionError) for one in chain):
        return "connection"
    if isinstance(error, ValidationError | ValueError | WorkbenchError | AgentRunError):
        return "invalid_answer"
    return "not_counted" if isinstance(error, OSError) else "failed"
