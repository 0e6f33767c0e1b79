# syntax=docker/dockerfile:1
# Vivace on the CPU: docker build -t vivace . && docker run -p 8880:8880 -e VIVACE_SERVER__API_KEYS='["change-me"]' vivace
# For CUDA take an index of torch for it: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128
FROM python:3.11-slim AS build

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /src
COPY pyproject.toml hatch_build.py constraints.txt README.md CHANGELOG.md LICENSE NOTICE ./
COPY vivace ./vivace
# The image has no C compiler: pip fetches zig for this stage, and the kernels of the image's platform go into the wheel.
RUN python -m venv /opt/vivace \
    && /opt/vivace/bin/pip install --index-url "${TORCH_INDEX}" --constraint constraints.txt torch \
    && /opt/vivace/bin/pip install --constraint constraints.txt ".[serve]"

FROM python:3.11-slim

RUN useradd --create-home --uid 10001 vivace \
    && install --directory --owner=vivace --group=vivace /data
COPY --from=build /opt/vivace /opt/vivace

# Voices and caches: mount a volume here to keep them. The server is reachable from outside, so it refuses to start
# without VIVACE_SERVER__API_KEYS.
ENV PATH=/opt/vivace/bin:$PATH \
    VIVACE_SERVER__HOST=0.0.0.0 \
    VIVACE_PATHS__CACHE_DIR=/data/cache \
    VIVACE_PATHS__VOICES_DIR=/data/voices
VOLUME /data
USER 10001
EXPOSE 8880
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8880/health', timeout=4)"]
ENTRYPOINT ["vivace"]
CMD ["serve"]
