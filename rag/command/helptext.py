"""What `ask --help` and `ask COMMAND --help` say."""

from __future__ import annotations

COMMANDS = {
    "web": "open the page for the browser",
    "serve": "answer programs as OpenAI's interface does",
    "mcp": "answer language models as tools, by the Model Context Protocol",
    "ingest": "read sources into the index",
    "sources": "list what the index holds",
    "show": "print the text of a document",
    "batch": "answer questions in JSON lines with answers in JSON lines",
    "eval": "score the answers to a file of questions",
    "feedback": "list what readers of the page thought of answers",
    "models": "list the language models that can write answers, and why not the others",
    "doctor": "tell what is installed, what is missing, and the command that mends it",
    "export-encoder": "write the bundled encoder for sentence-transformers",
    "completion": "print the completion script of a shell",
}

USAGE = """ask [options] "question"     answer it
       ask [options]                on a terminal: a conversation; otherwise the
                                    question is read from standard input
       ask COMMAND [options] ...    see below; ask COMMAND --help tells more"""

EPILOG = """A first word that is a command is the command; ask -- ingest asks the word.

exit codes:
  0  answered, or done          5  a file or page cannot be read or written
  1  internal error             6  ask eval --gate: worse than allowed
  2  wrong usage or input       130  interrupted
  3  refused: not answered      141  the reader of the output went away
     by the documents
  4  no index, or one that cannot be trusted

environment:
  ASK_INDEX    folder of the index           NO_COLOR     no colour
  ASK_CACHE    folder of the vector cache    ASK_DEBUG=1  tracebacks
  ASK_HISTORY  file of the lines typed in conversations; empty: none is kept
  ASK_FEEDBACK file of the feedback          ASK_PASSWORD for ask web --auth
  ASK_KEY      for ask serve and ask mcp
  ASK_MODEL    language model, as --model     ASK_CONFIG   file of settings
  ASK_API_KEY  key of a server that --model names by its address"""

DETAILS = {
    "web": """Prints the address to open. It is there for this machine only; --host 0.0.0.0 lets
others in, and then --auth NAME:PASSWORD is needed (or --auth NAME, and the password
in ASK_PASSWORD or typed). Nothing is encrypted: put a proxy with TLS before it.
With --mcp the address with mcp behind it (http://127.0.0.1:7860/mcp) speaks the Model
Context Protocol; that needs the package mcp: pip install 'ask-docs[mcp]'. Ctrl-C ends it.""",
    "serve": """Prints the address. Point any OpenAI client at its /v1, with the model "ask"; /docs
describes all that is served. It is there for this machine only; --host 0.0.0.0
lets others in, and then a key is needed. Nothing is encrypted: put a proxy with
TLS before it. Ctrl-C or SIGTERM ends it, answers on their way within 10 s.""",
    "mcp": """Speaks the Model Context Protocol on standard input and output, for programs that
start it themselves; with --http it listens, at the path /mcp, as ask serve does.
Tools: ask, search, show; the sources are resources. Needs the package mcp:
pip install 'ask-docs[mcp]'.""",
    "ingest": """A SOURCE is a folder or file of your own (.md .rst .txt .html .ipynb .py),
an installed package (py:numpy), or an id of corpus/sources.toml; without any,
all that corpus/sources.toml names. What is in the index stays, and what did
not change is not read again. Until the run is done the old index answers; an
interrupted run goes on where it stopped when the command is run again.""",
    "sources": """Without PATTERN: what was read as one piece, a line each. With PATTERN: the
documents whose id or title holds it, or whose id fits it with *. With --json:
an object a line.""",
    "show": """SOURCE is an id (py:torch.stack, file:docs/guide.md), an alias, or the plain
name of a symbol. --json prints {"source", "title", "url", "version", "text"};
the offsets of citations count the characters of that text.""",
    "batch": """Reads an object a line from FILE or standard input, with "question" and, if you
like, "id", "lang" (en, ko) and "history" (a list of {"question", "answer"}).
Writes an answer a line, in that order. A broken line gives {"id", "line",
"error"} and the exit code 2 in the end; the others are answered. A question that leans
on its history is completed from it; --no-follow-ups asks it as it stands.""",
    "eval": """FILE holds questions as JSON lines, as corpus/golden does. Prints tables and a
line of JSON; with --json only that line, which then also tells how each question
went. --report DIR writes a page with plots and the evidence of every failure
(DIR/index.html), and DIR/run.json. --compare takes that file, or what --json
printed, and tells what changed, with a paired test.

--gate holds the run to what stands beside FILE: the floors of floors.toml and the
run in accepted.json; exits with 6 below a floor, or where the run is significantly
worse than the accepted one (p < 0.05). --accept writes both files anew from this
run. Exits with 1 where a quote does not stand in its source.

An interrupt prints what was asked until then. Needs the packages of an extra:
pip install 'ask-docs[eval]'.""",
    "feedback": """With --golden FILE: writes it as candidates for golden questions, which somebody
should look at before they are used. With --json: an object a line.""",
    "models": """A line a model or provider: whether --model can use it here, and what is missing where
not. Looks at installed packages, set keys (never shown), an Ollama or other server
at its address, and models in the cache of the hub; downloads nothing.""",
    "doctor": """Exits with 0 when all is well, 4 when only the index is missing, damaged or out
of date, else 1.""",
    "export-encoder": """DIR is a new folder of about 115 MB; SentenceTransformer("DIR") loads it, and so
does --encoder DIR. Its vectors have a cosine of at least 0.99 to those of the
bundled encoder, but an index belongs to the encoder that made it. Needs the
package onnx: pip install 'ask-docs[train]'.""",
    "completion": """bash: ask completion bash > ~/.local/share/bash-completion/completions/ask
zsh:  ask completion zsh > FOLDER/_ask, where FOLDER is one of $fpath""",
}
