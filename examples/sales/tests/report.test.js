// npm test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler } from '../src/load/report.step.js';

test('sums are shown as euros', async () => {
  const groups = { cents: [['2026-01-02/berlin', 21600]], pieces: [['2026-01-02/berlin', 3]], wrong: [['a.csv', [{ why: 'price x' }]]] };
  const answer = await handler({}, { state: { list: async (group) => groups[group] } });

  assert.deepEqual(answer.body, {
    rows: [{ day: '2026-01-02', shop: 'berlin', euros: '216.00', pieces: 3 }],
    wrong: [{ why: 'price x' }],
  });
});

test('nothing sold is an empty report', async () => {
  const answer = await handler({}, { state: { list: async () => [] } });

  assert.deepEqual(answer.body, { rows: [], wrong: [] });
});
