"""Holds the rules, a module a family. They may import `asking` and `judging`. Start with `isolation`, a short one."""
