"""The rules, a module a family. Importing this package fills the catalogue, in the order of the reports."""

from channel_images.conformance.rules import schema, protocol, auth, paging, filters, identity, pending, isolation  # noqa: F401, I001
