# gateway, agent and builder, with the toolchains that tenants' builds and steps run on.
FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN apt-get update && apt-get install -y --no-install-recommends git nodejs npm ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/wistro
COPY requirements/server.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/server.txt
COPY wistro/ wistro/
COPY runner/ runner/
RUN useradd --system --uid 10001 --create-home wistro && mkdir -p /data /run/wistro \
 && chown wistro /data /run/wistro && chmod 700 /run/wistro
USER wistro
