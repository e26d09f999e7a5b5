"""A second, independent server of the API: what a team writes with Django REST Framework and django-filter.

Run it as a program: ``python tests/drf/server.py``. It prints its URL and ends when its standard input does. Below
that URL, at the name of a fault, is the server with that fault: to start Django for each takes most of a second.
Channels 5 (137 images), 6 (12 images, three of them in channel 5 too) and 7 (none); the token is ``drf-token``.
"""

import os
import sys
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from django.conf import settings

FAULTS = {
    "unordered": "a queryset without an order_by that every page sorts anew",
    "filter-not-declared": "the FilterSet forgets is_seller_product",
    "multi-value-last": "id__in reads a single value of a list",
    "updates-not-in-union": "inserts_or_updates answers the inserts alone",
    "retrieve-any-channel": "get_object looks the image up without its channel",
    "detailed-public": "the detailed list overrides permission_classes",
    "page-drops-last": "a paginator whose slice ends one row early",
    "count-ignores-filter": "count is that of the unfiltered queryset",
    "null-as-zero": "the detailed serializer writes 0 for a height that is null",
    "detail-500": "a product without a hash breaks the detailed serializer",
}


class Asked:
    """What is being asked."""

    fault = ""


def has(fault: str) -> bool:
    """Whether the server that was asked has a fault."""
    return Asked.fault == fault


FOLDER = tempfile.TemporaryDirectory()
settings.configure(
    SECRET_KEY="only-for-tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    TIME_ZONE="UTC",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(FOLDER.name) / "db.sqlite3"),
            # One thread answers all requests: to open the file for each of them takes a third of the time.
            "CONN_MAX_AGE": None,
        },
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework.authtoken",
        "django_filters",
    ],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    LOGGING={"version": 1, "handlers": {"null": {"class": "logging.NullHandler"}}, "root": {"handlers": ["null"]}},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    },
)
django.setup()

from django.core.management import call_command  # noqa: E402 - Django's modules need its settings first
from django.core.validators import MaxValueValidator, MinValueValidator  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.db.models import F, Q, QuerySet  # noqa: E402
from django.shortcuts import get_object_or_404  # noqa: E402
from django.urls import path  # noqa: E402
from django_filters import rest_framework as filters  # noqa: E402
from rest_framework import generics, pagination, permissions, serializers  # noqa: E402
from rest_framework.response import Response  # noqa: E402


class Channel(models.Model):
    class Meta:
        app_label = "contenttypes"


class Product(models.Model):
    product_type = models.IntegerField()
    is_seller_product = models.BooleanField()

    class Meta:
        app_label = "contenttypes"


