"""What sounds alike: a vector per track, exact search by facets, and why two tracks are near."""

from workbench.similarity.embedding import COMPONENTS, EMBEDDING, FACETS, INPUTS, Scaling, embed, fit_scaling
from workbench.similarity.explain import Because, explain, in_words
from workbench.similarity.search import Hits, facet_weights, search, search_many

__all__ = [
    "COMPONENTS",
    "EMBEDDING",
    "FACETS",
    "INPUTS",
    "Because",
    "Hits",
    "Scaling",
    "embed",
    "explain",
    "facet_weights",
    "fit_scaling",
    "in_words",
    "search",
    "search_many",
]
