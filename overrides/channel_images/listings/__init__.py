"""Reads a list page by page: a walk says which, a sender of `calls` asks for it.

May import: `calls`, `walks`, and what these may. Start with `listing`.
"""
