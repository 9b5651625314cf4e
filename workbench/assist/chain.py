"""The chain: the providers of the settings in their order, then the offline parser, which always answers."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.assist.answer import INSTRUCTIONS, PROMPT_VERSION, Answer, Question
from workbench.assist.budget import Budget
from workbench.assist.keys import key_of, needs_key
from workbench.assist.names import Names
from workbench.assist.parser import MOST_LETTERS, parse
from workbench.assist.reading import Reading
from workbench.config import Provider, Settings

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model

    from workbench.assist.guard import Health

#: Roots of the providers' own APIs: named here, so that no variable of the environment sends a key elsewhere.
ADDRESSES = {
    "ollama": "http://127.0.0.1:11434/v1",
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "google": "https://generativelanguage.googleapis.com",
}
#: Tokens that an answer may have.
MOST_TOKENS = 1000
NOT_INSTALLED = "No model was asked, for the extra is not installed: pip install 'audio-workbench[assist]'"

_LOGGER = logging.getLogger("workbench.assist")


class Chain:
    """Reads texts.

    Parameters
    ----------
    settings : Settings
        Providers, deadline, budget.
    folder : Path
        Where is counted what was used.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self.budget = Budget(folder / "used.json", settings.assist_tokens_per_day, settings.assist_cost_per_day)
        self._health: dict[str, Health] = {}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What an answer depends on besides text and library: the providers that may give it, and the prompt."""
        models = [f"{one.name}:{one.kind}:{one.model}:{one.address}" for one in self.providers]
        return "|".join([str(PROMPT_VERSION), *models])

    @property
    def providers(self) -> list[Provider]:
        """Those that are asked; none where the extra is not installed."""
        return [one for one in self._settings.assist if one.enabled] if is_installed() else []

    def read(self, text: str, names: Names, records: Callable[[list[str]], Mapping[str, Mapping[str, Any]]]) -> Reading:
        """Read a text: the first provider that gives an answer, or the offline parser.

        Parameters
        ----------
        text : str
        names : Names
            Of the library.
        records : callable
            Gives records of tracks by id.
        """
        offline = self.unasked(parse(text, names))
        if not self.providers or not text.strip():
            return offline
        text = text[:MOST_LETTERS]
        shown = [found.tracks[0] for found in names.mentioned(text).values() if found.artist is None]
        question = Question.about(text, names, records(shown))
        tried: list[dict[str, str]] = []
        with ThreadPoolExecutor(
            1, thread_name_prefix="workbench-assist"
        ) as thread:  # a loop may be running in this one
            reading = thread.submit(lambda: asyncio.run(self._ask(question, tried))).result()
        return replace(reading or offline, tried=tuple(tried))

    def unasked(self, reading: Reading) -> Reading:
        """Tell with a reading of the parser why no provider was asked, where there are some and none can be."""
        if not any(one.enabled for one in self._settings.assist) or is_installed():
            return reading
        return replace(reading, notes=(*reading.notes, NOT_INSTALLED))

    async def _ask(self, question: Question, tried: list[dict[str, str]]) -> Reading | None:
        import httpx2
        from pydantic_ai import Agent, ToolOutput
        from pydantic_ai.models.fallback import FallbackModel

        from workbench.assist.guard import Guarded, NotAskedError
        from workbench.assist.transport import Way

        deadline = asyncio.get_running_loop().time() + self._settings.assist_deadline_s
        accepted: list[Reading] = []
        async with AsyncExitStack() as stack:
            models = []
            for provider in self.providers:
                key = key_of(provider)
                if key is None and needs_key(provider):
                    tried.append({"provider": provider.name, "why": "no_key"})
                    continue
                address = provider.address or ADDRESSES[provider.kind]
                private = provider.private or (provider.kind == "ollama" and provider.address is None)
                # the guard keeps the time; no library is to take a plain 5 s for a default that nobody chose
                timeout = httpx2.Timeout(provider.timeout_s, pool=None)
                client = httpx2.AsyncClient(transport=Way(address, private=private), timeout=timeout, trust_env=False)
                await stack.enter_async_context(client)
                model = _model(provider, address, key.get_secret_value() if key else "none", client)

                def accept(arguments: Any, name: str = provider.name) -> None:
                    accepted[:] = [question.reading(Answer.model_validate(arguments), name)]

                models.append(
                    Guarded(
                        model,
                        provider,
                        health=self._health_of(provider),
                        budget=self.budget,
                        accept=accept,
                        deadline=deadline,
                        tried=tried,
                    )
                )
            if not models:
                return None
            agent = Agent(
                FallbackModel(*models, fallback_on=(NotAskedError,)),
                output_type=ToolOutput(Answer, name="request", description="Give the fields of the request."),
                instructions=INSTRUCTIONS,
                retries=0,
            )
            try:
                async with asyncio.timeout_at(deadline):
                    await agent.run(question.prompt, model_settings={"max_tokens": MOST_TOKENS, "max_retries": 0})
            except Exception as error:  # each has been told by its guard; the offline parser answers
                _LOGGER.debug("no provider has answered: %s", type(error).__name__)
                return None
        return accepted[0] if accepted else None

    def _health_of(self, provider: Provider) -> Health:
        from workbench.assist.guard import Health

        with self._lock:
            return self._health.setdefault(provider.name, Health())

    def status(self) -> dict[str, Any]:
        """Tell what is set up, how it has been in this process, and what was used today; no key, and no part of one."""
        providers = []
        for one in self._settings.assist:
            health = self._health.get(one.name)
            providers.append(
                {
                    "name": one.name,
                    "kind": one.kind,
                    "model": one.model,
                    "address": one.address or ADDRESSES[one.kind],
                    "enabled": one.enabled,
                    "has_key": key_of(one) is not None if needs_key(one) or one.key_variable else None,
                    "state": health.breaker.state if health else "closed",
                    **{
                        name: getattr(health, name) if health else empty
                        for name, empty in (
                            ("requests", 0), ("failures", 0), ("retries", 0), ("tokens", 0), ("cost", 0.0),
                            ("last_error", None),
                        )
                    },
                }
            )  # fmt: skip
        return {
            "installed": is_installed(),
            "providers": providers,
            "offline": True,
            "budget": {
                "tokens_per_day": self.budget.tokens,
                "cost_per_day": self.budget.cost,
                **asdict(self.budget.used),
                "left": self.budget.left,
            },
        }


def is_installed() -> bool:
    """Whether the extra ``assist`` is there."""
    return importlib.util.find_spec("pydantic_ai") is not None


def _model(provider: Provider, address: str, key: str, client: httpx2.AsyncClient) -> Model:
    match provider.kind:
        case "anthropic":
            from pydantic_ai.models.anthropic import AnthropicModel
            from pydantic_ai.providers.anthropic import AnthropicProvider

            return AnthropicModel(
                provider.model, provider=AnthropicProvider(api_key=key, base_url=address, http_client=client)
            )
        case "google":
            from google.genai.types import HttpRetryOptions
            from pydantic_ai.models.google import GoogleModel
            from pydantic_ai.providers.google import GoogleProvider

            return GoogleModel(
                provider.model,
                provider=GoogleProvider(
                    api_key=key, base_url=address, http_client=client, retry_options=HttpRetryOptions(attempts=1)
                ),
            )
        case "ollama":
            from pydantic_ai.models.ollama import OllamaModel
            from pydantic_ai.providers.ollama import OllamaProvider

            return OllamaModel(
                provider.model, provider=OllamaProvider(base_url=address, api_key=key, http_client=client)
            )
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return OpenAIChatModel(provider.model, provider=OpenAIProvider(base_url=address, api_key=key, http_client=client))
