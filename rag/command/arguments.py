"""The words of the command line: options, commands, help, and which of them was meant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from rag.command.helptext import COMMANDS, DETAILS, EPILOG, USAGE
from rag.errors import UsageError

# As shtab names them; written out, as shtab is only imported to make a script.
_FILES = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}
_FOLDERS = {"bash": "_shtab_compgen_dirs", "zsh": "_files -/", "tcsh": "d"}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: one line, without the usage."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        options["allow_abbrev"] = False
        super().__init__(*args, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


class _QuestionParser(_Parser):
    """Knows the options of a question; its help is that of the whole command."""

    def format_help(self) -> str:
        return build_parser().format_help()


class _Version(argparse.Action):
    """Prints the version; it is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        sys.stdout.write(f"ask {package_version()}\n")
        parser.exit(0)


def package_version() -> str:
    """The installed version of this package."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ask-docs")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "(not installed)"


# -- what was meant ------------------------------------------------------------------------------


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments, with `command` among them: "question" where no other is named.

    Raises UsageError, and SystemExit after --help and --version.
    """
    command, rest = _route(argv)
    if command == "question":
        return _parse_question(rest)
    args, extra = build_parser().parse_known_args([command, *rest])
    if extra:
        raise UsageError(
            f"ask {command} does not take {' '.join(extra)!r}; see ask {command} --help, or, "
            f"to ask this as a question, put -- before it: ask -- {' '.join(argv)}"
        )
    return args


def _route(argv: Sequence[str]) -> tuple[str, list[str]]:
    """The command and the other arguments: the first word that is no option decides."""
    at = 0
    while at < len(argv) and argv[at] != "--":
        word = argv[at]
        if word in COMMANDS:
            return word, [*argv[:at], *argv[at + 1 :]]
        if not word.startswith("-") or word == "-":
            break
        at += 2 if word in _VALUED else 1
    return "question", list(argv)


def _parse_question(argv: Sequence[str]) -> argparse.Namespace:
    cut = argv.index("--") if "--" in argv else len(argv)
    parser = _QuestionParser("ask")
    _question_options(parser)
    parser.add_argument("question", nargs="*")
    parser.set_defaults(command="question")
    args, extra = parser.parse_known_intermixed_args(list(argv[:cut]))
    if extra:
        raise UsageError(
            f"there is no option {extra[0]!r}; see ask --help, or, if it is part of the question, "
            "put -- before the question"
        )
    args.question = [*args.question, *argv[cut + 1 :]]
    return args