class Image(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    source = models.CharField(max_length=32, null=True)
    modified_date = models.DateTimeField()
    created_date = models.DateTimeField()
    height = models.IntegerField(null=True)
    width = models.IntegerField(null=True)
    hash = models.CharField(max_length=64, null=True)
    status = models.CharField(max_length=16)
    is_active = models.BooleanField()
    order = models.IntegerField()

    class Meta:
        app_label = "contenttypes"


class Listing(models.Model):
    """An image in a channel, and the version that was sent there."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE)
    image = models.ForeignKey(Image, on_delete=models.CASCADE)
    sent_version = models.DateTimeField(null=True)

    class Meta:
        app_label = "contenttypes"


class ImageSerializer(serializers.ModelSerializer[Image]):
    object_id = serializers.IntegerField(source="product_id")
    content_type = serializers.SerializerMethodField()

    class Meta:
        model = Image
        fields = [
            "pk", "product", "source", "modified_date", "created_date", "height", "width", "hash", "status",
            "is_active", "order", "object_id", "content_type",
        ]  # fmt: skip

    def get_content_type(self, image: Image) -> str:
        return "product"


class DetailedImageSerializer(ImageSerializer):
    product_type = serializers.IntegerField(source="product.product_type")

    class Meta(ImageSerializer.Meta):
        fields = [*ImageSerializer.Meta.fields, "product_type"]

    def to_representation(self, instance: Image) -> dict[str, Any]:
        if has("detail-500"):
            instance.hash.upper()  # type: ignore[union-attr]  # the fault: hash may be null
        row: dict[str, Any] = super().to_representation(instance)
        if has("null-as-zero"):
            row["height"] = row["height"] or 0
        return row


class IdFilter(filters.NumberFilter):
    """A number that the database can hold: SQLite has no larger ones, and says so with an OverflowError."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, validators=[MinValueValidator(-(2**63))], **kwargs)

    def get_max_validator(self) -> MaxValueValidator:
        return MaxValueValidator(2**63 - 1)


class IdInFilter(filters.BaseInFilter, IdFilter):
    """Comma-separated numbers."""


class ImageFilter(filters.FilterSet):
    product = IdFilter(field_name="product_id")
    product__pk__in = IdInFilter(field_name="product_id", lookup_expr="in")
    id__in = IdInFilter(field_name="id", lookup_expr="in")
    product_type = IdInFilter(field_name="product__product_type", lookup_expr="in")
    is_seller_product = filters.BooleanFilter(field_name="product__is_seller_product")


class FilterWithoutSeller(ImageFilter):
    is_seller_product = None


class FilterOfLastId(ImageFilter):
    id__in = filters.NumberFilter(field_name="id", method="last_id")

    def last_id(self, queryset: "QuerySet[Image]", name: str, value: object) -> "QuerySet[Image]":
        return queryset.filter(id=self.data["id__in"].split(",")[-1])


class Pagination(pagination.PageNumberPagination):
    page_size = 10
    page_size_query_param = "limit"
    max_page_size = 100

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> list[Any] | None:
        rows = super().paginate_queryset(queryset, request, view)
        if has("page-drops-last") and rows and self.page.has_next():
            return rows[:-1]
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        answer = super().get_paginated_response(data)
        if has("count-ignores-filter"):
            answer.data["count"] = Listing.objects.filter(
                channel_id=self.request.parser_context["kwargs"]["channel_id"]
            ).count()
        return answer


class ImageList(generics.ListAPIView[Image]):
    serializer_class: type[ImageSerializer] = ImageSerializer
    pagination_class = Pagination

    @property
    def filterset_class(self) -> type[filters.FilterSet] | None:
        if has("filter-not-declared"):
            return FilterWithoutSeller
        return FilterOfLastId if has("multi-value-last") else ImageFilter

    def get_queryset(self) -> "QuerySet[Image]":
        channel = get_object_or_404(Channel, pk=self.kwargs["channel_id"])
        images = Image.objects.filter(self.pending(), listing__channel=channel).select_related("product")
        return images.order_by("?") if has("unordered") else images.order_by("pk")

    def pending(self) -> Q:
        return Q()


class DetailedImageList(ImageList):
    serializer_class = DetailedImageSerializer
    filterset_class = None

    def get_permissions(self) -> list[Any]:
        return [permissions.AllowAny()] if has("detailed-public") else super().get_permissions()


class PendingList(ImageList):
    """A list without an envelope."""

    filterset_class = None

    def get_paginated_response(self, data: Any) -> Response:
        return Response(data)


INSERTS = Q(listing__sent_version=None)
UPDATES = Q(listing__sent_version__lt=F("modified_date"))


class InsertList(PendingList):
    def pending(self) -> Q:
        return INSERTS


class UpdateList(PendingList):
    def pending(self) -> Q:
        return UPDATES


class InsertOrUpdateList(PendingList):
    def pending(self) -> Q:
        return INSERTS if has("updates-not-in-union") else INSERTS | UPDATES


class ImageDetail(generics.RetrieveAPIView[Image]):
    serializer_class: type[ImageSerializer] = ImageSerializer

    def get_object(self) -> Image:
        get_object_or_404(Channel, pk=self.kwargs["channel_id"])
        images = Image.objects.select_related("product")
        if not has("retrieve-any-channel"):
            images = images.filter(listing__channel_id=self.kwargs["channel_id"])
        image: Image = get_object_or_404(images, pk=self.kwargs["id"])
        return image


class DetailedImageDetail(ImageDetail):
    serializer_class = DetailedImageSerializer


ROOT = "api/v1/channel/<int:channel_id>/product_images/"
urlpatterns = [
    path(ROOT, ImageList.as_view()),
    path(f"{ROOT}detailed/", DetailedImageList.as_view()),
    path(f"{ROOT}inserts/", InsertList.as_view()),
    path(f"{ROOT}updates/", UpdateList.as_view()),
    path(f"{ROOT}inserts_or_updates/", InsertOrUpdateList.as_view()),
    path(f"{ROOT}<int:id>/", ImageDetail.as_view()),
    path(f"{ROOT}<int:id>/detailed/", DetailedImageDetail.as_view()),
]


def fill() -> None:
    """Create the tables, the token and the data."""
    from django.contrib.auth.models import User
    from rest_framework.authtoken.models import Token

    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Channel, Product, Image, Listing):
            editor.create_model(model)
    Token.objects.create(user=User.objects.create_user("drf"), key="drf-token")
    Channel.objects.bulk_create(Channel(pk=number) for number in (5, 6, 7))
    products = [Product(pk=100 + n, product_type=n % 6, is_seller_product=n % 3 == 0) for n in range(60)]
    Product.objects.bulk_create(products)
    start = datetime(2022, 11, 25, 12, 6, 42, 954200, tzinfo=UTC)
    images = []
    for n in range(146):
        created = start + timedelta(seconds=37 * n, microseconds=n)
        images.append(
            Image(
                pk=1 + 3 * n,
                product_id=100 + n * 7 % 60,
                source=["unified", "integration", "seller_center", None][n % 4],
                created_date=created,
                modified_date=created + timedelta(hours=n % 5),
                height=None if n % 11 == 0 else 400 + n,
                width=None if n % 13 == 0 else 300 + n,
                hash=None if n % 17 == 0 else f"{n:032x}",
                status="active" if n % 3 else "disabled",
                is_active=n % 4 != 1,
                order=n % 3,
            )
        )
    Image.objects.bulk_create(images)
    listings = []
    for n, image in enumerate(images):
        sent = [None, image.modified_date - timedelta(minutes=5), image.modified_date][n % 3]
        if n < 137:
            listings.append(Listing(channel_id=5, image=image, sent_version=sent))
        if n >= 134:
            listings.append(Listing(channel_id=6, image=image, sent_version=sent))
    Listing.objects.bulk_create(listings)


def without_bodies_of_head(application: Any) -> Any:
    """What every server in production does, and that of the standard library does not."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        body.close()
        return []

    return answer


def with_fault(application: Any) -> Any:
    """The server with the fault that the path begins with; without one, the healthy server."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        fault, _, rest = environ["PATH_INFO"].removeprefix("/").partition("/")
        Asked.fault = fault if fault in FAULTS else ""
        if Asked.fault:
            environ |= {"SCRIPT_NAME": f"/{fault}", "PATH_INFO": f"/{rest}"}
        return application(environ, start_response)

    return answer


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


class Server(WSGIServer):
    request_queue_size = 64


def main() -> None:
    fill()
    server = Server(("127.0.0.1", 0), QuietHandler)
    server.set_app(with_fault(without_bodies_of_head(get_wsgi_application())))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - the caller reads it
    sys.stdin.read()
    server.shutdown()
    FOLDER.cleanup()
    os._exit(0)


if __name__ == "__main__":
    main()
