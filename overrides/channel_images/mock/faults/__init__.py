"""Holds what goes wrong between a client and a healthy service, on demand: errors, delays, broken connections.

A fault is written as its kind, then its settings and the conditions under which it strikes, joined by colons:

    429:retry-after=2:first=3        503:rate=0.1:operation=login        latency:seconds=0.2

`KINDS` and `CONDITIONS`, in `kinds`, describe all of them. Faults combine: delays add up, a status takes the place of
the answer, and what happens to the body or the connection happens to that. Of two that contradict each other, the one
given first counts. Whether a fault strikes is a function of the seed and of how many requests it has met: the same
requests in the same order meet the same faults.

Start with `faults`, which decides who is struck; `spec` reads what was written, `kinds` says what each kind does, and
`endpoint` does it. This room imports `beside`, `http`, `operations` and
`settings`.
"""
