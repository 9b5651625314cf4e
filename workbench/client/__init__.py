"""The library of a server, in Python: `Client` and, for asyncio, `AsyncClient`.

The methods have the names of `workbench.Library`'s where there is one, and answer with the models that the server
validates with (`workbench.server.models`). What goes wrong is an error of `workbench.errors`, as it would be here.

* `workbench.client.calls` says once what each call asks and what it makes of the answers; it sends nothing.
* `workbench.client.clients` sends, in one way or the other, and listens.
* `workbench.client.problems` turns what a server refuses into errors.

Needs the extra ``client``: ``pip install 'audio-workbench[client]'``.
"""

from workbench.client.clients import AsyncClient, Client
from workbench.server.models import NewLabel

__all__ = ["AsyncClient", "Client", "NewLabel"]
