# web, machines, worker, beat and migrate: one image, the table of processes gives each its command.
FROM node:22-slim AS screens
WORKDIR /src/frontend
COPY frontend/ ./
RUN npm ci --no-audit --no-fund && npm run build -w hub

FROM python:3.12-slim-trixie
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/wistro
COPY requirements/server.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/server.txt
COPY manage.py ./
COPY wistro/ wistro/
COPY hub/ hub/
COPY --from=screens /src/frontend/hub/dist frontend/hub/dist
RUN useradd --system --uid 10001 wistro && mkdir -p /data /blobs && chown wistro /data /blobs
USER wistro
