"""The marketplace's side of the connector: `CHANNEL_MODULE`. It speaks to the shop at `SHOP_URL`, a `Shop` of the tests."""

import os
from typing import Any, ClassVar

from channel_app.channel.integration import ChannelIntegration as Integration
from channel_app.core.commands import ChannelCommandInterface
from channel_app.core.data import BatchRequestResponseDto

SHOP_URL = os.environ["SHOP_URL"]


def outcomes(answers: list[dict[str, Any]]) -> list[BatchRequestResponseDto]:
    return [BatchRequestResponseDto(**answer) for answer in answers]


class SendImages(ChannelCommandInterface):
    """Gives the shop images: at once, or as a batch of the shop's own that it works off later."""

    param_is_sync: bool

    def get_data(self) -> Any:
        return self.objects

    def validated_data(self, data: Any) -> Any:
        # A product that has been removed meanwhile is None: its images get no outcome.
        return [image for image in data if image.product is not None]

    def transform_data(self, data: Any) -> list[dict[str, Any]]:
        return [{"pk": image.pk, "sku": image.product.sku, "version": image.modified_date} for image in data]

    def send_request(self, transformed_data: list[dict[str, Any]]) -> Any:
        return self.session.post(f"{SHOP_URL}/{'images' if self.param_is_sync else 'batches'}", json=transformed_data)

    def normalize_response(self, data: Any, validated_data: Any, transformed_data: Any, response: Any) -> Any:
        answers = []
        if response.ok and self.param_is_sync:
            answers = response.json()
        elif response.ok:
            self.batch_request.remote_batch_id = response.json()["id"]
        return outcomes(answers), self.create_report(response), data


class CheckImages(ChannelCommandInterface):
    """Asks the shop what became of a batch: nothing yet, or an outcome for each of its products."""

    def get_data(self) -> Any:
        return self.objects

    def validated_data(self, data: Any) -> Any:
        return data

    def transform_data(self, data: Any) -> Any:
        return data.remote_batch_id

    def send_request(self, transformed_data: Any) -> Any:
        return self.session.get(f"{SHOP_URL}/batches/{transformed_data}")

    def normalize_response(self, data: Any, validated_data: Any, transformed_data: Any, response: Any) -> Any:
        return outcomes(response.json() if response.ok else []), self.create_report(response), data


class ChannelIntegration(Integration):
    actions: ClassVar[dict[str, Any]] = {
        **Integration.actions,
        "send_inserted_images": SendImages,
        "send_updated_images": SendImages,
        "check_images": CheckImages,
    }
