"""Signs clients in as the service does: outside the contract, beside its operations."""

import hmac

from attrs import frozen

from channel_images.mock.endpoints import Body
from channel_images.mock.http.answers import Answer, bad_request
from channel_images.mock.http.call import Call
from channel_images.mock.settings import Settings

_FIELDS = ("username", "password")


@frozen(eq=False)
class SignIn:
    """The handlers of both paths."""

    _settings: Settings

    def login(self, _call: Call, body: Body) -> Answer:
        """Exchange user name and password for the token.

        Raises:
            Refused: With 400; they do not match, or one is not given.
        """
        errors = {name: _complaint(body, name) for name in _FIELDS if not isinstance(body.get(name), str)}
        if errors:
            raise bad_request(errors)
        # Both are compared, so that the time taken does not tell which of them was wrong.
        matches = [
            hmac.compare_digest(str(body[name]).encode("utf-8", "replace"), expected.encode())
            for name, expected in zip(_FIELDS, (self._settings.username, self._settings.password), strict=True)
        ]
        if not all(matches):
            raise bad_request({"non_field_errors": ["Unable to log in with provided credentials."]})
        return Answer.of_json({"key": self._settings.token})

    def active_user(self, _call: Call, _body: Body) -> Answer:
        """Say whose token it is."""
        name = self._settings.username
        return Answer.of_json({"pk": 1, "username": name, "email": f"{name}@example.com", "is_active": True})


def _complaint(body: Body, name: str) -> list[str]:
    if name not in body:
        return ["This field is required."]
    return ["This field may not be null." if body[name] is None else "Not a valid string."]
