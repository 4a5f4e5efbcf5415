"""The rooms behind the command line: words, actions, and how answers look on a terminal."""
