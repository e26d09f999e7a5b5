"""Keeps secrets out of what is shown: a server may send back whatever it was sent."""

from collections.abc import Iterable

from attrs import evolve, frozen

from channel_images.calls.secrets import Secret, hide
from channel_images.conformance.asking.target import Target
from channel_images.conformance.results import Result

HARMLESS = frozenset({"accept", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent"})
"""Headers of a user's own whose values are no secrets, and would be found in many an answer."""


@frozen
class Cleaner:
    """Takes secrets out of texts that a server may have had a part in."""

    secrets: tuple[Secret, ...]

    @classmethod
    def of(cls, target: Target, tokens: Iterable[str] = ()) -> "Cleaner":
        """For what a target knows, and the tokens that it had besides."""
        headers = [value for name, value in target.headers.items() if name.lower() not in HARMLESS]
        passwords = target.password, target.other_password
        texts = dict.fromkeys([target.token, target.other_token, *tokens, *passwords, *headers])
        return cls(tuple(Secret(text) for text in texts if text))

    def text(self, text: str) -> str:
        """The text without the secrets, however they are spelled."""
        return hide(text, self.secrets)

    def result(self, result: Result) -> Result:
        """The result without the secrets."""
        evidence = result.evidence and evolve(
            result.evidence,
            relation=self.text(result.evidence.relation),
            expected=self.text(result.evidence.expected),
            seen=self.text(result.evidence.seen),
            requests=tuple(map(self.text, result.evidence.requests)),
            bodies=tuple(map(self.text, result.evidence.bodies)),
            test=self.text(result.evidence.test),
        )
        return evolve(result, reason=self.text(result.reason), evidence=evidence)
