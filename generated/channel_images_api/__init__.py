# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

"""A client library for accessing Sales Channel Product Images."""

from .client import AuthenticatedClient, Client

__all__ = ["AuthenticatedClient", "Client"]
