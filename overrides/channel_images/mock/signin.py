"""Signs clients in as the service does: outside the contract, beside its operations."""

import hmac
from collections.abc import Sequence

from attrs import frozen

from channel_images.mock.endpoints import Body
from channel_images.mock.http.answers import Answer, bad_request
from channel_images.mock.http.auth import carries
from channel_images.mock.http.call import Call
from channel_images.mock.settings import Settings

_FIELDS = ("username", "password")


@frozen(eq=False)
class SignIn:
    """The handlers of both paths."""

    _settings: Settings

    def login(self, _call: Call, body: Body) -> Answer:
        """Exchange user name and password for the token of a user.

        Raises:
            Refused: With 400; they do not match, or one is not given.
        """
        errors = {name: _complaint(body, name) for name in _FIELDS if not isinstance(body.get(name), str)}
        if errors:
            raise bad_request(errors)
        settings = self._settings
        users = (
            (settings.token, settings.username, settings.password),
            (settings.other_token, settings.other_username, settings.other_password),
        )
        keys = [token for token, *expected in users if _matches(body, expected)]
        if not keys:
            raise bad_request({"non_field_errors": ["Unable to log in with provided credentials."]})
        return Answer.of_json({"key": keys[0]})

    def active_user(self, call: Call, _body: Body) -> Answer:
        """Say whose token it is."""
        is_other = carries(call, self._settings.other_token)
        name = self._settings.other_username if is_other else self._settings.username
        number = 2 if is_other else 1
        return Answer.of_json({"pk": number, "username": name, "email": f"{name}@example.com", "is_active": True})


def _matches(body: Body, expected: Sequence[str]) -> bool:
    # Both are compared, so that the time taken does not tell which of them was wrong.
    matches = [
        hmac.compare_digest(str(body[name]).encode("utf-8", "replace"), text.encode())
        for name, text in zip(_FIELDS, expected, strict=True)
    ]
    return all(matches)


def _complaint(body: Body, name: str) -> list[str]:
    if name not in body:
        return ["This field is required."]
    return ["This field may not be null." if body[name] is None else "Not a valid string."]
