"""How the bundled encoder and lexicon were made; each step runs again with `python -m`.

    vocabulary -> teacher -> train -> export -> measure        lexicon

Nothing in `rag` imports this package; it needs `pip install 'ask-docs[train]'`.
"""
