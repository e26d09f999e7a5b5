"""Speaks HTTP for the mock server: requests and answers, links, tokens, the journal, broken connections.

Start with `call`, one request, and `answers`, what is said to it; `delivery` gets an answer ready to be sent.
`protocol` is the server's end of a socket, and `transport` does without one. This room imports `as_json`,
`bounded` and `settings`, and nothing else of the mock: it knows no operation and no image.
"""
