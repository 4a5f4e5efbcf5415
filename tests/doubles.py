"""Questions and answers made for tests of the evaluation, and the callables that give them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rag import evaluation as ev
from rag.errors import SourceError
from rag.evaluation.summary import measures
from rag.golden import parse_question
from rag.types import Answer, Citation, Language, Passage, Verdict

TEXT = "Concatenates a sequence of tensors along a new dimension."
NOTE = "텐서를 새 차원으로 이어 붙입니다."
TEXTS = {"py:torch.stack": TEXT, "post:pytorch-basics-1": NOTE}


def question(id_: str = "q1", **more: Any) -> ev.GoldenQuestion:
    return parse_question(json.dumps(line(id_, **more)), "here")


def line(id_: str = "q1", **more: Any) -> dict[str, Any]:
    plain = {
        "id": id_,
        "lang": "en",
        "kind": "api",
        "question": "What does torch.stack do?",
        "answerable": True,
        "sources": ["py:torch.stack"],
        "must_contain": [["new dimension", "새 차원"]],
        "note": "for the test",
    }
    return plain | more


def passage(source: str, rank: int) -> Passage:
    return Passage(source, (), source[3:], None, None, None, "", 0, 5, "words", 1 / rank, rank)


def answer(
    text: str = f"“{TEXT}” [1]",
    *,
    refused: bool = False,
    sources: Sequence[str] = ("py:torch.stack",),
    quote: str | None = TEXT,
    lang: Language = "en",
    verdict: Verdict | None = None,
    confidence: float = 0.8,
    seconds: float = 0.01,
) -> Answer:
    cites = () if refused or quote is None else (citation(sources[0], quote),)
    return Answer(
        question="?",
        language=lang,
        answer=text,
        refused=refused,
        reason="far off" if refused else None,
        verdict=verdict,
        confidence=confidence,
        generator="double",
        citations=cites,
        passages=tuple(passage(s, i) for i, s in enumerate(sources, 1)),
        seconds=seconds,
    )


def citation(source: str, quote: str) -> Citation:
    return Citation(1, source, (), source[3:], None, "torch 2.13.0", None, quote, 0, len(quote))


REFUSED_EN = answer("The documents do not answer this.", refused=True, confidence=0.1)
REFUSED_KO = answer("문서에는 답이 없습니다.", refused=True, lang="ko", confidence=0.1)


def text_of(source: str) -> str:
    if source not in TEXTS:
        raise SourceError(f"there is no source '{source}'")
    return TEXTS[source]


def report_of(*asked: tuple[ev.GoldenQuestion, Answer]) -> ev.Report:
    by_id = {q.id: a for q, a in asked}
    return ev.evaluate([q for q, _ in asked], lambda q: by_id[q.id], text_of)


def values(report: ev.Report) -> dict[str, float]:
    return {name: found.value for name, found in measures(report).items()}


def mixed() -> ev.Report:
    """An English answer that is right, a Korean one that is not, and a right refusal."""
    nothing: dict[str, Any] = {"answerable": False, "sources": [], "must_contain": []}
    return report_of(
        (question("a", pair="p"), answer()),
        (question("b", pair="p", lang="ko"), answer("모름", lang="ko")),
        (question("c", kind="offtopic", **nothing), REFUSED_EN),
    )
