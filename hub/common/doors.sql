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
