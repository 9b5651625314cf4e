"""Keys of providers: from the environment or a keyring, and nowhere else."""

from __future__ import annotations

import importlib.util
import os

from pydantic import SecretStr

from workbench.config import Provider

_VARIABLES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "google": "GOOGLE_API_KEY"}
#: Of a keyring.
SERVICE = "workbench"


def needs_key(provider: Provider) -> bool:
    """Whether a provider cannot be asked without a key."""
    return provider.kind in _VARIABLES


def key_of(provider: Provider) -> SecretStr | None:
    """Find the key of a provider, None where there is none."""
    variable = provider.key_variable or _VARIABLES.get(provider.kind)
    value = os.environ.get(variable, "") if variable else ""
    if not value and (needs_key(provider) or provider.key_variable) and importlib.util.find_spec("keyring"):
        import keyring
        from keyring.errors import KeyringError

        try:
            value = keyring.get_password(SERVICE, provider.name) or ""
        except KeyringError:  # one that is locked, or none: the environment can still have the key
            value = ""
    return SecretStr(value) if value.strip() else None
