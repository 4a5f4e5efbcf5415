"""Has a language model write the answer, and lets through only what the documents say.

The model's words are checked sentence by sentence as they come. What fails is left out (or marked,
where the user wants to see it), markers become citations of the very words that support the
sentence, and where the model fails or too little of its text remains, the quotes of the extractive
generator are given instead, with a notice.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from rag.citations import cite
from rag.encoders import Encoder
from rag.errors import ModelFailed
from rag.generators.chatmodel import LIMITS, ChatModel, Limits
from rag.generators.check import Checker, Finding
from rag.generators.excerpts import Excerpt, excerpts, prompt
from rag.generators.extractive import Written
from rag.generators.generator import EXTRACTIVE, Brief, Extractive, Part, closing
from rag.generators.splitting import Piece, pieces, without_thoughts
from rag.generators.stances import stances
from rag.prompts import MODEL_FAILED, QUOTED_INSTEAD, REFUSAL, UNSUPPORTED_MARK
from rag.text import has_hangul, language_of
from rag.types import Citation, Language

TRIES = 3  # of one answer, the first included
_WAITS = (0.5, 2.0)  # seconds before the second and the third
_LEAST = 1 / 3  # of the model's sentences that must be supported
_MOST_PASSAGES_TOKENS = 6_000
_MARKER = re.compile(
    r"[ \t]*(?<![\w`\])])((?:[\[【](?:[^\[\]【】`\d]{0,12})?\d{1,3}(?:, ?\d{1,3})*[\]】])+)(?![\w(`])"
)
_NO_LETTERS = re.compile(r"[\W\d_]*")
_OTHER_SCRIPTS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0400-\u04ff\u0600-\u06ff\u0e00-\u0e7f]")
_QUOTES_AND_CODE = re.compile(r"[“\"][^“”\"]*[”\"]|`[^`]*`")


class Composer:
    """The generator that has a language model write."""

    def __init__(
        self,
        model: ChatModel,
        encoder: Encoder,
        *,
        strict: bool = True,
        limits: Limits = LIMITS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`strict` leaves out what is not supported, else it is marked; `pause` waits for so many
        seconds before the model is asked again."""
        self.name = model.name
        self._model = model
        self._encoder = encoder
        self._strict = strict
        self._limits = limits
        self._pause = pause

    def stream(self, brief: Brief) -> Iterator[Part]:
        """The answer, a checked sentence more each time."""
        language = brief.retrieved.question.language
        count = self._model.tokens
        room = self._model.context - self._limits.tokens - 700  # for the rules and the question
        passages = excerpts(brief.read, count, min(room, _MOST_PASSAGES_TOKENS))
        draft = _Draft(language, self.name, strict=self._strict)
        problem = ""
        try:
            yield from self._written(brief, passages, draft)
            if not draft.refused and draft.supported < _LEAST * max(1, draft.claims):
                problem = "unsupported" if draft.claims else "empty"
        except ModelFailed as error:
            problem = error.kind
        if draft.refused:
            yield Part(Written("", ()), self.name, refused=True)
        elif problem:
            yield from self._quoted(brief, draft, self._notice(problem, language))
        else:
            verdict = stances(brief, draft.citations)
            yield replace(draft.part(), written=replace(draft.part().written, verdict=verdict))

    def _written(self, brief: Brief, passages: list[Excerpt], draft: _Draft) -> Iterator[Part]:
        """What the model writes, asked again where that may help and nothing is shown yet."""
        firm = False
        for attempt in range(TRIES):
            try:
                yield from self._attempt(brief, passages, draft, firm=firm)
                return
            except ModelFailed as error:
                last = attempt == TRIES - 1
                if last or draft.blocks or not error.again:
                    raise
                firm = firm or error.kind == "language"
                draft.restart()
                self._pause(error.wait or _WAITS[attempt])

    def _attempt(
        self, brief: Brief, passages: list[Excerpt], draft: _Draft, *, firm: bool
    ) -> Iterator[Part]:
        question = brief.retrieved.question
        fence = f"<<{secrets.token_hex(8)}>>"
        asked = prompt(question, passages, fence, firm=firm)
        with ThreadPoolExecutor(1) as pool:  # the passages are embedded while the model reads them
            ready = pool.submit(Checker, passages, self._encoder)
            with closing(self._model.stream(asked, self._limits)) as words:
                for piece in pieces(without_thoughts(words)):
                    if draft.add(piece, ready):
                        yield draft.part()
                    if draft.refused:
                        return
        if not draft.claims:
            raise ModelFailed("empty", again=True)

    def _quoted(self, brief: Brief, draft: _Draft, notice: str) -> Iterator[Part]:
        """The extractive answer, behind what is shown already, its markers counted on."""
        shown = draft.part().written
        whole = None
        for whole in Extractive().stream(brief):
            written = _behind(shown, whole.written)
            yield Part(written, EXTRACTIVE if not shown.text else self.name, notice)
        if whole is None and shown.text:
            yield Part(shown, self.name, notice)

    def _notice(self, problem: str, language: Language) -> str:
        told = MODEL_FAILED[problem][language].format(name=self.name)
        return f"{told} {QUOTED_INSTEAD[language]}"

    def close(self) -> None:
        """Let go of the model."""
        self._model.close()


