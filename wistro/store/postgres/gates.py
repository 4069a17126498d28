"""Where deliveries of limited steps wait on PostgreSQL, for all engines together: as `sqlite_gates.py` says, in the server.

A group that touches a gate takes the environment's one lock for them until its commit, so places in lanes are given
in the order of commits, and no two engines count the same slot as free.
"""

from __future__ import annotations

from collections.abc import Iterable

from wistro.store.port import IDS_KEPT_US, Admission, DeliveryRow, Gate, Unit
from wistro.store.postgres.arrays import Ints, Texts

PARKED = -(2**63)  # `deliveries.claimed` of what is parked at a gate

MIGRATION = """
ALTER TABLE dead_letters ADD COLUMN lane text, ADD COLUMN slot text, ADD COLUMN meter text,
  ADD COLUMN blocks bigint NOT NULL DEFAULT 0;

CREATE TABLE emitted_ids (key text COLLATE "C" PRIMARY KEY, expires_at_us bigint NOT NULL);
CREATE INDEX emitted_ids_expiring ON emitted_ids (expires_at_us);

-- `state` is 0 waits | 1 is let through | parked: 2 for its lane, 3 for its slot, 4 for its meter | 5 a dead letter that blocks
CREATE TABLE gates (
  seq bigint PRIMARY KEY, deployment_id text NOT NULL, step text NOT NULL, lane text, slot text, meter text,
  place bigint, state bigint NOT NULL, due_at_us bigint NOT NULL, dead_id text
);
CREATE INDEX gates_of ON gates (deployment_id, step);
CREATE INDEX gates_in_lane ON gates (step, lane, place) WHERE lane IS NOT NULL;
CREATE INDEX gates_in ON gates (step, slot) WHERE state = 1;
CREATE INDEX gates_for_slot ON gates (step, slot, deployment_id, seq) WHERE state = 3;
CREATE INDEX gates_for_meter ON gates (deployment_id, step, meter, seq) WHERE state = 4;
CREATE UNIQUE INDEX gates_dead ON gates (dead_id) WHERE dead_id IS NOT NULL;
CREATE TABLE starts (
  step text NOT NULL, meter text NOT NULL, number bigint NOT NULL, at_us bigint NOT NULL, until_us bigint NOT NULL,
  CONSTRAINT starts_are_numbered PRIMARY KEY (step, meter, number)
);
CREATE INDEX starts_expiring ON starts (until_us);
CREATE TABLE meters (
  deployment_id text NOT NULL, step text NOT NULL, meter text NOT NULL, next_us bigint NOT NULL,
  PRIMARY KEY (deployment_id, step, meter)
);
CREATE INDEX meters_next ON meters (deployment_id, step, next_us);

CREATE FUNCTION gates_lock() RETURNS void LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(hashtext(current_schema()), 1) $$;

CREATE FUNCTION gate_park(p_seq bigint, p_state bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE gates SET state = p_state WHERE seq = p_seq;
  UPDATE deliveries SET claimed = -9223372036854775808 WHERE seq = p_seq;
END $$;

CREATE FUNCTION gate_unpark(p_seq bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE gates SET state = 0 WHERE seq = p_seq;
  UPDATE deliveries SET claimed = 0 WHERE seq = p_seq AND claimed = -9223372036854775808;
END $$;

CREATE FUNCTION gate_next_in_lane(p_step text, p_lane text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE head record;
BEGIN
  SELECT seq, state INTO head FROM gates WHERE step = p_step AND lane = p_lane AND place IS NOT NULL
  ORDER BY place LIMIT 1;
  IF FOUND AND head.state = 2 THEN PERFORM gate_unpark(head.seq); END IF;
END $$;

-- One of each deployment, for another's may not be loaded; one too many is parked again.
CREATE FUNCTION gate_next_for_slot(p_step text, p_slot text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE one record; after text := '';
BEGIN
  LOOP
    SELECT deployment_id, seq INTO one FROM gates
    WHERE state = 3 AND step = p_step AND slot = p_slot AND deployment_id > after
    ORDER BY deployment_id, seq LIMIT 1;
    EXIT WHEN NOT FOUND;
    after := one.deployment_id;
    PERFORM gate_unpark(one.seq);
  END LOOP;
END $$;

-- At the lane's tail; whether that is its head.
CREATE FUNCTION gate_join(p_seq bigint, p_step text, p_lane text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE ends record;
BEGIN
  SELECT min(place) AS first, max(place) AS last INTO ends FROM gates WHERE step = p_step AND lane = p_lane;
  UPDATE gates SET place = coalesce(ends.last, 0) + 1 WHERE seq = p_seq;
  RETURN ends.first IS NULL;
END $$;

CREATE FUNCTION gate_wait(
  p_seq bigint, p_deployment_id text, p_step text, p_lane text, p_slot text, p_meter text, p_due_at_us bigint,
  p_is_later bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE due record;
BEGIN
  INSERT INTO gates (seq, deployment_id, step, lane, slot, meter, state, due_at_us)
  VALUES (p_seq, p_deployment_id, p_step, p_lane, p_slot, p_meter, 0, p_due_at_us);
  IF p_lane IS NULL OR p_is_later = 1 THEN RETURN; END IF;
  FOR due IN SELECT seq FROM gates WHERE step = p_step AND lane = p_lane AND place IS NULL AND due_at_us < p_due_at_us
    AND seq <> p_seq ORDER BY due_at_us, seq
  LOOP PERFORM gate_join(due.seq, p_step, p_lane); END LOOP;
  IF NOT gate_join(p_seq, p_step, p_lane) THEN PERFORM gate_park(p_seq, 2); END IF;
END $$;

CREATE FUNCTION gate_leave(p_seq bigint, p_dead_id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE was record;
BEGIN
  SELECT step, lane, slot, state INTO was FROM gates WHERE seq = p_seq;
  IF NOT FOUND THEN RETURN; END IF;
  IF p_dead_id IS NOT NULL AND was.lane IS NOT NULL THEN
    UPDATE gates SET state = 5, dead_id = p_dead_id, slot = NULL, meter = NULL WHERE seq = p_seq;
  ELSE
    DELETE FROM gates WHERE seq = p_seq;
    PERFORM gate_next_in_lane(was.step, was.lane);
  END IF;
  IF was.state IN (0, 1) THEN PERFORM gate_next_for_slot(was.step, was.slot); END IF;
END $$;

CREATE FUNCTION gate_again(p_seq bigint, p_due_at_us bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE one record;
BEGIN
  UPDATE gates SET state = 0, due_at_us = p_due_at_us WHERE seq = p_seq RETURNING step, slot INTO one;
  IF FOUND THEN PERFORM gate_next_for_slot(one.step, one.slot); END IF;
END $$;

CREATE FUNCTION gate_unblock(p_dead_id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE one record;
BEGIN
  DELETE FROM gates WHERE dead_id = p_dead_id RETURNING step, lane INTO one;
  IF FOUND THEN PERFORM gate_next_in_lane(one.step, one.lane); END IF;
END $$;

CREATE FUNCTION gates_open(p_deployment_id text, p_step text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE one record;
BEGIN
  FOR one IN SELECT seq FROM gates WHERE deployment_id = p_deployment_id AND step = p_step AND state NOT IN (1, 5)
    ORDER BY seq
  LOOP PERFORM gate_unpark(one.seq); PERFORM gate_leave(one.seq, NULL); END LOOP;
  DELETE FROM meters WHERE deployment_id = p_deployment_id AND step = p_step;
END $$;

-- What an ended engine had let through waits again.
CREATE FUNCTION gates_taken(p_runs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE one record;
BEGIN
  PERFORM gates_lock();
  FOR one IN WITH again AS (
      UPDATE gates g SET state = 0 FROM deliveries d
      WHERE d.seq = g.seq AND d.run_seq = ANY(p_runs) AND g.state = 1 RETURNING g.step, g.slot)
    SELECT DISTINCT step, slot FROM again WHERE slot IS NOT NULL ORDER BY step, slot
  LOOP PERFORM gate_next_for_slot(one.step, one.slot); END LOOP;
END $$;

-- How many may begin now, and when the next after those.
CREATE FUNCTION gate_allowed(
  p_step text, p_meter text, p_now bigint, p_limit bigint, p_per_us bigint, p_most bigint,
  OUT allowed bigint, OUT next_us bigint
) LANGUAGE plpgsql AS $$
DECLARE newest bigint; began bigint;
BEGIN
  SELECT coalesce(max(number), 0) INTO newest FROM starts WHERE step = p_step AND meter = p_meter;
  next_us := p_now;
  allowed := 0;
  WHILE allowed < least(p_most, p_limit) LOOP
    SELECT least(at_us, p_now) INTO began FROM starts
    WHERE step = p_step AND meter = p_meter AND number = newest - p_limit + 1 + allowed;
    IF FOUND AND began + p_per_us > p_now THEN next_us := began + p_per_us; RETURN; END IF;
    allowed := allowed + 1;
  END LOOP;
END $$;

-- Lets through what it may, by setting `claimed` to p_mark; returns when time alone may let more through.
CREATE FUNCTION gate_let_through(
  p_owner bigint, p_mark bigint, p_deployment_id text, p_step text, p_now bigint, p_limit bigint,
  p_slots bigint, p_rate bigint, p_per_us bigint, p_whole_slot text, p_whole_meter text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  again bigint; one record; ready record; parked bigint; may record; page bigint := least(1000, p_limit + 32);
  looked bigint := 0; taken bigint := 0; is_over boolean := false; free bigint; free_of jsonb := '{}'; is_head boolean;
  at_us bigint;
BEGIN
  PERFORM gates_lock();
  FOR ready IN SELECT meter FROM meters WHERE deployment_id = p_deployment_id AND step = p_step AND next_us <= p_now
    ORDER BY next_us, meter LIMIT 1000
  LOOP
    SELECT 512::bigint AS allowed, p_now AS next_us INTO may;
    IF p_rate IS NOT NULL THEN
      SELECT a.allowed, a.next_us INTO may FROM gate_allowed(p_step, ready.meter, p_now, p_rate, p_per_us, 512) a;
    END IF;
    parked := 0;
    FOR one IN SELECT seq FROM gates WHERE state = 4 AND deployment_id = p_deployment_id AND step = p_step
      AND meter = ready.meter ORDER BY seq LIMIT may.allowed
    LOOP parked := parked + 1; PERFORM gate_unpark(one.seq); END LOOP;
    IF parked < may.allowed THEN
      DELETE FROM meters WHERE deployment_id = p_deployment_id AND step = p_step AND meter = ready.meter;
    ELSE
      UPDATE meters SET next_us = may.next_us
      WHERE deployment_id = p_deployment_id AND step = p_step AND meter = ready.meter;
    END IF;
  END LOOP;

  FOR one IN SELECT d.seq, g.seq AS gated, g.lane, g.slot, g.meter, g.place, d.due_at_us
    FROM deliveries d JOIN runs r ON r.run_seq = d.run_seq AND r.owner = d.owner LEFT JOIN gates g ON g.seq = d.seq
    WHERE d.claimed = 0 AND d.owner = p_owner AND d.deployment_id = p_deployment_id AND d.step = p_step
      AND d.due_at_us <= p_now ORDER BY d.due_at_us, d.seq LIMIT page
  LOOP
    EXIT WHEN taken >= p_limit OR is_over;
    looked := looked + 1;
    IF one.gated IS NULL THEN
      INSERT INTO gates (seq, deployment_id, step, slot, meter, state, due_at_us)
      VALUES (one.seq, p_deployment_id, p_step, p_whole_slot, p_whole_meter, 0, one.due_at_us);
      one.slot := p_whole_slot; one.meter := p_whole_meter;
    END IF;
    IF one.lane IS NOT NULL THEN
      IF one.place IS NULL THEN
        SELECT place INTO one.place FROM gates WHERE seq = one.seq;
      END IF;
      IF one.place IS NULL THEN
        is_head := gate_join(one.seq, p_step, one.lane);
      ELSE
        is_head := NOT EXISTS (SELECT FROM gates WHERE step = p_step AND lane = one.lane AND place < one.place);
      END IF;
      IF NOT is_head THEN PERFORM gate_park(one.seq, 2); CONTINUE; END IF;
    END IF;
    IF one.slot IS NOT NULL AND p_slots IS NOT NULL THEN
      free := (free_of ->> one.slot)::bigint;
      IF free IS NULL THEN
        SELECT p_slots - count(*) INTO free FROM gates WHERE state = 1 AND step = p_step AND slot = one.slot;
        free_of := free_of || jsonb_build_object(one.slot, free);
      END IF;
      IF free <= 0 THEN
        IF one.slot = '' THEN is_over := true; ELSE PERFORM gate_park(one.seq, 3); END IF;
        CONTINUE;
      END IF;
    END IF;
    IF one.meter IS NOT NULL AND p_rate IS NOT NULL THEN
      SELECT a.allowed, a.next_us INTO may FROM gate_allowed(p_step, one.meter, p_now, p_rate, p_per_us, 1) a;
      IF may.allowed = 0 THEN
        IF one.meter = '' THEN
          is_over := true;
          again := least(again, may.next_us);
        ELSE
          PERFORM gate_park(one.seq, 4);
          INSERT INTO meters VALUES (p_deployment_id, p_step, one.meter, may.next_us)
          ON CONFLICT (deployment_id, step, meter) DO UPDATE SET next_us = excluded.next_us;
          IF one.slot <> '' THEN PERFORM gate_next_for_slot(p_step, one.slot); END IF;
        END IF;
        CONTINUE;
      END IF;
      INSERT INTO starts SELECT p_step, one.meter, coalesce(max(number), 0) + 1, p_now, p_now + p_per_us
      FROM starts WHERE step = p_step AND meter = one.meter;
      DELETE FROM starts WHERE (step, meter, number) IN (
        SELECT step, meter, number FROM starts WHERE until_us <= p_now ORDER BY until_us LIMIT 2);
    END IF;
    IF one.slot IS NOT NULL AND p_slots IS NOT NULL THEN
      free_of := free_of || jsonb_build_object(one.slot, free - 1);
    END IF;
    UPDATE gates SET state = 1 WHERE seq = one.seq;
    UPDATE deliveries SET claimed = p_mark WHERE seq = one.seq;
    taken := taken + 1;
  END LOOP;
  IF looked = page AND taken < p_limit AND NOT is_over THEN again := p_now; END IF;

  FOR ready IN SELECT key, value::bigint AS free FROM jsonb_each_text(free_of) LOOP
    FOR one IN SELECT seq FROM gates WHERE state = 3 AND step = p_step AND slot = ready.key
      AND deployment_id = p_deployment_id ORDER BY seq LIMIT greatest(0, ready.free)
    LOOP PERFORM gate_unpark(one.seq); again := p_now; END LOOP;
  END LOOP;
  SELECT min(due_at_us) INTO at_us FROM deliveries WHERE claimed = 0 AND owner = p_owner
    AND deployment_id = p_deployment_id AND step = p_step AND due_at_us > p_now;
  again := least(again, at_us);
  SELECT min(next_us) INTO at_us FROM meters WHERE deployment_id = p_deployment_id AND step = p_step;
  again := least(again, at_us);
  -- Another engine may free what this one waits for, and tells nobody.
  IF (is_over OR EXISTS (SELECT FROM gates WHERE deployment_id = p_deployment_id AND step = p_step AND state IN (2, 3)))
    AND EXISTS (SELECT FROM engines WHERE NOT is_gone AND boot <> p_owner)
  THEN again := least(again, p_now + 250000); END IF;
  RETURN again;
END $$;
"""

