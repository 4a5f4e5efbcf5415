"""What a question says on its surface: language, names of code, intent, options.

Everything here is read off the words; what the names mean is looked up in the index later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rag.errors import UsageError
from rag.options import options
from rag.text import fold, has_hangul, language_of, printable
from rag.types import Language

MAX_CHARACTERS = 2_000

# Names under which modules are imported by habit; the second is what they stand for.
IMPORT_HABITS = {
    "F": "torch.nn.functional",
    "nn": "torch.nn",
    "optim": "torch.optim",
    "dist": "torch.distributed",
    "np": "numpy",
    "pd": "pandas",
    "tf": "tensorflow",
    "jnp": "jax.numpy",
    "plt": "matplotlib.pyplot",
    "sns": "seaborn",
    "pl": "pytorch_lightning",
    "cv2": "opencv",
    "linen": "flax.linen",
}
# Packages that people ask about beside the documented one. A name under one of these that is not
# in the index is not answered with a namesake from another package.
OTHER_PACKAGES = frozenset(
    """tensorflow keras jax flax numpy pandas scipy sklearn matplotlib seaborn torchvision torchaudio
    torchtext transformers datasets diffusers accelerate lightning pytorch_lightning mxnet paddle
    cupy opencv xgboost lightgbm optax haiku mlx tinygrad onnxruntime tensorrt fastai timm peft
    django flask fastapi react pyspark ray dask polars""".split()
)

# How Korean writes the names of packages and of what else is asked about beside the documents.
KOREAN_PACKAGES = {
    "텐서플로": "tensorflow", "텐서플로우": "tensorflow", "케라스": "keras", "넘파이": "numpy",
    "판다스": "pandas", "사이킷런": "sklearn", "사이파이": "scipy", "맷플롯립": "matplotlib",
    "허깅페이스": "transformers", "라이트닝": "lightning", "엑스지부스트": "xgboost",
    "오픈씨브이": "opencv", "토치비전": "torchvision", "장고": "django", "플라스크": "flask",
    "쿠버네티스": "kubernetes", "도커": "docker", "엠엘플로우": "mlflow", "아나콘다": "anaconda",
    "랭체인": "langchain", "올라마": "ollama", "스트림릿": "streamlit", "리액트": "react",
    "우분투": "ubuntu", "토치서브": "torchserve", "스파크": "spark", "쿠파이": "cupy",
}  # fmt: skip
# Products beside packages; their names are seldom dotted.
_PRODUCTS = {
    "hugging face": "transformers", "huggingface": "transformers", "scikit-learn": "sklearn",
    "kubernetes": "kubernetes", "docker": "docker", "mlflow": "mlflow", "wandb": "wandb",
    "anaconda": "anaconda", "conda": "anaconda", "ubuntu": "ubuntu", "torchserve": "torchserve",
    "streamlit": "streamlit", "gradio": "gradio", "airflow": "airflow", "slurm": "slurm",
}  # fmt: skip
_OTHER = "|".join(
    sorted({*OTHER_PACKAGES, *KOREAN_PACKAGES, *_PRODUCTS, "np", "pd", "tf", "jnp"}, key=len)[::-1]
)
# Who asks for our side of it: "np.swapaxes in torch", "the equivalent of np.take", "판다스 merge 같은 거".
_LIKENED = re.compile(
    r"\b(?:in|into|to|for|with|using) (?:py)?torch\b|\btorch(?:'s)? (?:equivalent|counterpart|version|twin|way)\b"
    r"|\bhere\b|\bin this library\b|여기(?:서|도|에|는|선)|(?:토치|torch)(?:에서|에도|에선|에는|엔|로|판)"
    rf"|\b(?:equivalent|counterpart|twin|analogue?) (?:of|to|for) (?:{_OTHER})\b"
    rf"|\b(?:like|unlike|from) (?:in )?(?:{_OTHER})\b|\b(?:{_OTHER})[- ](?:like|style)\b"
    rf"|(?:{_OTHER})[^,?!]{{0,24}}?(?:처럼|같은 [거것게건함기]|비슷한|쓰던|해당하는|대응하는|식으로)",
    re.I,
)
_MENTION = re.compile(
    r"(?P<tick>`?)(?P<name>(?:(?<![\w.])\.)?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"(?P<call>\s?\((?P<inside>[^()]{0,80})\)|\()?"
)
# "eq vs equal", "difference between eq and equal": plain words may be names there.
_COMPARED = re.compile(
    r"(?P<one>[a-z]\w+)\s+(?:vs\.?|versus)\s+(?P<other>[a-z]\w+)"
    r"|\bbetween\s+(?P<first>[a-z]\w+)\s+and\s+(?P<second>[a-z]\w+)"
)
# "nn.LSTM 말고", "other than nn.LSTM": what is named is not what is wanted.
_BEFORE_UNWANTED = re.compile(
    r"\b(?:other than|besides|except(?: for)?|aside from)\s+[`'\"]?$", re.I
)
_BEHIND_UNWANTED = re.compile(r"[`'\"]?(?:은|는|을|를)?\s?(?:말고|빼고|제외하고|외에)")
_FORMULA = re.compile(r"[\w)]\s*[-+*/^]\s*[\w(]")  # log(1+x) is mathematics before it is a call
_NAME = re.compile(r"[A-Z][a-z]*[A-Z]\w*")  # inside brackets: another name, not an argument
_KEYWORD = re.compile(r"(?<![\w=])([a-z_][A-Za-z0-9_]*)\s*=(?!=)")
_ORDINARY = frozenset("e.g i.e a.k.a w.r.t etc vs A I PyTorch pytorch".split())
# A number is a year only where it is said to be one: 2048 may be a size.
_YEAR = re.compile(
    r"\b(?:in|by|until|since|before|after|year|of)\s+(?P<en>(?:19|20)\d\d)(?![\d.,]*\d)"
    r"|(?<!\d)(?P<ko>(?:19|20)\d\d)(?=\s?년)",
    re.I,
)

_INTENTS: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.I)
    for name, pattern in {
        "default": r"\bdefaults?\b|\bunless (?:told|said|stated) otherwise\b|\bsay nothing\b|기본|디폴트",
        "option": r"\b(?:which|what) (?:flag|option|argument|arg|parameter|setting|keyword|mode)\b|인자|인수|옵션|파라미터|"
        r"매개변수|플래그|설정값",
        "omitted": r"안 (?:주|넘기|넣|정하|쓰|적|지정)|생략|(?:지정|설정)하지 않|빼(?:면|고)|\bomit|\bwithout (?:giving|passing|"
        r"setting|specifying)\b|\bunless\b|\bnot (?:given|passed|set|specified|provided)\b|\b(?:don't|do not) "
        r"(?:give|pass|set|specify)\b|\bleave (?:out|off|it)\b|\bleft out\b",
        "howto": r"\bhow (?:do|can|to|should|would)\b|\bhow's\b|\bway to\b|\bwhich (?:function|module|class|tool|"
        r"method|api|optimizer|option)|어떻게 (?!되|돼|된|됩|다르|달라|동작|작동|나오|나와|생기|생겨|바뀌|계산되|처리되)|하려면|려면|하는 법|"
        r"방법|하고 싶|고 싶|뭘 (?:써|쓰|사용|불러)|뭐 (?:써|쓰)|무엇을 (?:써|쓰|사용)|쓰는 법|사용법|활용법|예제|예시|\bexample|\busage\b",
        "type": r"\b(?:what|which) (?:data ?)?type\b|\btype of\b|(?:자료형|타입|형식)(?:은|이|으로|을|:|\?|$| )",
        "shape": r"\bshapes?\b|\bdimensions?\b|\bsizes?\b|모양|크기|차원|형태|shape",
        "returns": r"\breturns?\b|\bgive(?:s)? (?:me|back)\b|\bcomes? (?:out of|back)\b|"
        r"\b(?:get|hands?|handed) back\b|\boutputs?\b|반환|돌려|리턴|결과",
        "error": r"\w*errors?\b|\w*exception\b|\braises?\b|\bfail(?:s|ed|ure)?\b|\bcrash|\w*warnings?\b|\bwarns?\b|"
        r"\bhangs?\b|\bstuck\b|\bdeadlock|\bleak(?:s|ing)?\b|\bout of memory\b|\bOOM\b|에러|오류|예외|경고|안 돼|안돼|안되|"
        r"실패|멈춰|멈추고|터져|터지|죽어|refuse",
        "when": r"\bwhen\b|\bwhat year\b|\bwhich year\b|\bdate\b|\bmonth\b|언제|몇 년|몇년|날짜|연도|몇 월",
        "who": r"\bwho\b|\bwhom\b|누가|누구",
        "number": r"\bhow (?:many|much|fast|long|big)\b|몇|얼마|배\b|퍼센트|percent",
        "difference": r"\bdiffer|\bvs\b|\bversus\b|차이|다른 점|다른가|달라|비교|\bcompare",
        "define": r"^\s*what (?:is|are|does|'s)\b|^\s*define\b|무엇인가|뭐야|뭐예요|뭔가요|뭐에요|무엇을 하|"
        r"뭐 하는|뭐하는|뭔지|란\?|이란",
        "future": r"\bwill\b|\bgoing to\b|\bnext (?:year|version|release|month)|\bupcoming\b|\bfuture\b|\bplanned\b|"
        r"내년|다음 (?:버전|해|달)|앞으로|예정|향후|언제 나(?:와|오)|나올까|나오나|될까",
        "command": r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|rule|prompt|previous|above)|"
        r"\byou are now\b|system prompt|\bhidden (?:instruction|prompt|rule)|\b(?:developer|admin|debug|jailbreak) mode|"
        r"^\s*(?:system|assistant|admin)\s*:|\byour (?:instructions|configuration|prompt|rules)\b|(?:지시|명령|규칙|프롬프트)"
        r".{0,12}(?:무시|끄|잊|보여|출력|공개)|(?:무시하고|잊고)|시스템 프롬프트|관리자 (?:명령|모드)|너는 이제|개발자 모드",
        "why": r"\bwhy\b|왜|이유",
        "yesno": r"^\s*(?:is|are|does|do|did|can|could|should|will|would|was|were|has|have|must)\b|"
        r"(?:나요|가요|까요|습니까|니까|되나|돼|하나|인가|있어|없어|이야|맞아|맞나|죠|지|에요|예요|아|어|요)\s*\?\s*$|right\?\s*$",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Mention:
    """A name of code in a question: "nn.LSTM", ".expand", "pad_sequence".

    `sure` says that it can only be a name (a dot, an underscore, a call, back ticks, camel case)
    and that its thing is asked about; others may be plain words. `unwanted`: it is named as what
    is not wanted ("other than nn.LSTM").
    """

    name: str
    start: int
    end: int
    sure: bool
    member: bool
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was read. `options` are the two sides of an either/or, else empty;
    `keywords` the names written as `name=value`; `years` the years and `packages` the other
    packages and products it speaks of, `likened` whether it asks for what is like them here."""

    text: str
    language: Language
    mentions: tuple[Mention, ...]
    intents: frozenset[str]
    options: tuple[str, ...]
    keywords: tuple[str, ...]
    years: tuple[int, ...]
    packages: tuple[str, ...] = ()
    likened: bool = False


