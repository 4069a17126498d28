import type { EventConfig, Handlers } from '@wistro/sdk';

export const config = { type: 'event', name: 'Hear in TypeScript', subscribes: ['order.created'], emits: [] } satisfies EventConfig;

export const handler: Handlers['Hear in TypeScript'] = async (order, { emit, logger }) => {
  logger.info(order.sku, { quantity: order.quantity });
  logger.info(order.sky); // wrong: field
  await emit({ topic: 'order.noted', data: { note: 'x' } }); // wrong: emits nothing
};