LOCK = "SELECT gates_lock()"
TAKEN = "SELECT gates_taken(%s)"
LET_THROUGH = "SELECT gate_let_through(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
INSERT_IDS = (
    "INSERT INTO emitted_ids SELECT * FROM unnest(%s, %s) ON CONFLICT (key) DO UPDATE SET expires_at_us ="
    f" excluded.expires_at_us WHERE emitted_ids.expires_at_us <= excluded.expires_at_us - {IDS_KEPT_US}"
)
FORGET_IDS = (
    "DELETE FROM emitted_ids WHERE key IN (SELECT key FROM emitted_ids WHERE expires_at_us <= %s"
    " ORDER BY expires_at_us LIMIT %s FOR UPDATE SKIP LOCKED)"
)


def touches(units: list[Unit]) -> bool:
    return any(
        unit.gated
        or unit.ungated
        or unit.redriven
        or any(one.gate is not None for one in unit.new_deliveries)
        or any(one.gate is not None for _, one in unit.retried)
        for unit in units
    )


def calls(units: list[Unit]) -> Iterable[tuple[str, list[object]]]:
    """What the units change at the gates, in their order: those that come before those that leave."""
    if new := [one for unit in units for one in unit.new_deliveries if one.gate is not None]:
        yield _each("gate_wait", *_waiting(new))
    if left := [
        (seq, unit.dead.delivery_id if unit.dead and unit.dead.blocks else None)
        for unit in units
        for seq in unit.gated
    ]:
        seqs, dead_ids = zip(*left, strict=True)
        yield _each("gate_leave", Ints(seqs), Texts(dead_ids))
    again = [one for unit in units for _, one in unit.retried if one.gate is not None]
    if again:
        due = Ints([one.due_at_us for one in again])
        yield _each("gate_again", Ints([one.seq for one in again]), due)
    if redriven := [unit.redriven for unit in units if unit.redriven]:
        yield _each("gate_unblock", Texts(redriven))
    if ungated := [place for unit in units for place in unit.ungated]:
        ids, steps = zip(*ungated, strict=True)
        yield _each("gates_open", Texts(ids), Texts(steps))


