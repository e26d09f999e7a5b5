# The mock server and the check. `docker build .` needs `dist/`, which `make release-check` writes.
#
#   docker run --rm --read-only -p 127.0.0.1:8000:8000 channel-images mock --host 0.0.0.0
#   docker run --rm --read-only --init --env CHANNEL_IMAGES_TOKEN channel-images check https://host --channel 5
#
# Renovate adds the digest of the base (renovate.json): there was no registry to ask for it where this was written.

FROM python:3.13-slim AS build
COPY requirements-tools.lock dist/*.whl /wheel/
RUN python -m venv /opt/channel-images \
 && /opt/channel-images/bin/pip install --no-cache-dir --no-deps --require-hashes -r /wheel/requirements-tools.lock \
 && /opt/channel-images/bin/pip install --no-cache-dir --no-deps --no-index /wheel/*.whl

FROM python:3.13-slim
COPY --from=build /opt/channel-images /opt/channel-images
# Reports are written here: mount a folder that this user can write to.
WORKDIR /work
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/opt/channel-images/bin/channel-images"]
CMD ["--help"]
