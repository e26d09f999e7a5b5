"""Asks the server: sends requests at an agreed rate, and makes pages, rows and lists of the answers.

May import `results` and `files`; it knows nothing of `judging`, `rules` or `report`. Start with `wire`, which sends one
request; `standing` asks whether the API itself has answered; `reading` and `survey` are what the rules use.
"""
