"""The library of a server, in Python: `Client` and, for asyncio, `AsyncClient`.

The methods have the names of `workbench.Library`'s where there is one, and answer with the models that the server
validates with (`workbench.server.models`). What goes wrong is an error of `workbench.errors`, as it would be here.

* `workbench.client.calls` names all calls, and `workbench.client.ask` says how one is written. Each says once what it
  asks and what it makes of the answers; none sends anything.
* `workbench.client.clients` sends, in one way or the other, and listens.
* `workbench.client.remote` has the library of a server with the methods and answers of one that is here.
* `workbench.client.problems` turns what a server refuses into errors.

Needs the extra ``client``: ``pip install 'audio-workbench[client]'``.
"""

from workbench.client.clients import AsyncClient, Client
from workbench.server.models.labels import NewLabel

__all__ = ["AsyncClient", "Client", "NewLabel"]
