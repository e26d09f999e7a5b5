"""Takes the reports of connectors: what a batch takes, what it has sent, and what went wrong on the way.

None of it is in the contract: `channel_images.mock.beside` has the paths, and says where they are from. Start with
`batches`, which has the states of a batch and their order; `batch_requests` answers requests about them, and `steps` is
what they do to the images: `Behaviour` inherits those steps, and bugs change them. `ledger` keeps everything that was
reported. This room imports `as_json`, `beside`, `bounded`, `data`, `endpoints`, `http`, `operations`, `parameters` and
`settings`.
"""
