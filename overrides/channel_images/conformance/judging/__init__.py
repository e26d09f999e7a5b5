"""Judges what was answered: rules, the oracle of the contract, what is allowed, and the fuzzing."""
