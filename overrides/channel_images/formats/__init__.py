"""Writes images as text, as columns and as Arrow: for the command line, for exports and for Spark.

May import: `calls` and what it may. Start with `text`.
"""
