# The emulator on one port, its database on a volume, as a user without rights.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml requirements.lock build.lock README.md LICENSE ./
COPY backends backends
COPY client client
COPY emulator emulator
COPY examples examples
# What builds the wheel is locked as well, and stays behind. Nothing else is built here: that would fetch more.
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r build.lock \
    && /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /opt/wheels . \
    && python -m venv /opt/registry \
    && /opt/registry/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock \
    && /opt/registry/bin/pip install --no-cache-dir --no-deps --no-index /opt/wheels/*.whl

FROM python:3.13-slim
COPY --from=build /opt/registry /opt/registry
RUN useradd --system --uid 10001 --no-create-home registry \
    && install --directory --owner=registry --group=registry --mode=0700 /data
ENV PATH=/opt/registry/bin:$PATH PYTHONUNBUFFERED=1 SAGEMAKER_REGISTRY_BACKEND=sqlite:////data/registry.db
USER registry
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/_registry/health', timeout=2)"]
ENTRYPOINT ["sagemaker-registry"]
# Who reaches a container is decided where its port is published: publish it on 127.0.0.1, or mount a credentials file
# and name it in SAGEMAKER_REGISTRY_CREDENTIALS. Then every request must be signed, whatever is accepted here.
CMD ["serve", "--host", "0.0.0.0", "--i-accept-no-authentication"]
