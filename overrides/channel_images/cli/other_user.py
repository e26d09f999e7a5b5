"""Has the options of a check that name another user, one who may not see the channel."""

from typing import TYPE_CHECKING, Annotated

import typer
from attrs import evolve, field, frozen

from channel_images.cli.connection import Credentials
from channel_images.cli.errors import fail

if TYPE_CHECKING:
    from channel_images.conformance import Target

_TOKEN, _USERNAME, _PASSWORD = (f"CHANNEL_IMAGES_OTHER_{name}" for name in ("TOKEN", "USERNAME", "PASSWORD"))


@frozen
class OtherUser:
    """What proves that one is the other user; nothing if there is none."""

    other_token: Annotated[
        str | None,
        typer.Option(
            envvar=_TOKEN,
            metavar="TOKEN",
            help="A valid token of a user who may not see the channel, to try whether it does. Prefer the environment variable.",
        ),
    ] = field(default=None, repr=False)
    other_username: Annotated[
        str | None,
        typer.Option(envvar=_USERNAME, metavar="NAME", help="Sign in for that token."),
    ] = None
    other_password: Annotated[
        str | None,
        typer.Option(
            envvar=_PASSWORD,
            metavar="PASSWORD",
            help="The password to sign in with. Prefer the environment variable.",
        ),
    ] = field(default=None, repr=False)

    def told_to(self, target: "Target") -> "Target":
        """The target with the token of the other user. Ends the command if there is none, or where it is the first."""
        if not (self.other_token or self.other_username or self.other_password):
            return target
        if not self.other_token and not (self.other_username and self.other_password):
            fail(f"the other user signs in with a name and a password: give --other-username and set {_PASSWORD}")
        credentials = Credentials(self.other_token, self.other_username, self.other_password)
        other = signed_in(target, credentials, " of the other user")
        try:
            # The server knows the password, and may send it back.
            return target.with_other_user(other.token, self.other_password or "")
        except ValueError as error:
            fail(str(error))


def signed_in(target: "Target", credentials: Credentials, whose: str = "") -> "Target":
    """The target with a token: the one that was given, or one that the credentials sign in for."""
    from channel_images.conformance.asking.signin import SignInFailed, sign_in, usable

    token, username, password = credentials.token, credentials.username, credentials.password
    if token:
        if not usable(token):
            fail(f"the token{whose} holds a space, a line break or a character that no header can carry")
    elif username and password:
        # The run signs in again with them when the token expires.
        target = evolve(target, username=username, password=password)
        try:
            token = sign_in(target, username, password)
        except SignInFailed as error:
            fail(f"{error}{whose and f' (the sign-in{whose})'}")
    return evolve(target, token=token) if token else target
