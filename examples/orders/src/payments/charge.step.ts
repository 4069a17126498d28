// Takes the money. It may be tried again: the provider is given the same key each time, so it is taken once.
import type { EventConfig, Handlers } from '@wistro/sdk';
import { z } from 'zod';
import { pay } from '../lib/payments';

const Placed = z.object({ order: z.string(), cents: z.number().int() });

export const config = {
  type: 'event',
  name: 'Charge card',
  flows: ['orders'],
  subscribes: ['order.placed'],
  emits: [
    { topic: 'payment.done', conditional: true, schema: z.object({ order: z.string(), payment: z.string() }) },
    { topic: 'payment.declined', conditional: true, schema: z.object({ order: z.string(), reason: z.string() }) },
  ],
  input: Placed,
  retries: { max: 5, initial: '1s', factor: 2, jitter: true },
  timeout: '20s',
  concurrency: { limit: 10 },
} satisfies EventConfig;

export const handler: Handlers['Charge card'] = async (placed, { emit, state, env, signal, idempotencyKey }) => {
  const { order, cents } = placed;
  const paid = await pay(order, cents, { key: idempotencyKey, url: env.PAYMENT_URL ?? '', signal });
  if ('declined' in paid) {
    await emit({ topic: 'payment.declined', data: { order, reason: paid.declined } });
    return;
  }
  await state.update('orders', order, { merge: { status: 'paid', payment: paid.id } });
  await emit({ topic: 'payment.done', data: { order, payment: paid.id } });
};
