"""Every word the page says by itself, in both languages. Answers are worded in rag/prompts.py."""

from __future__ import annotations

import json
from typing import Literal

Language = Literal["en", "ko"]

# key: (English, Korean)
_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Ask the documentation", "문서에 물어보세요"),
    "lede": (
        "Every sentence is quoted from a document, and every quote opens where it stands. "
        "What the documents do not answer is refused.",
        "답의 모든 문장은 문서에서 그대로 인용하고, 인용문을 누르면 원문의 그 자리가 열립니다. "
        "문서에 답이 없으면 없다고 말합니다.",
    ),
    "chat": ("Chat", "대화"),
    "sources": ("Sources", "출처"),
    "new": ("New chat", "새 대화"),
    "chats": ("Earlier chats", "지난 대화"),
    "no-chats": ("Chats stay in this browser.", "대화는 이 브라우저에만 남습니다."),
    "delete": ("Delete chat", "대화 삭제"),
    "delete-sure": ("Delete this chat?", "이 대화를 삭제할까요?"),
    "open-menu": ("Open the menu", "메뉴 열기"),
    "close-menu": ("Close the menu", "메뉴 닫기"),
    "export-md": ("Export as Markdown", "Markdown으로 내보내기"),
    "export-json": ("Export as JSON", "JSON으로 내보내기"),
    "language": ("Language", "언어"),
    "theme": ("Theme", "화면 모드"),
    "theme-auto": ("Like the system", "시스템 설정"),
    "theme-light": ("Light", "밝게"),
    "theme-dark": ("Dark", "어둡게"),
    "question": ("Your question", "질문"),
    "placeholder": ("Ask about PyTorch, or your own documents", "PyTorch나 내 문서에 대해 물어보세요"),
    "send": ("Send", "보내기"),
    "stop": ("Stop", "멈추기"),
    "hint": ("Enter sends, Shift+Enter makes a new line", "Enter로 보내고 Shift+Enter로 줄을 바꿉니다"),
    "examples": ("For example", "이렇게 물어볼 수 있습니다"),
    "you": ("You asked", "내 질문"),
    "answer": ("Answer", "답변"),
    "thinking": ("Looking it up", "문서를 찾는 중"),
    "stopped": ("Stopped.", "멈췄습니다."),
    "retry": ("Ask again", "다시 묻기"),
    "edit": ("Edit the question", "질문 고치기"),
    "copy": ("Copy", "복사"),
    "copied": ("Copied", "복사했습니다"),
    "completed": ("Understood as", "이렇게 이해했습니다"),
    "as-typed": ("Ask as typed", "입력한 그대로 묻기"),
    "confident": ("Clearly in the documents", "문서에 분명히 나옵니다"),
    "likely": ("Probably what you asked", "질문에 맞는 내용으로 보입니다"),
    "unsure": ("Not certain: check the quotes", "확실하지 않으니 인용문을 확인하세요"),
    "refused": ("Not in the documents", "문서에 없는 내용"),
    "nearest": ("Nearest sections", "가까운 항목"),
    "did-you-mean": ("Did you mean", "혹시 이것인가요?"),
    "cited": ("Sources cited", "인용한 출처"),
    "written-by": ("Written by", "작성:"),
    "quote-of": ("Quote", "인용"),
    "verdict": ("Verdict", "판정"),
    "both": ("both", "둘 다"),
    "official": ("Official page", "공식 페이지"),
    "why": ("Why these passages", "이 문단을 고른 이유"),
    "rank": ("Rank", "순위"),
    "passage": ("Passage", "문단"),
    "lexical": ("By words", "단어"),
    "dense": ("By meaning", "의미"),
    "fused": ("Fused", "종합 점수"),
    "matched": ("Matched words", "일치한 단어"),
    "exact": ("exact name", "이름 일치"),
    "timings": ("Time", "걸린 시간"),
    "time-retrieve": ("finding", "검색"),
    "time-answer": ("answering", "답변 작성"),
    "helpful": ("Helpful", "도움이 됐어요"),
    "unhelpful": ("Not helpful", "도움이 안 됐어요"),
    "what-wrong": ("What was wrong?", "어떤 점이 아쉬웠나요?"),
    "reason-wrong": ("Wrong answer", "틀린 답"),
    "reason-incomplete": ("Something is missing", "내용이 빠졌음"),
    "reason-quote": ("The quote does not fit", "인용이 맞지 않음"),
    "reason-outdated": ("Out of date", "오래된 내용"),
    "reason-unclear": ("Hard to read", "읽기 어려움"),
    "reason-refused": ("It should have answered", "답할 수 있는 질문임"),
    "reason-other": ("Something else", "기타"),
    "comment": ("Anything to add? (optional)", "더 남길 말이 있나요? (선택)"),
    "submit": ("Send feedback", "의견 보내기"),
    "cancel": ("Cancel", "취소"),
    "thanks": ("Thank you. It is kept on this machine.", "고맙습니다. 의견은 이 컴퓨터에만 저장됩니다."),
    "evidence": ("Evidence", "근거"),
    "close": ("Close", "닫기"),
    "whole": ("Show the whole document", "문서 전체 보기"),
    "ask-here": ("Ask only this source", "이 출처에서만 찾기"),
    "version": ("Version", "버전"),
    "date": ("Date", "날짜"),
    "kind": ("Kind", "종류"),
    "licence": ("Licence", "라이선스"),
    "count": ("Documents", "문서 수"),
    "kind-symbol": ("API documentation", "API 문서"),
    "kind-package": ("API documentation", "API 문서"),
    "kind-page": ("Web page, our notes", "웹 페이지(정리한 노트)"),
    "kind-post": ("Blog post, our notes", "블로그 글(정리한 노트)"),
    "kind-file": ("File", "파일"),
    "kind-files": ("Files", "파일"),
    "sources-lede": (
        "What answers are taken from. Open any document, or limit the chat to some of them.",
        "답은 아래 문서에서만 가져옵니다. 문서를 열어 보거나, 몇 가지 출처로 범위를 좁힐 수 있습니다.",
    ),
    "search-sources": ("Find a document by title or name", "제목이나 이름으로 문서 찾기"),
    "use": ("Use for answers", "답변에 사용"),
    "all-sources": ("All sources", "모든 출처"),
    "only": ("Only", "범위:"),
    "clear-scope": ("Use all sources again", "모든 출처 사용"),
    "no-hits": ("No document fits.", "맞는 문서가 없습니다."),
    "more-hits": ("More documents fit; type more to narrow it.", "문서가 더 있습니다. 더 입력해서 좁혀 보세요."),
    "documents": ("documents", "개 문서"),
    "building": ("The index is being built, once. This takes some minutes.",
                 "색인을 처음 한 번 만드는 중입니다. 몇 분 걸립니다."),
    "opening": ("Opening the index", "색인을 여는 중"),
    "stage-reading": ("Reading", "읽는 중"),
    "stage-splitting": ("Splitting", "나누는 중"),
    "stage-embedding": ("Embedding", "임베딩 중"),
    "stage-writing": ("Writing the index", "색인을 쓰는 중"),
    "error-busy": ("Many people are asking just now. Please try again in a moment.",
                   "지금 질문이 많이 몰렸습니다. 잠시 뒤에 다시 시도해 주세요."),
    "error-long": ("The question is longer than 2,000 characters.", "질문이 2,000자를 넘습니다."),
    "error-network": ("The server does not answer. Is `ask web` still running?",
                      "서버가 응답하지 않습니다. `ask web`이 실행 중인지 확인해 주세요."),
    "error-inside": ("Something went wrong inside. Please try again.",
                     "내부에서 문제가 생겼습니다. 다시 시도해 주세요."),
    "error-opening": ("The index is not ready yet.", "색인이 아직 준비되지 않았습니다."),
    "error-feedback": ("The feedback could not be stored.", "의견을 저장하지 못했습니다."),
}  # fmt: skip

EXAMPLES: dict[Language, tuple[str, ...]] = {
    "en": (
        "Is PyTorch a framework or a library?",
        "What does torch.stack do?",
        "How do I make random numbers reproducible?",
        "What is the default learning rate of AdamW?",
    ),
    "ko": (
        "파이토치는 프레임워크인가요, 라이브러리인가요?",
        "torch.stack은 무엇을 하나요?",
        "난수 시드를 고정하는 방법은?",
        "DataLoader의 num_workers 기본값은?",
    ),
}


def words(language: Language) -> dict[str, str]:
    """Every word in one language, by its key."""
    at = 1 if language == "ko" else 0
    return {key: pair[at] for key, pair in _WORDS.items()}


def page_words() -> str:
    """Both languages and the examples as JSON, for the page's script."""
    both = {
        language: {"words": words(language), "examples": EXAMPLES[language]}
        for language in EXAMPLES
    }
    return json.dumps(both, ensure_ascii=False)
