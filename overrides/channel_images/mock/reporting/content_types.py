"""Lists the kinds of objects that reports speak of, as Django numbers them."""

from attrs import frozen


@frozen
class ContentType:
    """A kind of object."""

    id: int
    app_label: str
    model: str


_MODELS = (
    ("omnitron", "batchrequest"),
    ("catalogs", "product"),
    ("catalogs", "productimage"),
    ("catalogs", "productprice"),
    ("catalogs", "productstock"),
    ("catalogs", "productcategory"),
    ("channels", "channel"),
    ("channels", "integrationaction"),
    ("channels", "categorytree"),
    ("channels", "categorynode"),
    ("orders", "order"),
    ("orders", "orderitem"),
    ("orders", "cancellationrequest"),
)
CONTENT_TYPES = {number: ContentType(number, *names) for number, names in enumerate(_MODELS, 1)}
"""By id. The ids and labels are the mock's own; the models are those that the vendor's client looks up."""


def content_type(model: str) -> ContentType:
    """The content type of a model; of one that is none of them, with the next id."""
    known = (each for each in CONTENT_TYPES.values() if each.model == model)
    return next(known, ContentType(len(_MODELS) + 1, "catalogs", model))
