"""What a model is shown: the best units of the documents that were read, numbered and fenced."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.generators.chatmodel import Prompt
from rag.markup import readable
from rag.prompts import ASKED, BOTH_SIDES, INSTRUCTIONS, OTHER_LANGUAGE, REFUSAL
from rag.question import Question
from rag.reader import Read, Reading
from rag.types import Chunk, Document

_UNITS = 14  # of one document at most
_MODEL_MARKS = re.compile(r"<\|(?=[^|<>\n]{1,40}\|>)")  # <|im_start|> and its like
_AS_IT_IS = frozenset(["example", "code", "signature", "table"])

# A text that speaks to a language model instead of to a reader. Such sentences are neither shown
# to a model nor accepted as proof of what it says.
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}\b(?:instruction|prompt|rule|"
    r"passage|previous|prior|above|earlier|before|context|guideline|question)"
    r"|\b(?:system|developer) (?:prompt|message|override|instruction)|\bnew instructions?\b"
    r"|\b(?:you are|act as|you must act|pretend to be|roleplay)\b[^.\n]{0,30}\b(?:now|assistant|"
    r"chatbot|model|ai|dan|hacker|pirate)\b"
    r"|\b(?:assistant|chatbot|language model|llm|ai model|the ai|ai)s?\b[^.\n]{0,40}\b(?:must|should|has to|"
    r"shall|will|please|need to|are to|is to)\b[^.\n]{0,40}\b(?:say|answer|reply|respond|write|output|print|"
    r"tell|repeat|state|claim|include|append|add)"
    r"|\b(?:say|answer|reply|respond|write|output|print|repeat)\b[^.\n]{0,20}\b(?:only|exactly|nothing "
    r"but|with the (?:word|words|phrase|text|sentence)|verbatim)\b"
    r"|\b(?:reveal|leak|print|show|repeat)\b[^.\n]{0,30}\b(?:system prompt|your instructions|your rules|api key)"
    r"|(?:지시|명령|규칙|프롬프트|지침|발췌문|질문)[^.\n]{0,20}(?:무시|잊어|잊고|따르지|어기)"
    r"|(?:무시|잊)[^.\n]{0,12}(?:지시|명령|규칙|프롬프트|지침)"
    r"|(?:너는|당신은|넌)[^.\n]{0,20}(?:이제|지금부터)|(?:이제|지금)부터 (?:너는|당신은|넌)"
    r"|시스템 (?:프롬프트|메시지|지시)"
    r"|(?:인공지능|언어 ?모델|챗봇|AI|어시스턴트)[은는이가]?[^.\n]{0,40}(?:답하|대답하|말하|출력하|쓰)(?:라|세요|십시오|시오|여야|도록)"
    r"|(?:라고만|이라고만|으로만|로만|그대로)[^.\n]{0,10}(?:답|대답|말|출력|쓰)(?:하|세요|라|십)",
    re.I,
)


def is_order(text: str) -> bool:
    """Whether a text gives orders to a language model ("Ignore all instructions above"), or has the
    marks of a chat's turns."""
    return (
        _ORDER.search(" ".join(text.split())) is not None or _MODEL_MARKS.search(text) is not None
    )


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A numbered passage: units of one document in its own order."""

    number: int
    document: Document
    chunks: tuple[Chunk, ...]

    @property
    def head(self) -> str:
        """ "torch.stack · torch 2.13.0": title, version and date."""
        facts = (self.document.title, self.document.version, self.document.date)
        return " · ".join(fact for fact in facts if fact)


def excerpts(read: Read, count: Callable[[str], int], budget: int) -> list[Excerpt]:
    """The best units of each document, as many as `budget` tokens hold, documents as ranked.

    Half of what is left goes to each document in turn, so that the first gets most.
    """
    made: list[Excerpt] = []
    for place, document in enumerate(read.documents):
        kept, spent = _kept(document, read.of(place), count, max(budget // 2, 200))
        if kept and spent <= budget:
            made.append(Excerpt(len(made) + 1, document, kept))
            budget -= spent
    return made


def _kept(
    document: Document, units: Sequence[Reading], count: Callable[[str], int], room: int
) -> tuple[tuple[Chunk, ...], int]:
    kept: list[Chunk] = []
    spent = count(document.title) + 24
    for unit in units[:_UNITS]:
        text = document.text[unit.chunk.start : unit.chunk.end]
        need = count(text) + 2
        if spent + need <= room and not is_order(text):
            kept.append(unit.chunk)
            spent += need
    return tuple(sorted(kept, key=lambda chunk: chunk.start)), spent


def shown(excerpt: Excerpt) -> str:
    """The text of a passage: prose on one line a unit, code as it stands."""
    lines = []
    heading = excerpt.document.title
    for chunk in excerpt.chunks:
        if chunk.heading not in ("", heading, excerpt.document.title):
            heading = chunk.heading
            lines.append(f"# {heading}")
        text = excerpt.document.text[chunk.start : chunk.end]
        lines.append(text.strip("\n") if chunk.role in _AS_IT_IS else readable(text))
    return harmless("\n".join(lines))


def harmless(text: str) -> str:
    """`text` whose marks of a chat's turns, as models' templates have them, are broken."""
    return _MODEL_MARKS.sub("< |", text)


def prompt(question: Question, passages: Sequence[Excerpt], fence: str, *, firm: bool) -> Prompt:
    """The rules, and the passages between lines that begin with `fence`, a random word.

    `firm` adds that the answer is to be in the asker's language, for a model that did not mind.
    """
    language = question.language
    rules = [INSTRUCTIONS[language].format(refusal=REFUSAL[language], fence=fence)]
    if len(question.options) == 2:
        a, b = question.options
        rules.append(BOTH_SIDES[language].format(a=a, b=b))
    if firm:
        rules.append(f"- {OTHER_LANGUAGE[language]}")
    blocks = []
    for one in passages:
        text = f"{harmless(one.head)}\n{shown(one)}".replace(fence, "")
        blocks.append(f"{fence} [{one.number}]\n{text}\n{fence}")
    asked = ASKED[language].format(question=harmless(question.text))
    return Prompt("\n".join(rules), "\n\n".join([*blocks, asked]))
