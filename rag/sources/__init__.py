"""Where documents come from, one file a kind; each turns bytes into a `Document`'s text.

markdown, web, notebook, rst, pyfile: readers. folder: one's own files. manifest: the corpus that
comes along. package: installed packages. light, writer, decoding: what the readers share.
Nothing is imported here, so that a reader's libraries load only when it is used.
"""
