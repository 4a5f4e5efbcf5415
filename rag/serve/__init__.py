"""Answers for other programs: an OpenAI-compatible HTTP server and an MCP server.

limits.py  how much is let in, and the guard before every app: host, key, rate, size of a body
desk.py    the pipeline's work in threads, a bounded number at a time
wire.py    what goes over the wire, as pydantic models
chat.py    an Answer as OpenAI's chat completion, whole or in chunks
api.py     the HTTP server's app (FastAPI)      page.py  its description without any script
mcp.py     the MCP server (package mcp)
listen.py  runs an app until it is told to stop (uvicorn)
"""
