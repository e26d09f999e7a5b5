"""Asks the server: the target, the wire with its budget and pace, sign-in, readings and the survey of the data."""
