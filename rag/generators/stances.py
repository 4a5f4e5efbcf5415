"""The verdict of an either/or question for an answer that a model wrote."""

from __future__ import annotations

from collections.abc import Sequence

from rag.generators.generator import Brief
from rag.types import Citation, Stance, Verdict
from rag.verdict import conclude, sides


def stances(brief: Brief, citations: Sequence[Citation]) -> Verdict | None:
    """What the sources say, as rag/verdict.py reads them, with the stances that the answer cites.

    None where the question is no either/or, or the answer cites none of the sides.
    """
    question, read = brief.retrieved.question, brief.read
    if len(question.options) != 2:
        return None
    found = sides(question, read.documents, read.units)
    markers: dict[str, int] = {}
    for citation in citations:
        markers.setdefault(citation.source, citation.marker)
    cited = [side for side in found if read.documents[side.place].id in markers]
    if not cited:
        return None
    told = (
        Stance(read.documents[s.place].id, s.option, s.date, markers[read.documents[s.place].id])
        for s in cited
    )
    return Verdict(question.options, conclude(question.options, found), tuple(told))
