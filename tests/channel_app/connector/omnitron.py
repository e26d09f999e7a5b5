"""The platform's side of the connector: `OMNITRON_MODULE`, as channel_app has it but for one command."""

from typing import Any, ClassVar

from channel_app.omnitron.commands.product_images import ProcessImageBatchRequests
from channel_app.omnitron.integration import OmnitronIntegration as Integration


class ProcessImages(ProcessImageBatchRequests):
    """Ends a batch of images: channel_app 0.0.161 fails there, since it takes each product's list for one image."""

    def _update_batch_request(self, model_items_by_content: dict[str, dict[int, list[Any]]]) -> None:
        super()._update_batch_request(
            {
                model: {item.pk: item for items in by_product.values() for item in items}
                for model, by_product in model_items_by_content.items()
            }
        )


class OmnitronIntegration(Integration):
    actions: ClassVar[dict[str, Any]] = {**Integration.actions, "process_image_batch_requests": ProcessImages}
