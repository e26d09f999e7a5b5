"""What a build says of where this repository is: its links in the metadata, and those of README on a package index.

The address comes from RELEASE_REPOSITORY, which `make release-check REPOSITORY=...` sets: it is written nowhere, so that a
fork, or a repository that moves, says what is true. A build without it names no address: README's links are then plain text.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)([^)\s]+)\)")
PICTURE = re.compile(r'(src|srcset)="(?!https?:)([^"]+)"')
PICTURES = re.compile(r"<p>.*?</p>\n\n", re.DOTALL)


class Addresses(MetadataHookInterface):
    """Fills `urls` and `readme`. What is built from an sdist takes both from there."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add both fields to the table `project`.

        Raises:
            ValueError: RELEASE_REPOSITORY is no `https://` address.
        """
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = os.environ.get("RELEASE_REPOSITORY", "").rstrip("/")
        if repository:
            if not re.fullmatch(r"https://[\w.-]+/[\w./~-]+", repository):
                raise ValueError(f"RELEASE_REPOSITORY is {repository!r}; it has to be such as https://host/owner/name")
            tag = f"v{metadata['version']}"
            readme = LINK.sub(rf"[\1]({repository}/blob/{tag}/\2)", readme)
            readme = PICTURE.sub(rf'\1="{repository}/raw/{tag}/\2"', readme)
            metadata["urls"] = {
                "Repository": repository,
                "Documentation": f"{repository}/tree/{tag}/docs",
                "Changelog": f"{repository}/blob/{tag}/CHANGELOG.md",
                "Issues": f"{repository}/issues",
            }
        else:
            readme = LINK.sub(r"\1", PICTURES.sub("", readme))
            metadata["urls"] = {}
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}