def let_through(asked: Admission, *, owner: int, mark: int) -> list[object]:
    whole = asked.whole
    return [
        owner,
        mark,
        asked.deployment_id,
        asked.step,
        asked.now_us,
        asked.limit,
        asked.slots,
        asked.rate.limit if asked.rate else None,
        asked.rate.per_us if asked.rate else None,
        whole.slot,
        whole.meter,
    ]


def _waiting(rows: list[DeliveryRow]) -> list[object]:
    gates = [one.gate or Gate() for one in rows]
    return [
        Ints([one.seq for one in rows]),
        Texts([one.deployment_id for one in rows]),
        Texts([one.step for one in rows]),
        Texts([gate.lane for gate in gates]),
        Texts([gate.slot for gate in gates]),
        Texts([gate.meter for gate in gates]),
        Ints([one.due_at_us for one in rows]),
        Ints([int(gate.is_later) for gate in gates]),
    ]


def _each(function: str, *columns: object) -> tuple[str, list[object]]:
    """The function for each row of the columns, one after the other."""
    names = [f"c{number}" for number in range(len(columns))]
    rows = (
        f"SELECT * FROM unnest({', '.join(['%s'] * len(columns))}) WITH ORDINALITY"
        f" AS row ({', '.join(names)}, nth) ORDER BY nth"
    )
    arguments = ", ".join(f"one.{name}" for name in names)
    return f"SELECT {function}({arguments}) FROM ({rows}) one", list(columns)
