"""Decides which page of a list comes next, so that no image is lost or seen twice.

A walk sends nothing and knows no client: it names the windows that it wants, and is given the rows.
May import: `window`, `exceptions`, and the generated models. Start with `plain`.
"""