def checked_question(text: str) -> str:
    """The question as one clean line; raises UsageError where nothing or too much was asked."""
    clean = fold(printable(text))
    if not clean:
        raise UsageError(
            'the question is empty; write one, for example: ask "What is torch.stack?"'
        )
    if len(clean) > MAX_CHARACTERS:
        raise UsageError(
            f"the question has {len(clean):,} characters; at most {MAX_CHARACTERS:,} are read"
        )
    if not any(c.isalnum() for c in clean):
        raise UsageError(f"the question {clean[:20]!r} has no letter or digit in it; ask in words")
    return clean


def read_question(text: str, language: Language | None = None) -> Question:
    """Read a question that `checked_question` passed; `language` overrides what is detected."""
    detected = language or language_of(text)
    likened = _LIKENED.search(text) is not None
    mentions = _mentions(text)
    return Question(
        text=text,
        language=detected,
        mentions=tuple(map(_counterpart, mentions)) if likened else mentions,
        intents=frozenset(name for name, pattern in _INTENTS.items() if pattern.search(text)),
        options=options(text),
        keywords=tuple(dict.fromkeys(_KEYWORD.findall(text))),
        years=tuple(int(m["en"] or m["ko"]) for m in _YEAR.finditer(text)),
        packages=_packages(text),
        likened=likened,
    )


