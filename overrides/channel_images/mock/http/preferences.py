"""Lets a request ask for its own failure, by `Prefer: code=503`, as those who know Prism are used to it.

No switch of the server is touched, so tests that share one may run side by side.
"""

import re

from channel_images.mock.http.answers import Answer, Refused, stated
from channel_images.mock.http.call import Call
from channel_images.mock.http.journal import notes_of

# RFC 7240: preferences are separated by commas, parameters follow a semicolon, and any value may be quoted.
_PREFERENCE = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)+')
_CODE = re.compile(r'\s*code\s*=\s*("?)(.*?)\1\s*(?:;.*)?', re.IGNORECASE | re.DOTALL)
_ERROR = re.compile("[45][0-9]{2}")
_AS_USUAL = "200"


def refuse_as_preferred(call: Call) -> None:
    """Answer a request with the error that it prefers, if it prefers one. Of several preferences the first counts.

    Raises:
        Refused: With that error; with 400, where no error has this code.
    """
    header = (call.header(b"prefer") or b"").decode("latin-1")
    codes = [named[2] for part in _PREFERENCE.findall(header) if (named := _CODE.fullmatch(part))]
    if not codes or codes[0] == _AS_USUAL:
        return
    code = codes[0]
    if not _ERROR.fullmatch(code):
        complaint = f"Prefer: code={code} is no error of the mock: give a status from 400 to 599, or 200 for none."
        raise Refused(Answer.of_json({"detail": complaint}, 400))
    answer = stated(int(code), "1" if code == "429" else None)
    answer.headers["preference-applied"] = f"code={code}"
    notes_of(call.scope).faults.append(f"Prefer: code={code}")
    raise Refused(answer)
