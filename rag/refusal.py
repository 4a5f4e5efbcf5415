"""How a question is refused: the one sentence, why, and what lies nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag.generators.generator import Part
from rag.index import Index
from rag.premise import Premise, package_title
from rag.prompts import NEAREST, NEAREST_NAMES, REASONS, REFUSAL
from rag.retrieve import Retrieved
from rag.text import search_tokens
from rag.types import Answer, Language, Passage


def on_premise(
    premise: Premise, question: str, language: Language, places: tuple[Passage, ...]
) -> Answer:
    """The refusal of a question that takes for granted what is not so."""
    reason = REASONS[premise.reason][language].format(**premise.values)
    near = _nearest(places, language)
    if premise.nearest:
        near = [NEAREST_NAMES[language].format(names=", ".join(f"`{n}`" for n in premise.nearest))]
    return _refusal(question, language, reason, [reason, *near], places=places, confidence=0.0)


def for_weakness(
    retrieved: Retrieved, question: str, places: tuple[Passage, ...], index: Index,
    confidence: float,
) -> Answer:  # fmt: skip
    """The refusal where nothing that was found is likely to answer."""
    reason = _weak_reason(retrieved, index)
    return _open(question, retrieved.question.language, reason, places, confidence)


def about_undocumented(retrieved: Retrieved, index: Index) -> bool:
    """Whether the question is about one thing that exists without documentation, of itself or of
    anything in it, and about nothing else: what lies near to it would look like an answer."""
    dotted = [entry for entry in retrieved.named if "." in entry.mention.name]
    if len(dotted) != 1 or not dotted[0].undocumented:
        return False
    own = set(search_tokens(dotted[0].mention.name))
    asked = {next(iter(words)) for words in retrieved.concepts}
    inside = f"{dotted[0].names[0]}."
    return asked <= own and not any(name.startswith(inside) for name in index.all_names())


def unanswered(empty: Answer, part: Part) -> Answer:
    """The refusal where the generator, not we, found that the passages do not answer."""
    reason = REASONS["unanswered"][empty.language]
    made = _open(empty.question, empty.language, reason, empty.passages, empty.confidence)
    return replace(made, generator=part.generator, notice=part.notice)


def _weak_reason(retrieved: Retrieved, index: Index) -> str:
    language = retrieved.question.language
    undocumented = next((n for n in retrieved.named if n.undocumented and n.mention.sure), None)
    if undocumented is not None:
        name = undocumented.names[0]
        title = package_title(index, name)
        return REASONS["undocumented"][language].format(name=name, version=title)
    foreign = next((n.mention.name for n in retrieved.named if n.foreign), None)
    if foreign is not None:
        return REASONS["foreign"][language].format(name=foreign)
    return REASONS["weak"][language]


def _open(
    question: str, language: Language, reason: str, places: tuple[Passage, ...], confidence: float
) -> Answer:
    """With the one sentence that says that the documents do not answer."""
    lines = [f"{REFUSAL[language]} {reason}", *_nearest(places, language)]
    return _refusal(question, language, reason, lines, places=places, confidence=confidence)


def _nearest(places: Sequence[Passage], language: Language) -> list[str]:
    titles = ", ".join(place.title for place in places[:3])
    return [NEAREST[language].format(names=titles)] if places else []


def _refusal(
    question: str, language: Language, reason: str, lines: Sequence[str], *,
    places: tuple[Passage, ...], confidence: float,
) -> Answer:  # fmt: skip
    return Answer(
        question=question, language=language, answer="\n".join(lines), refused=True,
        reason=reason, verdict=None, confidence=round(confidence, 3), generator="extractive",
        citations=(), passages=places, seconds=0.0,
    )  # fmt: skip
