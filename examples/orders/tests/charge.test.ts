// npm test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler } from '../src/payments/charge.step';

function context() {
  const emitted: { topic: string; data?: unknown }[] = [];
  const updates: unknown[][] = [];
  const ctx = {
    env: { PAYMENT_URL: '' },
    idempotencyKey: '0192e4a0-0000-7000-8000-0000000000c1',
    signal: new AbortController().signal,
    emit: async (event: { topic: string }) => void emitted.push(event),
    state: { update: async (...update: unknown[]) => void updates.push(update) },
  };
  return { ctx: ctx as never, emitted, updates };
}

test('what is paid is said with the payment', async () => {
  const { ctx, emitted, updates } = context();

  await handler({ order: 'run_1', cents: 999 }, ctx);

  assert.deepEqual(emitted, [{ topic: 'payment.done', data: { order: 'run_1', payment: 'pay_0000000000c1' } }]);
  assert.deepEqual(updates, [['orders', 'run_1', { merge: { status: 'paid', payment: 'pay_0000000000c1' } }]]);
});

test('what is declined is no error: nobody tries it again', async () => {
  const { ctx, emitted, updates } = context();

  await handler({ order: 'run_1', cents: 2_000_000 }, ctx);

  assert.deepEqual(emitted, [{ topic: 'payment.declined', data: { order: 'run_1', reason: 'over the limit' } }]);
  assert.deepEqual(updates, []);
});
