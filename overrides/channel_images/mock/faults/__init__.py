"""Faults that the mock server injects: errors, delays, and connections that break."""
