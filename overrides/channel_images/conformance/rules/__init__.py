"""Compares answers with each other: the rules, a module a family.

May import `asking`, `judging` and `results`. Start with `isolation`, a short one; `conformance/catalogue.py` lists them all.
"""
