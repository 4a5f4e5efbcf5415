"""What the commands of `ask` do. Results go to standard output, everything else to standard error.

Each takes the parsed arguments and returns the exit code.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rag.columns import side_by_side
from rag.command.jsonform import document_form, dumps
from rag.command.progress import Progress, duration
from rag.command.session import (
    index_path,
    open_index,
    open_pipeline,
    resumable,
    say,
    tell,
)
from rag.command.terminal import clean, one_line, plural
from rag.errors import SourceError

if TYPE_CHECKING:
    from rag.catalogue import DocumentHead
    from rag.contents import Group
    from rag.ingestion import Ingested

REFUSED = 3
MAX_QUESTION = 8_000_000  # bytes of standard input that are read at all


def run(args: Namespace) -> int:
    """Run the command that was parsed."""
    return _RUN[args.command](args)


# -- questions -----------------------------------------------------------------------------------


def _question(args: Namespace) -> int:
    from rag.question import checked_question

    if not args.question and sys.stdin.isatty():
        from rag.command.conversation import converse

        with open_pipeline(args) as pipeline:
            return converse(args, pipeline)
    words = args.question
    text = " ".join(words) if words and words != ["-"] else _standard_input()
    checked_question(text)  # before an index is opened, or built, for nothing
    with open_pipeline(args) as pipeline:
        answer = tell(args, pipeline, text)
    return REFUSED if answer.refused else 0


def _standard_input() -> str:
    """The question on standard input, in UTF-8 or what Korean and Windows systems write."""
    from rag.sources.decoding import decode

    data = sys.stdin.buffer.read(MAX_QUESTION)
    try:
        return decode(data)
    except SourceError:
        return data.decode("utf-8", "replace")


# -- ingest --------------------------------------------------------------------------------------


def _ingest(args: Namespace) -> int:
    from rag.config import cache_file
    from rag.encoders import load_encoder
    from rag.ingestion import default_sources, ingest

    sources = [os.path.expanduser(s) if s.startswith("~") else s for s in args.source]  # noqa: PTH111
    progress = Progress(sys.stderr)
    started = time.monotonic()
    with resumable(progress, always=True):
        done = ingest(
            sources or default_sources(),
            index_path(args),
            load_encoder(args.encoder),
            cache=cache_file(),
            progress=progress,
            rebuild=args.rebuild,
        )
    _say_skipped(done)
    if args.json:
        sys.stdout.write(dumps(_ingested_form(done)) + "\n")
        return 0
    for line in _table([_group_row(group) for group in done.groups]):
        sys.stdout.write(line + "\n")
    told = f"{plural(done.documents, 'document')}, {plural(done.chunks, 'passage')}; "
    if done.changed:
        told += f"{done.embedded:,} newly embedded, in {duration(time.monotonic() - started)}"
    else:
        told += "nothing changed, nothing embedded"
    sys.stdout.write(told + "\n")
    return 0


def _say_skipped(done: Ingested) -> None:
    if done.notice:
        say(done.notice)
    if done.skipped:
        say(f"{plural(len(done.skipped), 'file')} could not be read:")
        for skipped in done.skipped:
            sys.stderr.write(f"  {one_line(skipped.path)}: {one_line(skipped.reason)}\n")


def _ingested_form(done: Ingested) -> dict[str, object]:
    return {
        "changed": done.changed,
        "documents": done.documents,
        "passages": done.chunks,
        "embedded": done.embedded,
        "skipped": [{"path": s.path, "reason": s.reason} for s in done.skipped],
        "groups": [_group_form(group) for group in done.groups],
    }


# -- sources -------------------------------------------------------------------------------------


def _sources(args: Namespace) -> int:
    pattern = clean(args.pattern).strip()
    rows: list[tuple[str, ...]]
    with open_index(args) as index:
        if pattern:
            heads = index.sources(pattern)
            if not heads:
                raise SourceError(f"no document's id or title fits {pattern!r}; see: ask sources")
            forms = [_head_form(head) for head in heads]
            rows = [(h.id, h.title if h.kind != "symbol" else "", h.version or "") for h in heads]
        else:
            groups = index.manifest.groups
            forms = [_group_form(group) for group in groups]
            rows = [_group_row(group) for group in groups]
    lines: Iterable[str] = map(dumps, forms) if args.json else _table(rows)
    for line in lines:
        sys.stdout.write(line + "\n")
    return 0


def _group_row(group: Group) -> tuple[str, ...]:
    count = plural(group.documents, "document")
    return (group.id, group.title, count, group.date or "", group.licence or "")


_GROUP_KEYS = "id title kind version date licence url language documents aliases".split()
_HEAD_KEYS = "id title kind language url version date licence".split()


def _group_form(group: Group) -> dict[str, object]:
    return {key: getattr(group, key) for key in _GROUP_KEYS}


def _head_form(head: DocumentHead) -> dict[str, object]:
    form = {key: getattr(head, key) for key in _HEAD_KEYS}
    return {**form, "aliases": list(head.aliases), "characters": head.length}


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Columns side by side, Hangul counted as two wide."""
    return side_by_side([[one_line(cell, 80) for cell in row] for row in rows])


def _show(args: Namespace) -> int:
    from rag.pipeline import show_document

    with open_index(args) as index:
        document = show_document(index, clean(args.source).strip())
    text = dumps(document_form(document)) if args.json else clean(document.text)
    sys.stdout.write(text + "\n")
    return 0


# -- the others ----------------------------------------------------------------------------------


def _batch(args: Namespace) -> int:
    from rag.command.batch import answer_batch

    return answer_batch(args)


def _eval(args: Namespace) -> int:
    from rag.command.evaluation import evaluate

    return evaluate(args)


def _models(args: Namespace) -> int:
    from rag.command.models import list_models

    return list_models(args)


def _doctor(args: Namespace) -> int:
    from rag.command.doctor import examine

    return examine(args)


def _web(args: Namespace) -> int:
    from rag.command.web import serve_page

    return serve_page(args)


def _serve(args: Namespace) -> int:
    from rag.command.servers import serve_http

    return serve_http(args)


def _mcp(args: Namespace) -> int:
    from rag.command.servers import serve_mcp

    return serve_mcp(args)


def _feedback(args: Namespace) -> int:
    from rag.command.web import tell_feedback

    return tell_feedback(args)


def _export_encoder(args: Namespace) -> int:
    from rag.encoderexport import export_encoder

    folder = Path(args.folder).expanduser()
    card = export_encoder(folder)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    form = {"folder": str(folder), "encoder": card.name, "revision": card.revision, "bytes": size}
    told = f"{clean(str(folder))}: {card.name}, revision {card.revision}, {size / 1e6:.0f} MB"
    sys.stdout.write((dumps(form) if args.json else told) + "\n")
    return 0


def _completion(args: Namespace) -> int:
    import shtab

    from rag.command.arguments import build_parser

    sys.stdout.write(shtab.complete(build_parser(), shell=args.shell) + "\n")
    return 0


_RUN: dict[str, Callable[[Namespace], int]] = {
    "question": _question,
    "web": _web,
    "serve": _serve,
    "mcp": _mcp,
    "ingest": _ingest,
    "sources": _sources,
    "show": _show,
    "batch": _batch,
    "eval": _eval,
    "feedback": _feedback,
    "models": _models,
    "doctor": _doctor,
    "export-encoder": _export_encoder,
    "completion": _completion,
}
