"""Judges what was answered: what a rule is, when its findings stand, and what is wrong with one answer by itself.

May import `asking` and `results`; it knows no single rule. Start with `rule`, then `judge`.
"""
