"""Runs `channel-images spec`: prints the contract."""

import sys

from channel_images.cli.errors import needs_extra


def spec() -> None:
    """Print the contract, OpenAPI 3.1 in YAML.

    Example: channel-images spec > openapi.yaml
    """
    with needs_extra("mock"):
        from channel_images.contract import contract_text

    sys.stdout.write(contract_text())
