// @ts-check

export const config = {
  type: 'api', name: 'Send from JavaScript', method: 'POST', path: '/js/:shop', public: true,
  bodySchema: { type: 'object', required: ['message'], properties: { message: {} } },
  emits: ['order.created', { topic: 'order.noted', conditional: true }],
};

/** @type {import('@wistro/sdk').Handlers['Send from JavaScript']} */
export const handler = async (req, { emit }) => {
  if (req.pathParams.shop === 'mistakes') {
    await emit({ topic: 'order.created', data: { sku: 'a', quantity: 1, size: 'm' } });
    await emit({ topic: 'order.craeted', data: { sku: 'a', quantity: 1 } }); // wrong: topic
    await emit({ topic: 'order.created', data: { sku: 'a', quantity: '1' } }); // wrong: type
    await emit({ topic: 'order.created', data: { sku: 'a' } }); // wrong: missing
    await emit({ topic: 'order.created', data: { sku: 'a', quantity: 1, colour: 'red' } }); // wrong: extra
  }
  try {
    await emit({ topic: 'order.created', data: req.body.message });
  } catch (/** @type {any} */ error) {
    return { body: { path: error.path } };
  }
  return { body: { path: null } };
};
