"""What all widgets are: a library, the page's selection, and questions from the browser that methods answer.

The browser holds what is seen and nothing else. It asks by a message, and a method with `answers` gives plain data or
arrays, which go beside the message as they are. A question brings the traits along that the page has changed: their own
message may come after it. Nothing of an answer is state of the widget, so neither rows nor samples end up in a
notebook's document.
"""

from __future__ import annotations

import functools
import importlib.resources
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import anywidget
import numpy as np
import traitlets

from workbench.errors import WorkbenchError
from workbench.library import Library
from workbench.tabular import escape_surrogates
from workbench.widgets.selection import Selection

if TYPE_CHECKING:
    from workbench.client.remote import RemoteLibrary

logger = logging.getLogger(__name__)
Method = TypeVar("Method", bound=Callable[..., Any])

#: Code and style that every widget has in front of its own: a widget is one file to the browser.
_SHARED = ("common.js", "progress.js", "asking.js")
_STYLE = "style.css"


def answers(method: Method) -> Method:
    """Let the browser ask for a method, by its name, with keyword arguments."""
    method.is_answer = True  # type: ignore[attr-defined]
    return method


@functools.cache
def static(name: str) -> str:
    """Read a file of the package that browsers get."""
    return importlib.resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")


class View(anywidget.AnyWidget):
    """A widget of the workbench.

    Parameters
    ----------
    library : Library or RemoteLibrary
        What is shown, as `workbench.open_library` opens it.
    selection : Selection, optional
        Shared with the other widgets of a page; by default one of its own.
    **traits
        Further traits of the widget.
    """

    #: Traits that follow those of the same name of the selection, both ways.
    follows: ClassVar[Sequence[str]] = ()
    #: The file with the widget's own code.
    module: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Put the widget's code together."""
        if "module" in vars(cls):  # not again for the class that anywidget derives from each object
            cls._esm = "\n".join(map(static, (*_SHARED, cls.module)))
            cls._css = static(_STYLE)
        super().__init_subclass__(**kwargs)

    library: Library | RemoteLibrary

    def __init__(self, library: Library | RemoteLibrary, selection: Selection | None = None, **traits: Any) -> None:
        self.library = library
        self.selection = Selection() if selection is None else selection
        super().__init__(**traits)
        for name in set(self.follows) & set(traits):
            setattr(self.selection, name, traits[name])
        self._links = [traitlets.link((self.selection, name), (self, name)) for name in self.follows]
        self.on_msg(self._asked)

    def close(self) -> None:
        """Take the widget off the page and let the selection go."""
        while getattr(self, "_links", None):
            self._links.pop().unlink()
        super().close()

    def code(self) -> str:
        """Give the call that does what was clicked, as Python."""
        raise traitlets.TraitError(f"{type(self).__name__} has nothing that a call would do")

    @answers
    def copy_as_python(self) -> str:
        """Give `code` to the browser."""
        return self.code()

    # --- questions ----------------------------------------------------------------------------------

    def _asked(self, widget: View, message: Mapping[str, Any], buffers: Sequence[memoryview]) -> None:
        del widget
        method = getattr(self, str(message.get("ask")), None)
        if method is None or not getattr(method, "is_answer", False):
            return
        given = dict(message.get("given") or {})
        if buffers:
            given["data"] = buffers[0]
        try:
            self.set_state(dict(message.get("news") or {}))
        except traitlets.TraitError as error:
            self.send({"id": message["id"], "error": str(error), "remedy": "Choose another value."})
            return
        if message.get("slow"):
            threading.Thread(target=self._answer, args=(message["id"], method, given), daemon=True).start()
        else:
            self._answer(message["id"], method, given)

    def _answer(self, number: int, method: Callable[..., Any], given: Mapping[str, Any]) -> None:
        try:
            found = method(**given)
        except WorkbenchError as error:
            self.send({"id": number, "error": error.message, "remedy": error.remedy})
            return
        except Exception:
            logger.exception("a question of a widget failed")
            self.send({"id": number, "error": "That went wrong inside the workbench.", "remedy": "See the log."})
            return
        self.tell({"id": number, "answer": found})

    def tell(self, content: Mapping[str, Any]) -> None:
        """Send the browser something: plain values, and arrays beside them."""
        arrays: list[np.ndarray[Any, Any]] = []
        self.send(_without_arrays(content, arrays), [np.ascontiguousarray(array) for array in arrays])


def _without_arrays(value: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    """Put arrays aside, and in their place what the browser needs to find them again: shape, dtype, number."""
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1, "dtype": value.dtype.name, "shape": list(value.shape)}
    if isinstance(value, Mapping):
        return {str(key): _without_arrays(one, arrays) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(one, arrays) for one in value]
    if isinstance(value, str):
        return escape_surrogates(value)  # which a page could not be sent
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
