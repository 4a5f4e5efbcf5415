"""What `ask` itself says, in both languages. A refusal sentence stands here once.

Everything between “ and ” in an answer is the document's; everything outside comes from here.
"""

from __future__ import annotations

from rag.types import Document, Language

REFUSAL: dict[Language, str] = {
    "en": "The documents do not answer this.",
    "ko": "문서에는 이 질문의 답이 없습니다.",
}

REASONS: dict[str, dict[Language, str]] = {
    "weak": {
        "en": "No section is close enough to the question to quote as an answer.",
        "ko": "질문과 충분히 가까운 내용이 문서에 없어 답으로 인용할 수 없습니다.",
    },
    "unanswered": {
        "en": "The language model found no answer in the sections that come nearest.",
        "ko": "언어 모델이 가장 가까운 내용에서 답을 찾지 못했습니다.",
    },
    "foreign": {
        "en": "`{name}` belongs to a package whose documentation is not in the index.",
        "ko": "`{name}`은(는) 색인에 없는 다른 패키지의 이름입니다.",
    },
    "missing": {
        "en": "There is no `{name}` in {version}: it does not exist in the documented package.",
        "ko": "{version}에는 `{name}`이(가) 없습니다. 문서화된 패키지에 존재하지 않는 이름입니다.",
    },
    "keyword": {
        "en": "`{owner}` has no parameter `{name}` in {version}: it does not exist.",
        "ko": "{version}의 `{owner}`에는 `{name}`이라는 인자가 없습니다. 존재하지 않는 인자입니다.",
    },
    "undocumented": {
        "en": "`{name}` exists in {version}, but has no documentation of its own there "
        "(undocumented or deprecated).",
        "ko": "`{name}`은(는) {version}에 있지만 문서가 없습니다(문서 없음 또는 사용 중단).",
    },
    "future": {
        "en": "The question is about {year}; the documents end in {end}.",
        "ko": "질문은 {year}년에 관한 것인데, 문서는 {end}년까지의 내용입니다.",
    },
}

NEAREST: dict[Language, str] = {"en": "Nearest: {names}", "ko": "가까운 항목: {names}"}
NEAREST_NAMES: dict[Language, str] = {"en": "Did you mean {names}?", "ko": "혹시 {names}인가요?"}

DEFAULT_OF: dict[Language, str] = {
    "en": "The default of `{name}` is `{value}`.",
    "ko": "`{name}`의 기본값은 `{value}`입니다.",
}
ALIAS: dict[Language, str] = {"en": "also as `{name}`", "ko": "다른 이름 `{name}`"}
CORRECTED: dict[Language, str] = {
    "en": "There is no `{wrong}`; this is about `{right}`.",
    "ko": "`{wrong}`은(는) 없는 이름이어서 `{right}`에 대해 답합니다.",
}

VERDICTS: dict[str, dict[Language, str]] = {
    "one": {
        "en": "The sources say **{option}**.",
        "ko": "출처들은 **{option}**(이)라고 말합니다.",
    },
    "both": {
        "en": "Both words are used: **{a}** and **{b}**, depending on the source and its date.",
        "ko": "**{a}**와(과) **{b}** 둘 다 쓰입니다. 출처와 시점에 따라 다릅니다.",
    },
    "disagree": {
        "en": "The sources disagree: **{a}** or **{b}**.",
        "ko": "출처들이 서로 다르게 말합니다: **{a}** 또는 **{b}**.",
    },
}
NEWEST: dict[Language, str] = {
    "en": "The newest of them ({year}) say **{option}**.",
    "ko": "가장 최근({year}년) 출처는 **{option}** 쪽입니다.",
}
BOTH_WORD: dict[Language, str] = {"en": "both", "ko": "둘 다"}


def label(document: Document, language: Language) -> str:
    """What is quoted: "`torch.stack` (torch 2.13.0):", "PyTorch - Wikipedia (2026-07-02):", and in
    Korean "`torch.stack` 문서(torch 2.13.0)에 따르면:"."""
    if document.kind == "symbol":
        facts = [document.version] if document.version else []
        if len(document.aliases) == 1:
            facts.append(ALIAS[language].format(name=document.aliases[0].partition(":")[2]))
        name, inside = f"`{document.title}`", ", ".join(facts)
    else:
        name, inside = document.title, document.date or document.version or ""
    if language == "ko":
        kind = " 문서" if document.kind == "symbol" else " "
        return f"{name}{kind}({inside})에 따르면:" if inside else f"{name}{kind.rstrip()}에 따르면:"
    return f"{name} ({inside}):" if inside else f"{name}:"
