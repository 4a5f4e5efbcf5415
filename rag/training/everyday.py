"""Korean as it is typed: the same sentence in other registers, as keywords, without spaces.

The parallel text is translated documentation, formal to a sentence. A share of it is rewritten by
rule, so that the encoder meets 해요, 해, 함 beside 합니다, dropped particles and closed-up words.
"""

from __future__ import annotations

import random
import re

# The formal ending and what stands for it: polite, plain, note style.
ENDINGS = {
    "했습니다": ("했어요", "했어", "했음"),
    "하였습니다": ("했어요", "했어", "했음"),
    "되었습니다": ("됐어요", "됐어", "됐음"),
    "있습니다": ("있어요", "있어", "있음"),
    "없습니다": ("없어요", "없어", "없음"),
    "않습니다": ("않아요", "않아", "않음"),
    "같습니다": ("같아요", "같아", "같음"),
    "좋습니다": ("좋아요", "좋아", "좋음"),
    "됩니다": ("돼요", "돼", "됨"),
    "합니다": ("해요", "해", "함"),
    "줍니다": ("줘요", "줘", "줌"),
    "입니다": ("이에요", "임", "이야"),
    "습니다": ("어요", "어", "음"),
    "하십시오": ("하세요", "해", "할 것"),
    "하세요": ("해 주세요", "해", "해봐"),
    "합니까": ("하나요", "해", "하는지"),
    "입니까": ("인가요", "이야", "인지"),
    "됩니까": ("되나요", "돼", "되는지"),
}
_ENDING = re.compile("|".join(ENDINGS))
_PARTICLE = re.compile(r"(?<=[가-힣]{2})(?:을|를|은|는|이|가|의|에서|에)(?=\s)")
_SPOKEN = {"그러나": "근데", "하지만": "근데", "따라서": "그래서", "매우": "되게", "어떻게": "어케"}


def everyday(text: str, draw: random.Random) -> str:
    """`text` in another register; what is dropped and replaced is drawn by chance."""
    style = draw.randrange(3)
    found = _ENDING.sub(lambda match: ENDINGS[match.group()][style], text)
    if draw.random() < 0.5:
        found = _PARTICLE.sub("", found)
    if draw.random() < 0.3:
        found = found.rstrip(" .?!")
    if draw.random() < 0.5:
        for formal, spoken in _SPOKEN.items():
            found = found.replace(formal, spoken)
    if draw.random() < 0.2:
        found = re.sub(r"(?<=[가-힣]) (?=[가-힣])", "", found)
    return found
