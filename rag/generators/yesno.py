"""Yes or no, where one sentence of the documentation says so in the words of the question.

Nothing is inferred: the sentence must hold what was asked, and a condition, a hedge or a contrast
in it ("if", "may", "unlike") means that there is no plain answer. Then the answer begins with what
the text says.
"""

from __future__ import annotations

import re
from typing import Literal

from rag.generators.draft import Draft, shown_quote
from rag.prompts import TRUTHS, label
from rag.question import Question
from rag.reader import Read, Reading
from rag.retrieve import Retrieved

Truth = Literal["yes", "no"]

# Share of what was asked, weighed by rarity, that the sentence must hold. Yes needs more: a sentence
# about nearly the same thing says yes to nothing, but seldom denies it by chance.
_HELD = {"yes": 0.9, "no": 0.75}
_LONG = 240  # characters; a longer unit says more than one thing
_NO = re.compile(
    r"\b(?:not|cannot|can't|never|doesn't|don't|isn't|aren't|won't|shouldn't|no longer)\b"
    r"|않|없다|없습니다|아니다|아닙니다|못한다",
    re.I,
)
_HEDGE = re.compile(
    r"\b(?:if|when|unless|only|may|might|unlike|except|usually|generally|some|sometimes|either|or|whether|"
    r"optional|otherwise|but|however|although|while|instead|than|default|always|guaranteed)\b"
    r"|경우|때만|만\s|수도|달리|하지만|일부|거나",
    re.I,
)
_OPEN = re.compile(
    r"\bor\b|아니면|랑|이랑|[가-힣](?:와|과)\s|무엇|뭐|뭘|뭔|어느|어떤|어떻게|왜|언제|누가|몇|얼마|무슨|어디|"
    r"\b(?:how|what|which|why|when|where|who)\b|\b(?:any|exactly|enough|always|only|also|too)\b|항상|꼭|만\s",
    re.I,
)


def begin(retrieved: Retrieved, read: Read, place: int, draft: Draft) -> None:
    """Begin the answer with yes or no and its proof, where one is told."""
    found = truth(retrieved, read, place)
    if found is not None:
        said, unit = found
        document, language = read.documents[place], retrieved.question.language
        draft.quote(
            document, unit.chunk, lead=f"{TRUTHS[said][language]} {label(document, language)}"
        )


def truth(retrieved: Retrieved, read: Read, place: int) -> tuple[Truth, Reading] | None:
    """What the best units of the document at `place` answer, and the unit that proves it."""
    question = retrieved.question
    if not asks(question):
        return None
    for unit in read.of(place)[:3]:
        said = says(shown_quote(read.documents[place], unit.chunk), unit.words)
        if said is not None:
            return said, unit
    return None


def asks(question: Question) -> bool:
    """Whether the question is a plain one for yes or no: without a negation of its own, an
    alternative or a question word."""
    return (
        "yesno" in question.intents
        and not question.intents & {"howto", "number", "when", "who", "why", "define", "error"}
        and not question.options
        and not _NO.search(question.text)
        and not re.search(r"안\s|못\s|말아", question.text)
        and not _OPEN.search(question.text)
    )


def says(sentence: str, held: float) -> Truth | None:
    """What a sentence that holds the share `held` of the asked words says to it; None where it is
    no plain answer."""
    said: Truth = "no" if _NO.search(sentence) else "yes"
    plain = len(sentence) <= _LONG and not _HEDGE.search(sentence)
    return said if plain and held >= _HELD[said] else None
