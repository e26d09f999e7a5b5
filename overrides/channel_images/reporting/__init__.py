"""Reports to the platform which images were sent: batches, which take pending images and end with an outcome for each.

Start with `batch`, which is what a user holds; `steps` says in which order what is asked for, `requests` how it looks on
the wire. It is outside of the contract: the paths and fields are those of the public reference (SalesChannelBatchRequests,
IntegrationActions), and of the requests that `channel_app` 0.0.161 sends. It imports from `calls`.
"""
