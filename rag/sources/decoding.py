"""Bytes to text: one place that decides an encoding and cleans what it gave."""

from __future__ import annotations

import codecs
import re

from rag.errors import SourceError
from rag.text import nfc, printable

MAX_BYTES = 10_000_000

# The longest mark first: the UTF-32 one begins with the bytes of the UTF-16 one.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# As browsers do (WHATWG): the old Korean labels mean the larger cp949, Latin-1 means cp1252.
_LABELS = {
    "euc-kr": "cp949",
    "euckr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ksc5601": "cp949",
    "windows-949": "cp949",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "ascii": "cp1252",
    "us-ascii": "cp1252",
}
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Invisible: soft hyphens, and the tag characters in which text can be smuggled.
_INVISIBLE = re.compile("[\u00ad\U000e0000-\U000e007f]")


def clean(text: str) -> str:
    """NFC text with "\\n" as its only line end and nothing invisible in it."""
    text = _INVISIBLE.sub("", printable(_LINE_ENDS.sub("\n", text)))
    # Once more: what was taken out may have stood between a letter and its mark.
    return nfc(text)


def decode(data: bytes, hint: str | None = None) -> str:
    """The cleaned text of `data`: a byte order mark, then `hint`, UTF-8, cp949.

    Raises SourceError when the bytes are too many, binary, or of no encoding known here.
    """
    if len(data) > MAX_BYTES:
        raise SourceError(f"{len(data)} bytes are more than the {MAX_BYTES} that are read")
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _checked(_decoded(data, name))
    if b"\0" in data:
        raise SourceError("binary, not text")
    labels = [hint.strip().lower()] if hint else []
    for label in (*labels, "utf-8"):
        text = _decoded(data, _LABELS.get(label, label))
        if text is not None:
            return clean(text)
    text = _decoded(data, "cp949")
    return _checked(text if text and _looks_korean(text) else None)


def _checked(text: str | None) -> str:
    if text is None:
        raise SourceError("neither UTF-8 nor cp949 text")
    return clean(text)


def _decoded(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except (UnicodeError, LookupError):  # LookupError: no such codec, or one that is not of text
        return None


def _looks_korean(text: str) -> bool:
    """Whether cp949 was right: it gave Hangul, and mostly characters that people type.

    Two bytes of Latin-1 often make a valid but rare syllable; those lie in the part of cp949
    that the older EUC-KR did not have.
    """
    foreign = [char for char in text if not char.isascii()]
    common = sum(1 for char in foreign if _in_euc_kr(char))
    hangul = any("\uac00" <= char <= "\ud7a3" for char in foreign)
    return hangul and 3 * common >= 2 * len(foreign)


def _in_euc_kr(char: str) -> bool:
    try:
        return len(char.encode("euc_kr")) == 2
    except UnicodeError:
        return False
