# The server on port 8080, run as an unprivileged user, with its database on a volume.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml requirements.lock build.lock README.md LICENSE ./
COPY backends backends
COPY client client
COPY emulator emulator
COPY examples examples
# The build packages are locked too, and do not reach the final image. Building from source would download unlocked
# packages, so every other package is installed from a wheel.
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
# A container has to listen on all addresses. Publish its port on 127.0.0.1 only, or mount a credentials file and set
# SAGEMAKER_REGISTRY_CREDENTIALS to its path: every request must then be signed, despite --i-accept-no-authentication.
CMD ["serve", "--host", "0.0.0.0", "--i-accept-no-authentication"]
