# gateway, agent and builder, with the toolchains that tenants' builds and steps run on: Python, Node with
# npm (which brings each build its esbuild) and git; uv and bubblewrap come pinned by hash with the packages.
FROM node:22-slim AS node

FROM python:3.12-slim-trixie
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN apt-get update && apt-get install -y --no-install-recommends git ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local/bin/node /usr/local/bin/
COPY --from=node /usr/local/lib/node_modules/ /usr/local/lib/node_modules/
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && npm --version
WORKDIR /srv/wistro
COPY requirements/server.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/server.txt
COPY wistro/ wistro/
COPY runner/ runner/
RUN useradd --system --uid 10001 --create-home wistro && mkdir -p /data /run/wistro \
 && chown wistro /data /run/wistro && chmod 700 /run/wistro
USER wistro
