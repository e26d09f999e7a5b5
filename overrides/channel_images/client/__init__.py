"""Gives what a user holds: the two clients, and their channels.

May import: `listings`, `export`, and what these may. Start with `client`.
"""
