import type { EventConfig, Handlers } from '@wistro/sdk';
import { z } from 'zod';

export const config = {
  type: 'event',
  name: 'Reorder',
  flows: ['stock'],
  subscribes: ['stock.low'],
  emits: [],
  input: z.object({ sku: z.string() }),
} satisfies EventConfig;

export const handler: Handlers['Reorder'] = async ({ sku }, { state, logger }) => {
  await state.update('reorders', sku, { increment: 1 });
  logger.warn('running low, reordered', { sku });
};