def _counterpart(mention: Mention) -> Mention:
    """Of np.swapaxes what may have the same name here; other names as they are."""
    root, _, rest = mention.name.partition(".")
    if not rest or IMPORT_HABITS.get(root, root).split(".")[0] not in OTHER_PACKAGES:
        return mention
    last = rest.rpartition(".")[2]
    return replace(mention, name=last, start=mention.end - len(last), sure=False, member=False)


def _packages(text: str) -> tuple[str, ...]:
    """The other packages and products that a question speaks of, by their import names."""
    lower = text.lower()
    words = re.findall(r"[a-z_0-9]+", lower)
    found = [word for word in words if word in OTHER_PACKAGES]
    # A particle may follow at once ("wandb에서"); before the name no letter stands: 저장고 is no 장고.
    for said, name in _PRODUCTS.items():
        if re.search(rf"(?<![a-z0-9]){said}(?![a-z0-9])", lower):
            found.append(name)
    for said, name in KOREAN_PACKAGES.items():
        if re.search(rf"(?<![가-힣]){said}", lower):
            found.append(name)
    return tuple(dict.fromkeys(found))


def trigger(text: str, intent: str) -> str | None:
    """The words of `text` that show this intent."""
    match = _INTENTS[intent].search(text)
    return match.group().strip(" ?") if match else None


