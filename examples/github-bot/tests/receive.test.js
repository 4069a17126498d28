// npm test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler } from '../src/hook/receive.step.js';

const issue = { number: 7, title: 'Crash', body: null, user: { login: 'ada' } };
const logger = { debug: () => {} };

test('an opened issue becomes an event', async () => {
  const emitted = [];
  const answer = await handler(
    { headers: { 'x-github-event': 'issues' }, body: { action: 'opened', issue, repository: { full_name: 'a/b' } } },
    { emit: async (event) => void emitted.push(event), logger },
  );

  assert.equal(answer.status, 202);
  assert.deepEqual(emitted[0].data, { repository: 'a/b', number: 7, title: 'Crash', body: '', author: 'ada' });
});

test('anything else is taken and left', async () => {
  for (const [kind, action] of [['ping', undefined], ['issues', 'closed'], ['push', 'opened']]) {
    const answer = await handler({ headers: { 'x-github-event': kind }, body: { action } }, { logger });
    assert.deepEqual(answer, { status: 200, body: { taken: false } });
  }
});
