# A Debian base, not Alpine: google-re2 has wheels for glibc only.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS builder
# With requirements.txt instead there is no matplotlib, and no picture: 170 MB less.
ARG REQUIREMENTS=requirements-charts.txt
WORKDIR /build
COPY ${REQUIREMENTS} requirements.txt
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

FROM python:${PYTHON_VERSION}-slim
ENV PATH=/opt/venv/bin:$PATH \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=builder /opt/venv /opt/venv
# .dockerignore names what this takes.
COPY . .
# Readable whatever the umask of the checkout was; data/ is the only folder beside /tmp that is written to.
RUN chmod -R a+rX . && install -d -o 10001 -g 10001 -m 0750 data
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(f\"http://127.0.0.1:{os.environ.get('PORT') or 8080}/healthz\", timeout=4)"]
ENTRYPOINT ["python", "app.py"]
CMD ["serve"]
