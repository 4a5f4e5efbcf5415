"""What `ask` itself says, in both languages. A refusal sentence stands here once.

Everything between “ and ” in an answer is the document's; everything outside comes from here.
"""

from __future__ import annotations

from rag.types import Language

REFUSAL: dict[Language, str] = {
    "en": "The documents do not answer this.",
    "ko": "문서에는 이 질문의 답이 없습니다.",
}

REASONS: dict[str, dict[Language, str]] = {
    "weak": {
        "en": "No section is close enough to the question to quote as an answer.",
        "ko": "질문과 충분히 가까운 내용이 문서에 없어 답으로 인용할 수 없습니다.",
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
ALIASES: dict[Language, str] = {"en": "also as {names}", "ko": "다른 이름: {names}"}
SAYS: dict[Language, str] = {"en": "{title} says:", "ko": "{title}의 내용:"}
SIGNATURE: dict[Language, str] = {"en": "Call:", "ko": "호출 형식:"}
EXAMPLE: dict[Language, str] = {"en": "Example:", "ko": "예제:"}
BOTH_SIDES: dict[Language, str] = {"en": "Side by side:", "ko": "나란히 보면:"}

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
    "majority": {
        "en": "Most sources say **{option}**; not all agree, and both sides are quoted.",
        "ko": "대부분의 출처는 **{option}** 쪽이지만 모두 같지는 않아 양쪽을 함께 인용합니다.",
    },
    "open": {
        "en": "The documents describe both and name no winner:",
        "ko": "문서는 둘을 각각 설명할 뿐 어느 하나로 정하지 않습니다:",
    },
    "fits": {
        "en": "What you describe is **{option}**:",
        "ko": "말씀하신 경우에는 **{option}** 쪽입니다:",
    },
}
SOURCE_SAYS: dict[Language, str] = {
    "en": "{title}{date} says {option}:",
    "ko": "{title}{date}: {option}",
}
BOTH_WORD: dict[Language, str] = {"en": "both", "ko": "둘 다"}

TOPIC: dict[Language, str] = {"en": "(about {topic})", "ko": "({topic}에 대해)"}
