"""Words in, requests out: an offline parser that always answers, and language models that may be asked before it.

* `parser` reads a text by a small grammar; `words` are its words, `names` the tracks and artists that it may name.
* `chain` asks the models of the settings in their order; each is guarded by `guard` (time, retries, breaker, budget)
  and reached through `transport` (no redirects, no private addresses, no large answers). All of it needs the extra
  ``assist``, and is imported when a model is asked.
* `describe` puts a track or a playlist into words, each of which names the descriptor that it is about.
"""

from workbench.assist.names import Names
from workbench.assist.parser import parse
from workbench.assist.reading import Reading

__all__ = ["Names", "Reading", "parse"]