# -- parsers -------------------------------------------------------------------------------------


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command: help, completion and the commands are made from it."""
    parser = _Parser(
        "ask",
        usage=USAGE,
        description="Answers from documentation, offline, with quotes that prove it.",
        epilog=EPILOG,
    )
    _question_options(parser)
    children = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", prog="ask", parser_class=_Parser
    )
    for name, told in COMMANDS.items():
        first = f"{told[0].upper()}{told[1:]}."
        child = children.add_parser(name, help=told, description=f"{first}\n\n{DETAILS[name]}")
        _CHILDREN[name](child)
    return parser


def _question_options(parser: argparse.ArgumentParser) -> None:
    _add(parser, "json", "lang", "k", "explain", "source", "long", "follow-ups")
    _add(parser, "model", "strict", "index", "encoder")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 100 and len(text) <= 3:
        return int(text)
    raise argparse.ArgumentTypeError(f"a number from 1 to 100, not {text!r}")


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"a number from 0 to 65535, not {text!r}")


def _rate(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 6:
        return int(text)
    raise argparse.ArgumentTypeError(f"a number from 0 to 999999, not {text!r}")


def _not_empty(text: str) -> str:
    if text.strip():
        return text
    raise argparse.ArgumentTypeError("it is empty")


_OPTIONS: dict[str, dict[str, Any]] = {
    "json": {"action": "store_true", "help": "print JSON"},
    "lang": {"choices": ["en", "ko"], "help": "answer in this language; default: the question's"},
    "k": {"type": _count, "default": 10, "metavar": "N", "help": "how many passages; default: 10"},
    "explain": {
        "action": "store_true",
        "help": "for each passage, tell its ranks by words and by meaning, and the matched words",
    },
    "source": {
        "type": _not_empty,
        "metavar": "PATTERN",
        "help": "use only sources whose id holds PATTERN, or fits it with *",
    },
    "long": {"action": "store_true", "help": "longer answers than about 800 characters"},
    "index": {"type": _not_empty, "metavar": "DIR", "help": "folder of the index"},
    "encoder": {
        "type": _not_empty,
        "metavar": "NAME",
        "help": "a sentence-transformers model, by name or folder, in place of the bundled one",
    },
    "model": {
        "type": _not_empty,
        "metavar": "NAME",
        "help": "the language model that writes the answer, for example ollama:qwen3:4b; "
        "ask models tells which can be used, none means quotes only",
    },
    "strict": {
        "action": argparse.BooleanOptionalAction,
        "default": None,
        "help": "leave out what a model writes and the documents do not say (the default), "
        "or mark it",
    },
    "follow-ups": {
        "action": argparse.BooleanOptionalAction,
        "default": None,
        "help": "complete a question that leans on those before it (the default), or ask it as "
        "it stands",
    },
    "failures": {"action": "store_true", "help": "tell of each question that went wrong"},
    "host": {
        "type": _not_empty,
        "default": "127.0.0.1",
        "metavar": "ADDRESS",
        "help": "where to listen; default: 127.0.0.1, this machine only",
    },
    "port": {"type": _port, "metavar": "N"},
    "key": {
        "type": _not_empty,
        "metavar": "KEY",
        "help": "answer only those who send this key; better set ASK_KEY, which no one else sees",
    },
    "concurrency": {
        "type": _count,
        "default": 4,
        "metavar": "N",
        "help": "answers that are worked on at a time; default: 4",
    },
    "rate": {
        "type": _rate,
        "default": 120,
        "metavar": "N",
        "help": "requests a minute from one address; default: 120; 0: no limit",
    },
    "http": {"action": "store_true", "help": "listen for HTTP, in place of standard input"},
    "auth": {
        "type": _not_empty,
        "metavar": "NAME:PASSWORD",
        "help": "ask browsers for this name and password",
    },
    "mcp": {
        "action": "store_true",
        "help": "offer ask, search and show as tools of MCP as well, at /mcp",
    },
    "open": {"action": "store_true", "help": "open it in the browser"},
    "golden": {
        "type": _not_empty,
        "metavar": "FILE",
        "help": "write candidates for golden questions to a new file",
    },
    "report": {
        "type": _not_empty,
        "metavar": "DIR",
        "help": "write a page with plots and the evidence of every failure",
    },
    "compare": {
        "type": _not_empty,
        "metavar": "OLD.json",
        "help": "tell what changed since another run, question by question",
    },
    "gate": {"action": "store_true", "help": "fail below the floors, or when significantly worse"},
    "accept": {"action": "store_true", "help": "make this run the one that --gate compares with"},
    "rebuild": {"action": "store_true", "help": "read and index everything again"},
}
_VALUED = frozenset(
    "-k --lang --index --source --encoder --host --port --auth --golden --report --compare "
    "--key --concurrency --rate --model".split()
)


def _add(parser: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        flag = f"-{name}" if len(name) == 1 else f"--{name}"
        action = parser.add_argument(flag, **_OPTIONS[name])
        if name in ("index", "report"):
            _completes(action, _FOLDERS)
        elif name == "compare":
            _completes(action, _FILES)


def _add_port(parser: argparse.ArgumentParser, default: int) -> None:
    told = f"default: {default}; 0: any that is free"
    parser.add_argument("--port", **_OPTIONS["port"], default=default, help=told)


def _completes(action: argparse.Action, kind: dict[str, str]) -> None:
    action.complete = kind  # type: ignore[attr-defined] # read by shtab


def _ingest(parser: argparse.ArgumentParser) -> None:
    action = parser.add_argument("source", nargs="*", metavar="SOURCE", type=_not_empty)
    _completes(action, _FILES)
    _add(parser, "rebuild", "index", "encoder", "json")


def _sources(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pattern", nargs="?", default="", metavar="PATTERN")
    _add(parser, "json", "index")


def _show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", type=_not_empty)
    _add(parser, "json", "index")


def _batch(parser: argparse.ArgumentParser) -> None:
    _completes(parser.add_argument("file", nargs="?", default="-", metavar="FILE"), _FILES)
    _add(parser, "lang", "k", "explain", "source", "long", "follow-ups", "model", "strict")
    _add(parser, "index", "encoder", "json")


def _eval(parser: argparse.ArgumentParser) -> None:
    _completes(parser.add_argument("file", metavar="FILE"), _FILES)
    _add(parser, "failures", "report", "compare", "gate", "accept", "json", "follow-ups")
    _add(parser, "model", "strict", "index", "encoder")


def _web(parser: argparse.ArgumentParser) -> None:
    _add(parser, "host")
    _add_port(parser, 7860)
    _add(parser, "auth", "mcp", "open", "model", "strict", "index", "encoder")


def _serve(parser: argparse.ArgumentParser) -> None:
    _add(parser, "host")
    _add_port(parser, 8000)
    _add(parser, "key", "concurrency", "rate", "model", "strict", "index", "encoder")


def _mcp(parser: argparse.ArgumentParser) -> None:
    _add(parser, "http", "host")
    _add_port(parser, 8001)
    _add(parser, "key", "concurrency", "rate", "model", "strict", "index", "encoder")


def _feedback(parser: argparse.ArgumentParser) -> None:
    _completes(parser.add_argument("--golden", **_OPTIONS["golden"]), _FILES)
    _add(parser, "json")


def _models(parser: argparse.ArgumentParser) -> None:
    _add(parser, "json")


def _doctor(parser: argparse.ArgumentParser) -> None:
    _add(parser, "json", "index", "encoder")


def _export_encoder(parser: argparse.ArgumentParser) -> None:
    _completes(parser.add_argument("folder", metavar="DIR", type=_not_empty), _FOLDERS)
    _add(parser, "json")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh"])


_CHILDREN: dict[str, Callable[[argparse.ArgumentParser], None]] = {
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
