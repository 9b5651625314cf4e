"""How much may be asked at once, and what a name may be."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from workbench.schema import LABEL_LENGTH

MOST_PER_PAGE = 500
MOST_UPLOADS = 200
MOST_RECORDS = 1000


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("give one line of text that can be seen")
    return text


Line = Annotated[str, Field(min_length=1, max_length=LABEL_LENGTH), AfterValidator(_line)]
