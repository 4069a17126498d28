-- Doors: the only ways past row-level security, for what must be read before an organization is known.
-- Loaded at the end of every `manage.py migrate`, as functions of the owner in the schema `doors`. Each returns ids
-- only as needed. To add one: write it here (SECURITY DEFINER, the search_path as below), call it from
-- hub/common/doors.py or your app's queries with `doors.rows(...)`. A new kind of object in a URL is one line in
-- `organization_of`.

-- A user's organizations.
CREATE FUNCTION doors.memberships_of(the_user uuid)
RETURNS TABLE (organization_id uuid, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT m.organization_id, m.role FROM members m WHERE m.user_id = the_user ORDER BY m.organization_id
$$;

-- Which of these (user, organization) pairs are still true: the sockets' watch asks for all of them at once.
CREATE FUNCTION doors.members_among(the_users uuid[], the_organizations uuid[])
RETURNS TABLE (user_id uuid, organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT m.user_id, m.organization_id
  FROM unnest(the_users, the_organizations) AS asked (u, o)
  JOIN members m ON m.user_id = asked.u AND m.organization_id = asked.o
$$;

-- The organization with this slug, if the user is a member of it.
CREATE FUNCTION doors.organization_called(its_slug text, the_user uuid)
RETURNS TABLE (organization_id uuid, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT m.organization_id, m.role
  FROM organizations o JOIN members m ON m.organization_id = o.id
  WHERE o.slug = its_slug AND m.user_id = the_user
$$;

-- The organization of an object named in a URL or topic, if the user is a member of it.
CREATE FUNCTION doors.organization_of(kind text, its_id uuid, the_user uuid)
RETURNS TABLE (organization_id uuid, role text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  its_table text := CASE kind
    WHEN 'project' THEN 'projects'
    WHEN 'environment' THEN 'environments'
    WHEN 'version' THEN 'versions'
    WHEN 'build' THEN 'builds'
    WHEN 'deployment' THEN 'deployments'
    WHEN 'source' THEN 'sources'
    WHEN 'run' THEN 'runs'
    WHEN 'dataset' THEN 'datasets'
    WHEN 'sample' THEN 'samples'
  END;
BEGIN
  IF its_table IS NULL THEN
    RAISE EXCEPTION 'organization_of knows no kind %', kind;
  END IF;
  RETURN QUERY EXECUTE format(
    'SELECT m.organization_id, m.role::text FROM %I t JOIN members m ON m.organization_id = t.organization_id '
    'WHERE t.id = $1 AND m.user_id = $2', its_table) USING its_id, the_user;
END
$$;

-- Ids of all organizations, in pages, for chores that go from tenant to tenant (rotating keys).
CREATE FUNCTION doors.organizations_after(the_last uuid, at_most integer)
RETURNS TABLE (organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT o.id FROM organizations o WHERE the_last IS NULL OR o.id > the_last ORDER BY o.id LIMIT at_most
$$;

-- Work rows that are due: what beat hands out when the Celery message was lost. Only tables of hub/common/work.py
-- have a `due_at`; ids leave, nothing else.
CREATE FUNCTION doors.left_over(the_table text, at_most integer)
RETURNS TABLE (organization_id uuid, id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RETURN QUERY EXECUTE format(
    'SELECT t.organization_id, t.id FROM %I t WHERE t.due_at <= now() ORDER BY t.due_at, t.id LIMIT $1', the_table)
    USING at_most;
END
$$;

-- The organization of an environment that this machine runs under this fence.
CREATE FUNCTION doors.granted(the_machine uuid, the_environment uuid, the_fence bigint)
RETURNS TABLE (organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT g.organization_id FROM grants g
  WHERE g.environment_id = the_environment AND g.machine_id = the_machine AND g.fence = the_fence
$$;

-- A machine's environments.
CREATE FUNCTION doors.granted_to(the_machine uuid)
RETURNS TABLE (organization_id uuid, environment_id uuid, fence bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT g.organization_id, g.environment_id, g.fence FROM grants g WHERE g.machine_id = the_machine ORDER BY g.environment_id
$$;

-- Environments with deployments alive that no machine has been given.
CREATE FUNCTION doors.unplaced(at_most integer)
RETURNS TABLE (organization_id uuid, environment_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT DISTINCT d.organization_id, d.environment_id FROM deployments d
  WHERE d.state NOT IN ('stopped', 'failed')
    AND NOT EXISTS (SELECT FROM grants g WHERE g.environment_id = d.environment_id)
  ORDER BY d.environment_id LIMIT at_most
$$;

-- Environments that gateways route to, with the serial of their last change.
CREATE FUNCTION doors.routed()
RETURNS TABLE (organization_id uuid, environment_id uuid, serial bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT t.organization_id, t.environment_id, t.serial FROM traffics t WHERE t.serial > 0 ORDER BY t.environment_id
$$;

-- The build that a builder may take next: queued, or leased and its lease passed. The caller locks it in its tenant's scope.
CREATE FUNCTION doors.builds_to_do(at_most integer)
RETURNS TABLE (organization_id uuid, build_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT b.organization_id, b.id FROM builds b
  WHERE b.ended_at IS NULL AND (b.leased_until IS NULL OR b.leased_until < now())
  ORDER BY b.queued_at, b.id LIMIT at_most
$$;

-- Whose build this is, if this builder has it.
CREATE FUNCTION doors.build_of(the_build uuid, the_machine uuid)
RETURNS TABLE (organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT b.organization_id FROM builds b WHERE b.id = the_build AND b.machine = the_machine
$$;

-- Whether a machine may read a blob: an agent those of environments that it runs, a builder those of the builds it has.
CREATE FUNCTION doors.blob_for(the_machine uuid, the_sha256 text)
RETURNS TABLE (organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT b.organization_id FROM blobs b
  WHERE b.sha256 = the_sha256 AND (
    EXISTS (SELECT FROM grants g JOIN environments e ON e.id = g.environment_id
            WHERE g.machine_id = the_machine AND e.project_id = b.project_id)
    OR EXISTS (SELECT FROM builds u JOIN versions v ON v.id = u.version_id
               WHERE u.machine = the_machine AND u.ended_at IS NULL AND v.project_id = b.project_id))
  LIMIT 1
$$;

-- Deployments that have been starting for longer than this, in pages.
CREATE FUNCTION doors.starting_for(seconds integer, at_most integer)
RETURNS TABLE (organization_id uuid, deployment_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT d.organization_id, d.id FROM deployments d
  WHERE d.state = 'starting' AND d.created_at < now() - make_interval(secs => seconds)
  ORDER BY d.id LIMIT at_most
$$;

-- Changes of traffic up to this serial that are not yet noted as applied by all gateways.
CREATE FUNCTION doors.changes_to_apply(the_serial bigint, at_most integer)
RETURNS TABLE (organization_id uuid, environment_id uuid, change_id uuid, serial bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.organization_id, c.environment_id, c.id, c.serial FROM traffic_changes c
  WHERE c.applied_at IS NULL AND c.serial <= the_serial ORDER BY c.serial, c.id LIMIT at_most
$$;

-- Environments with healthy deployments that have had neither weight nor runs for a minute at least, in pages.
CREATE FUNCTION doors.environments_with_idle(the_last uuid, at_most integer)
RETURNS TABLE (organization_id uuid, environment_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT DISTINCT d.organization_id, d.environment_id FROM deployments d
  JOIN traffics t ON t.environment_id = d.environment_id
  WHERE (the_last IS NULL OR d.environment_id > the_last)
    AND d.state = 'healthy' AND d.live_runs = 0 AND d.healthy_at < now() - interval '1 minute'
    AND NOT EXISTS (SELECT FROM weights w JOIN traffic_changes c ON c.id = w.change_id
                    WHERE w.deployment_id = d.id AND c.generation = t.generation)
  ORDER BY d.environment_id LIMIT at_most
$$;

-- Sources whose refs are to be read now.
CREATE FUNCTION doors.sources_due(at_most integer)
RETURNS TABLE (organization_id uuid, source_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT s.organization_id, s.id FROM sources s WHERE s.read_due_at <= now() ORDER BY s.read_due_at, s.id LIMIT at_most
$$;

-- The organizations that showed an installation to be theirs: a webhook of it is for each.
CREATE FUNCTION doors.installations_called(the_host text, the_installation bigint)
RETURNS TABLE (organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT i.organization_id FROM installations i
  WHERE i.host = the_host AND i.installation_id = the_installation ORDER BY i.organization_id
$$;

-- Whose source a webhook's address names; its signature is checked before anything is told.
CREATE FUNCTION doors.source_called(the_source uuid)
RETURNS TABLE (organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT s.organization_id FROM sources s WHERE s.id = the_source AND s.kind = 'git'
$$;

-- Whose a one-time state is, by its hash.
CREATE FUNCTION doors.connect_state(the_sha256 bytea)
RETURNS TABLE (organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT c.organization_id FROM connect_states c WHERE c.sha256 = the_sha256
$$;
