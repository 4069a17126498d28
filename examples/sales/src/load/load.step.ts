// Adds up by day and shop. `increment` is applied when the attempt commits, so batches at once lose nothing and a retry adds nothing twice.
import type { EventConfig, Handlers } from '@wistro/sdk';
import { z } from 'zod';

const Sale = z.object({
  day: z.string(),
  shop: z.string(),
  sku: z.string(),
  quantity: z.number().int(),
  cents: z.number().int(),
});

export const config = {
  type: 'event',
  name: 'Load',
  flows: ['sales'],
  subscribes: ['rows.cleaned'],
  emits: [],
  input: z.object({ sales: z.array(Sale) }),
} satisfies EventConfig;

export const handler: Handlers['Load'] = async ({ sales }, { state, logger }) => {
  for (const { day, shop, quantity, cents } of sales) {
    await state.update('cents', `${day}/${shop}`, { increment: cents });
    await state.update('pieces', `${day}/${shop}`, { increment: quantity });
  }
  logger.info('loaded', { sales: sales.length });
};
