#!/bin/bash
# Run once by the postgres image: the three roles and the database, as infra/embedded.py makes them.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" \
  -v owner="$WISTRO_OWNER_PASSWORD" -v app="$WISTRO_APP_PASSWORD" -v ingest="$WISTRO_INGEST_PASSWORD" <<'SQL'
CREATE ROLE wistro_owner LOGIN NOSUPERUSER BYPASSRLS PASSWORD :'owner';
CREATE ROLE wistro_app LOGIN NOSUPERUSER PASSWORD :'app';
CREATE ROLE wistro_ingest LOGIN NOSUPERUSER BYPASSRLS PASSWORD :'ingest';
CREATE DATABASE wistro OWNER wistro_owner;
SQL
