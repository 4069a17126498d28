import type { EventConfig, Handlers } from '@wistro/sdk';
import { nanoid } from 'nanoid';
import { z } from 'zod';
import { priceOf } from '../lib/prices';

const Order = z.object({ id: z.string(), sku: z.string(), quantity: z.number().int() });
const Payment = z.object({ order: z.string(), reference: z.string(), cents: z.number().int() });

export const config = {
  type: 'event',
  name: 'Charge card',
  flows: ['orders'],
  subscribes: ['order.created'],
  emits: [{ topic: 'payment.done', schema: Payment }],
  input: Order,
  retries: { max: 5, initial: '1s', factor: 2, jitter: true },
  timeout: '5s',
} satisfies EventConfig;

export const handler: Handlers['Charge card'] = async (order, { emit, state, logger, idempotencyKey }) => {
  const payment = { order: order.id, reference: `pay_${nanoid(10)}`, cents: priceOf(order.sku) * order.quantity };
  logger.info('card charged', { cents: payment.cents, idempotencyKey });
  await state.set('payments', order.id, payment);
  await emit({ topic: 'payment.done', data: payment });
};
