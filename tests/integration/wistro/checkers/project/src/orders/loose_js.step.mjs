export const config = { type: 'event', name: 'Hear in JavaScript', subscribes: ['order.created'], emits: [] };

/** @type {import('@wistro/sdk').Handlers['Hear in JavaScript']} */
export const handler = async (order, { logger }) => {
  logger.info(order.sky);
};
