"""Write docs/settings.md from the fields of `workbench.config.Settings`."""

from __future__ import annotations

from pathlib import Path

from workbench.config import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"

HEAD = """\
# Settings

<!-- Made by scripts/make_settings_docs.py from workbench/config.py: run `make docs` after a change there. -->

A flag of the command line wins over an environment variable, which wins over the settings file. The file is
`workbench/settings.toml` in your configuration folder (on Linux `~/.config/workbench/settings.toml`), or the one
that `WORKBENCH_SETTINGS` names; its keys are the names below in lower case without `WORKBENCH_`. A name that is
not known, or a value out of range, is an error.

```toml
library = "/music/workbench.library"
workers = 4
```

| variable | default | meaning |
|---|---|---|
"""


def default_text(name: str) -> str:
    """Give a default as the table shows it."""
    value = Settings.model_fields[name].get_default(call_default_factory=True)
    if value is None:
        return ""
    if isinstance(value, Path):
        return f"`~/{value.relative_to(Path.home())}`"
    if isinstance(value, str):
        return f"`{value}`"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"`{value:,}`" if isinstance(value, int) else f"`{value:g}`"


def render() -> str:
    """Give the whole page."""
    rows = (
        f"| `WORKBENCH_{name.upper()}` | {default_text(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    )
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
