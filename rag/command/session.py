"""What the commands share: the index they work on, asking, and speaking on standard error."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.command.jsonform import answer_form, dumps
from rag.command.progress import Progress
from rag.command.terminal import clean, one_line, render_answer, style_of
from rag.types import Answer, Language, Turn

if TYPE_CHECKING:
    from rag.index import Index
    from rag.pipeline import Pipeline


def say(message: str) -> None:
    """One line on standard error."""
    sys.stdout.flush()
    sys.stderr.write(f"ask: {one_line(message)}\n")
    sys.stderr.flush()


def ask(
    args: Namespace,
    pipeline: Pipeline,
    question: str,
    history: Iterable[Turn] = (),
    language: Language | None = None,
) -> Answer:
    """The answer, with the options of the command line."""
    *_, answer = _stream(args, pipeline, question, history, language)
    return answer


def _stream(
    args: Namespace, pipeline: Pipeline, question: str, history: Iterable[Turn],
    language: Language | None = None,
) -> Iterator[Answer]:  # fmt: skip
    from rag.config import completes_follow_ups

    turns = tuple(history)
    if turns and not completes_follow_ups(args.follow_ups):
        turns = ()
    return pipeline.stream(
        question,
        language=language or args.lang,
        k=args.k,
        source=None if args.source is None else clean(args.source),
        long=args.long,
        history=turns,
    )


def tell(
    args: Namespace, pipeline: Pipeline, question: str, history: Iterable[Turn] = ()
) -> Answer:
    """Ask and print the answer: on a terminal as it is written, elsewhere when it is whole."""
    answers = _stream(args, pipeline, question, history)
    if args.json or not sys.stdout.isatty():
        *_, answer = answers
        _tell_completed(args, answer)
        write_answer(args, answer)
    else:
        answer = _write_growing(args, answers)
    if answer.notice and not args.json:
        say(answer.notice)
    return answer


def _write_growing(args: Namespace, answers: Iterator[Answer]) -> Answer:
    """Print what each answer adds to the one before; returns the whole.

    Wrapping leaves earlier lines as they are, so that what is printed is the beginning of what
    comes. Where it is not, it is left to the whole answer.
    """
    style = style_of(sys.stdout)
    printed = ""
    answer = next(answers)
    _tell_completed(args, answer)
    for answer in answers:
        shown = render_answer(replace(answer, citations=()), style).rstrip("\n")
        if shown.startswith(printed):
            sys.stdout.write(shown[len(printed) :])
            sys.stdout.flush()
            printed = shown
    whole = render_answer(answer, style, explain=args.explain)
    sys.stdout.write(whole.removeprefix(printed) if whole.startswith(printed) else f"\n{whole}")
    sys.stdout.flush()
    return answer


def _tell_completed(args: Namespace, answer: Answer) -> None:
    """Say how a follow-up was understood."""
    if answer.completed and not args.json:
        style = style_of(sys.stdout)
        sys.stdout.write(style.dim(f"→ {clean(answer.completed)}") + "\n")


def write_answer(args: Namespace, answer: Answer) -> None:
    """Print an answer in the form that was asked for."""
    if args.json:
        sys.stdout.write(dumps(answer_form(answer, explain=args.explain)) + "\n")
    else:
        sys.stdout.write(render_answer(answer, style_of(sys.stdout), explain=args.explain))
    sys.stdout.flush()


def index_path(args: Namespace) -> Path:
    """The folder of the index: --index, or what the environment and the system say."""
    from rag.config import index_folder

    return Path(args.index).expanduser() if args.index else index_folder()


def model_options(args: Namespace) -> dict[str, Any]:
    """What `Pipeline.open` takes of a language model: the flags, the environment, the settings."""
    from rag.config import model_settings

    return asdict(model_settings(args.model, args.strict))


@contextmanager
def open_pipeline(args: Namespace) -> Iterator[Pipeline]:
    """The pipeline over the chosen index, which is built first where there is none."""
    from rag.pipeline import Pipeline

    path = index_path(args)
    progress = Progress(
        sys.stderr, f"there is no index yet: building it in {path}, once; this takes some minutes"
    )
    with resumable(progress):
        pipeline = Pipeline.open(
            path, encoder=args.encoder, **model_options(args), progress=progress
        )
    with pipeline:
        yield pipeline


@contextmanager
def open_index(args: Namespace) -> Iterator[Index]:
    """The chosen index; no encoder is needed, so any encoder's will do."""
    from rag.index import read_index

    with read_index(index_path(args), None) as index:
        yield index


@contextmanager
def resumable(progress: Progress, *, always: bool = False) -> Iterator[None]:
    """Around what writes the index, `always` or once progress was made: what an interrupt means."""
    try:
        yield
    except KeyboardInterrupt:
        progress.close()
        if not (always or progress.started):
            raise
        raise KeyboardInterrupt(
            "interrupted; the index is as it was, and the same command goes on where this stopped"
        ) from None
    finally:
        progress.close()
