"""Sends one request, and returns its answer or an error of ours: attempts, waits, deadlines, tokens, redirects.

May import: `settings`, `exceptions`, and the generated package. Start with `call`.
"""