def _mentions(text: str) -> tuple[Mention, ...]:
    korean = has_hangul(text)
    compared = {at for m in _COMPARED.finditer(text) for at in map(m.start, m.re.groupindex)}
    found: list[Mention] = []
    for match in _MENTION.finditer(text):
        raw = match["name"]
        name, inside = raw.strip("."), match["inside"] or ""
        if _NAME.fullmatch(inside) and (other := text.find(inside, match.end("name"))) >= 0:
            # "SGD(ASGD)": the second name is meant as well
            found.append(Mention(inside, other, other + len(inside), True, False))
        if name in _ORDINARY or (len(name) < 2 and not match["call"]):
            continue
        if _KEYWORD.match(text, match.start("name")):
            continue  # `as_tuple=True` names a parameter, not an object
        sure = bool(
            match["tick"]
            or "." in raw
            or "_" in name.strip("_")
            or name.endswith("_")
            or (match["call"] and match["call"].startswith("(") and not _FORMULA.search(inside))
            or re.search(r"[a-z][A-Z]|[A-Z]{2}[a-z]|[a-z]\d|[A-Z]{3,}", name)
        )
        unwanted = sure and bool(
            _BEFORE_UNWANTED.search(text, 0, match.start("name"))
            or _BEHIND_UNWANTED.match(text, match.end())
        )
        sure = sure and not unwanted
        if sure or unwanted or korean or name[0].isupper() or match.start("name") in compared:
            start, end = match.span("name")
            found.append(Mention(name, start, end, sure, "." in raw, unwanted))
    return tuple(found)
