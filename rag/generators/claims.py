"""What a sentence states that can be compared: numbers, names, negations, words that exclude others.

All of it works on Korean and English alike, so that a Korean sentence can be held against an
English passage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rag.concepts import query_concepts
from rag.text import ENGLISH_STOPWORDS

_CODE = re.compile(r"`([^`\n]+)`")
_IDENTIFIER = re.compile(
    r"(?<![\w.])(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[A-Za-z]+_\w+|_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*"
    r"|[A-Za-z_]\w*(?=\(\)))"
)
_PROPER = re.compile(r"(?<![\w.`])[A-Z][A-Za-z]*[A-Za-z0-9](?:[-'][A-Za-z]+)?(?![\w`])")
_LATIN = re.compile(r"(?<![\w.`])[A-Za-z][A-Za-z0-9]+(?![A-Za-z0-9_`])")
_URL = re.compile(r"\b(?:https?://|www\.)\S+", re.I)
_NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?(?![A-Za-z_\d])")
_NUMBER_WORDS: Mapping[str, float] = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "twice": 2, "thrice": 3, "hundred": 100, "thousand": 1000,
    "million": 1_000_000, "half": 0.5, "second": 2, "third": 3,
}  # fmt: skip
_NUMBER_WORD = re.compile(rf"\b({'|'.join(_NUMBER_WORDS)})\b(?!-)", re.I)
_KOREAN_NUMBERS: Mapping[str, float] = {
    "두": 2, "세": 3, "네": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9, "열": 10,
    "둘": 2, "셋": 3, "넷": 4, "절반": 0.5,
}  # fmt: skip
_COUNTED = "번|개|가지|장|대|명|단계|배|줄|칸|차례|군데|쪽|시간|달|살|층|곳|축|차원|인자|텐서|값"
_KOREAN_NUMBER = re.compile(
    rf"(?<![가-힣])(두|세|네|다섯|여섯|일곱|여덟|아홉|열) ?(?:{_COUNTED})|(?<![가-힣])(둘|셋|넷|절반)"
)
_NEGATION = re.compile(
    r"\b(?:not|cannot|never|neither|nor|without|non)\b|n['’]t\b|(?<![\w`])no\b(?!\.)|\bnone of\b"
    r"|\b(?:fails? to|unable|impossible|forbidden|prohibited|unsupported|prevents?|avoids?|disallow\w*)\b"
    r"|않|아니|아닌|없|못[^지]|지 마|지 말|말아야|(?<![가-힣])안 |(?<![가-힣])못 |불가|금지|미지원",
    re.I,
)
_UNDONE = re.compile(
    r"\bnot only\b|\bif not\b|\bor not\b|뿐만? 아니라|뿐 아니라|수밖에 없|할 것 없이|지 않으면",
    re.I,
)
_SUBJECT = re.compile(
    r"([A-Z][\w-]+)(?='s\b| (?:\d|is\b|was\b|has\b|had\b|calls?\b|[a-z]+ed\b|(?!this|various|always)[a-z]+[^s]s\b))"
)
_KOREAN_SUBJECT = re.compile(r"([가-힣]{2,}?)(?:은|는|이|가|에 따르면|에서는|의) ")
_OBJECT = re.compile(
    r"\b(?:with|by|from|into|in|on|at|using|for|along|without)\s+(?:(?:the|a|an|its|their|each|all|any|every)\s+)?"
    r"([A-Za-z][a-z-]{2,})\b"
)
_EMPTY = frozenset(
    """order case cases addition fact way ways example default contrast place general practice total
    particular both least most default time times use instance purposes comparison return turn
    detail short effect""".split()
)
_CLAUSE = re.compile(
    r"[,;:()\n]\s|(?<=[.!?。])\s|\b(?:because|since|but|while|whereas|although|though|which|unless|and|so that|"
    r"otherwise|even when)\b|(?<=지만)\s|(?<=으며)\s|(?<=하며)\s|(?<=[가-힣]고)\s|(?<=[가-힣]며)\s|(?<=때문)|(?<=는데)\s",
    re.I,
)
# Words of one row exclude each other.
_POLES = tuple(
    tuple(re.compile(side, re.I) for side in row)
    for row in (
        (r"\btrue\b|(?<![가-힣])참", r"\bfalse\b|(?<![가-힣])거짓"),
        (r"\bincreas\w*|\bgrow\w*|증가|늘어|늘리|커[지집진]", r"\bdecreas\w*|\breduc(?:es?|ing)\b(?! (?:to|over|along))|\bshrink\w*|감소|줄어|줄이|작아"),
        (r"\bbefore\b|이전에|(?<![가-힣])전에|기 전", r"\bafter\b|이후에|(?<![가-힣])뒤에|(?<![가-힣])후에|[은ㄴ한된] (?:뒤|후)"),
        (r"\bmin(?:imum|imal|imizes?)?\b|\bsmallest\b|\blowest\b|최소|가장 작", r"\bmax(?:imum|imal|imizes?)?\b|\blargest\b|\bhighest\b|최대|가장 큰|가장 크"),
        (r"\bascending\b|오름차순", r"\bdescending\b|내림차순"),
        (r"\bleft\b|왼쪽|좌측", r"\bright\b|오른쪽|우측"),
        (r"\blast\b|마지막", r"\bfirst\b|첫|처음|맨 앞"),
        (r"\balways\b|항상|언제나", r"\bnever\b|\bsometimes\b|때때로|가끔"),
        (r"\brows?\b|(?<![가-힣])행(?=[은이을의과 ])", r"\bcolumns?\b|(?<![가-힣])열(?=[은이을의과 ])"),
        (r"\bgreater\b|\blarger\b|\bmore than\b|\babove\b|\bat least\b|초과|이상|보다 [크큰많]", r"\bless\b|\bsmaller\b|\bfewer\b|\bbelow\b|\bat most\b|미만|이하|보다 [작적]"),
        (r"\bnew\b|새로운|(?<![가-힣])새 ", r"\bexisting\b|\balready\b|\bgiven dim|기존|이미 있"),
        (r"\bsame\b|\bidentical\b|\bequal\b|같은|동일|같아|같습", r"\bdifferent\b|\bdistinct\b|\bdiffers?\b|서로 다[른르]|다른 (?:크기|모양|값|형)|달라야|다[르릅]"),
        (r"\benabl\w+|켜[지진집]|활성화", r"\bdisabl\w+|꺼[지진집]|비활성화"),
        (r"\brequired\b|\bmandatory\b|필수|반드시", r"\boptional\b|선택 (?:사항|인자)|생략할 수"),
        (r"\bpositive\b|양수", r"\bnegative\b|음수"),
        (r"\bupper\b|위쪽|상삼각|상한", r"\blower\b|아래쪽|하삼각|하한"),
        (r"\bdry\b|마른", r"\bwet\b|\bdamp\b|젖은"),
        (r"\bfaster\b|\bfast\b|\bquick\w*|빠[르른릅]", r"\bslower\b|\bslow\b|느[리린립]"),
        (r"\btraining\b|\btrain\b|학습|훈련", r"\bevaluation\b|\binference\b|평가|추론"),
        (r"\bframeworks?\b|프레임워크", r"\blibrar(?:y|ies)\b|라이브러리"),
        (r"\bcpus?\b", r"\bgpus?\b|\bcuda\b"),
        (r"\bsum(?:s|med)?\b|합계|합을|합산", r"\bmean\b|\baverages?d?\b|평균"),
        (r"\bin-?place\b|제자리|그 자리", r"\bout-?of-?place\b|\ba copy\b|복사본"),
        (r"\bdynamic\w*|동적", r"\bstatic\w*|정적"),
        (r"\bforward\b|순전파", r"\bbackward\b|역전파"),
        (r"\bopen\b|여[는세]|엽니", r"\bclosed?\b|닫[는으습]"),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A sentence, its markers taken off, and what it states; each part is found when asked for."""

    text: str

    @cached_property
    def concepts(self) -> tuple[Mapping[str, float], ...]:
        """Its words of content, each with what it may be called in the other language."""
        return query_concepts(self.text)

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of its concepts."""
        return frozenset(word for concept in self.concepts for word in concept)

    @cached_property
    def numbers(self) -> frozenset[float | str]:
        """Its numbers, written in figures or in words; "2.13.0" stays a text."""
        return frozenset([*_figures(self.text), *_spelled(self.text)])

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of code in lower case, without brackets: "torch.stack", "num_workers"."""
        quoted = [found.strip() for found in _CODE.findall(self.text)]
        bare = _IDENTIFIER.findall(_CODE.sub(" ", self.text))
        names = (re.split(r"[(=\s]", name.strip("()*. "))[0] for name in (*quoted, *bare))
        return frozenset(n.lower() for n in names if re.match(r"[A-Za-z_]", n) and len(n) > 1)

    @cached_property
    def proper(self) -> frozenset[str]:
        """Words that are written as names, in lower case; in a Korean sentence all Latin words."""
        plain = _URL.sub(" ", _CODE.sub(" ", self.text))
        korean = re.search("[가-힣]", plain) is not None
        found = (_LATIN if korean else _PROPER).finditer(plain)
        return frozenset(
            match.group().lower()
            for match in found
            if korean or not re.search(r"(?:^|[.:!?]\s+|[“\"(]\s*)$", plain[: match.start()])
        )

    @cached_property
    def subject(self) -> str | None:
        """The name or noun that opens it as its subject or source, where there clearly is one:
        "Microsoft explains ...", "위키백과는 ...", "위키백과에 따르면 ..."."""
        found = _SUBJECT.match(self.text) or _KOREAN_SUBJECT.match(self.text)
        return found[1] if found else None

    @cached_property
    def objects(self) -> frozenset[str]:
        """In English, the words that a preposition leads in: "with acid", "along the axis"."""
        plain = _CODE.sub(" ", self.text)
        found = (match[1].lower() for match in _OBJECT.finditer(plain))
        return frozenset(word for word in found if word not in ENGLISH_STOPWORDS | _EMPTY)

    @cached_property
    def links(self) -> frozenset[str]:
        """Addresses of pages."""
        return frozenset(url.rstrip(".,;:)]}>'\"").lower() for url in _URL.findall(self.text))

    @cached_property
    def negations(self) -> int:
        """How often it negates."""
        return len(_NEGATION.findall(_UNDONE.sub(" ", _CODE.sub(" x ", self.text))))

    @cached_property
    def clauses(self) -> tuple[Claim, ...]:
        """Its clauses, each a claim; the whole where it has only one."""
        parts = [part for part in _CLAUSE.split(self.text) if part and len(part.split()) > 1]
        return tuple(map(Claim, parts)) if len(parts) > 1 else (self,)

    @cached_property
    def poles(self) -> tuple[tuple[bool, bool], ...]:
        """For each pair of words that exclude each other, which of them it holds."""
        plain = self.text.replace("`", " ")
        return tuple((a.search(plain) is not None, b.search(plain) is not None) for a, b in _POLES)


def _figures(text: str) -> list[float | str]:
    found: list[float | str] = []
    for match in _NUMBER.finditer(_URL.sub(" ", text)):
        figure = match.group().replace("−", "-").lower()
        if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", figure):
            figure = figure.replace(",", "")
        for part in figure.split(","):
            try:
                found.append(abs(float(part)) if _is_range(text, match) else float(part))
            except ValueError:
                found.append(part)
    return found


def _is_range(text: str, match: re.Match[str]) -> bool:
    """Whether a minus is the dash of a range or a date: "2022-2023"."""
    before = text[: match.start()].rstrip()
    return match.group()[0] in "-−" and before[-1:].isdigit()


def _spelled(text: str) -> list[float]:
    english = [_NUMBER_WORDS[word.lower()] for word in _NUMBER_WORD.findall(text)]
    korean = [_KOREAN_NUMBERS[a or b] for a, b in _KOREAN_NUMBER.findall(text)]
    return [*english, *korean]
