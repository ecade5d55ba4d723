# The console and the worker. The worker runs code of repositories in bubblewrap: see docs/operations.md, "Containers".
FROM docker.io/library/python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 platform \
    && install -d -o platform -g platform /data /demo
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY .streamlit ./.streamlit
COPY core ./core
COPY console ./console
COPY pages ./pages
COPY docs ./docs
COPY platform.example.toml LICENSE ./
USER platform
ENV DATA_DIR=/data PYTHONUNBUFFERED=1
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "console/server/app.py", "--server.address", "0.0.0.0", "--server.headless", "true"]
