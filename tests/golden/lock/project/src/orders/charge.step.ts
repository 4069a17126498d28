import type { EventConfig } from '@wistro/sdk';
import { order } from '../lib/order';

export const config = {
  type: 'event',
  name: 'Charge card',
  flows: ['orders'],
  subscribes: ['order.created'],
  emits: ['payment.done', { topic: 'payment.failed', conditional: true }],
  input: order,
  retries: { max: 2, factor: 3 },
  concurrency: { limit: 10, key: 'sku' },
  fifo: { key: 'sku', onDead: 'block' },
  rateLimit: { limit: 100, per: '1m' },
  delay: 2,
} satisfies EventConfig;

export const handler = async () => {};
