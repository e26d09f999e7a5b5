"""Protocol: methods, and paths without their closing slash."""

from channel_images.mock.answers import Answer, bad_request
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.bugs.registry import DETAILED_LIST, DETAILED_RETRIEVE, bug, server_error
from channel_images.mock.call import Call
from channel_images.mock.operations import Operation


@bug("protocol.read-only")
class ListCreates(Behaviour):
    """The view of the list is a ListCreateAPIView: POST asks for the fields of a new image."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if call.method == "POST" and operation.is_list:
            raise bad_request({"product": ["This field is required."]})
        return super().dispatch(operation, call)


@bug("protocol.read-only")
class ImageDeletes(Behaviour):
    """The view of an image is a RetrieveUpdateDestroyAPIView: PUT, PATCH and DELETE look for the image."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if call.method in {"PUT", "PATCH", "DELETE"} and not operation.is_list:
            self.image_id(operation, call, self.channel(operation, call))
            return Answer(204)
        return super().dispatch(operation, call)


@bug("protocol.read-only")
class MethodIgnored(Behaviour):
    """The detailed retrieval answers any method as it answers GET."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if operation.id == DETAILED_RETRIEVE and call.method != "OPTIONS":
            return self.retrieve(operation, call)
        return super().dispatch(operation, call)


@bug("protocol.head-options")
class Head500(Behaviour):
    """A view does not know HEAD, and fails."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if call.method == "HEAD" and operation.id == DETAILED_LIST:
            raise server_error()
        return super().dispatch(operation, call)


@bug("protocol.head-options")
class Options500(Behaviour):
    """OPTIONS fails while it describes the serializer."""

    def options(self, operation: Operation) -> Answer:
        if operation.meaning.pending:
            raise server_error()
        return super().options(operation)


@bug("protocol.redirect")
class RedirectElsewhere(Behaviour):
    """A path without its slash is redirected to the canonical host, with the token."""

    def redirect(self, call: Call, location: str) -> Answer:
        return Answer(301, headers={"location": f"https://www.example.com{location}"})