class _Draft:
    """The answer of one question in the making."""

    def __init__(self, language: Language, name: str, *, strict: bool) -> None:
        self.language = language
        self.name = name
        self.strict = strict
        self.restart()

    def restart(self) -> None:
        """Forget what was counted; nothing is shown yet."""
        self.blocks: list[str] = []
        self.citations: list[Citation] = []
        self.claims = self.supported = 0
        self.refused = False
        self._line = ""  # what opens the line that the next sentence stands on, none within one

    def part(self) -> Part:
        """The answer so far."""
        return Part(Written("".join(self.blocks).lstrip("\n"), tuple(self.citations)), self.name)

    def add(self, piece: Piece, ready: Future[Checker]) -> bool:
        """Check a piece and take it in; whether the answer has grown."""
        if piece.fresh:
            self._line = f"\n{'- ' if piece.mark[:1] in '-*+•' and piece.mark else piece.mark}"
        if piece.mark.startswith("#"):
            return False  # a heading states nothing
        if piece.code:
            return self._take_code(piece, ready)
        text, cited = without_markers(piece.text)
        if _NO_LETTERS.fullmatch(text) or (text.endswith(":") and len(text) < 80):
            return False
        if not self.claims and says_refusal(text, self.language):
            self.refused = True
            return False
        self.claims += 1
        if not in_language(text, self.language):
            if not self.blocks:
                raise ModelFailed("language", again=True)
            return False
        return self._take(text, ready.result().check(text, cited))

    def _take(self, text: str, finding: Finding) -> bool:
        if finding.spans:
            self.supported += 1
            self._show(text, "".join(self._marker(finding)))
            return True
        if self.strict:
            return False
        self._show(text, f"*{UNSUPPORTED_MARK[self.language]}*")
        return True

    def _take_code(self, piece: Piece, ready: Future[Checker]) -> bool:
        finding = ready.result().code(piece.text)
        self.claims += 1
        if not finding.spans:
            return False  # code that nobody wrote down is not shown, strict or not
        self.supported += 1
        self.blocks.append(f"\n```\n{piece.text}\n``` {''.join(self._marker(finding))}")
        return True

    def _show(self, text: str, mark: str) -> None:
        self.blocks.append(f"{self._line or ' '}{text} {mark}")
        self._line = ""

    def _marker(self, finding: Finding) -> Iterator[str]:
        for span in finding.spans:
            made = cite(span.document, span.start, span.end, len(self.citations) + 1)
            same = (
                known.marker
                for known in self.citations
                if (known.source, known.start, known.end) == (made.source, made.start, made.end)
            )
            number = next(same, made.marker)
            if number == made.marker:
                self.citations.append(made)
            yield f"[{number}]"


def without_markers(text: str) -> tuple[str, list[int]]:
    """A sentence without its markers, and their numbers: "A joins B [1, 2]." -> ("A joins B.", [1, 2])."""
    cited = [int(n) for found in _MARKER.finditer(text) for n in re.findall(r"\d+", found[1])]
    return re.sub(r"\s+([.,!?。])", r"\1", _MARKER.sub("", text)).strip(), cited


def says_refusal(text: str, language: Language) -> bool:
    """Whether a sentence is the one refusal sentence, in whichever language."""
    said = re.sub(r"[\W_]+", "", text).lower()
    return any(said.startswith(re.sub(r"[\W_]+", "", one).lower()) for one in REFUSAL.values())


def in_language(text: str, language: Language) -> bool:
    """Whether a sentence is in the language that was asked for; quotes and code do not count."""
    own = _QUOTES_AND_CODE.sub(" ", text)
    letters = sum(map(str.isalpha, own))
    if not letters:
        return True
    if len(_OTHER_SCRIPTS.findall(own)) * 5 > letters:
        return False
    if language == "en":
        return language_of(own) == "en" or sum(map(has_hangul, own)) * 5 < letters
    return has_hangul(own) or len(re.findall(r"[^\W\d_]{2,}", own)) <= 1


def _behind(shown: Written, quoted: Written) -> Written:
    """Quotes put behind what is shown, their markers counted on."""
    if not shown.text:
        return quoted
    more = len(shown.citations)
    text = re.sub(r"\[(\d+)\]$", lambda found: f"[{int(found[1]) + more}]", quoted.text, flags=re.M)
    cited = (replace(one, marker=one.marker + more) for one in quoted.citations)
    return Written(f"{shown.text}\n{text}", (*shown.citations, *cited), quoted.verdict)
