import type { ApiConfig, Contexts, Handlers } from '@wistro/sdk';

export const config = {
  type: 'api', name: 'Send from TypeScript', method: 'POST', path: '/ts/:shop', public: true,
  bodySchema: { type: 'object', required: ['message'], properties: { message: {} } },
  responseSchema: { 200: { type: 'object', required: ['path'], properties: { path: { type: ['string', 'null'] } } } },
  queryParams: [{ name: 'sort' }],
  emits: ['order.created', { topic: 'order.noted', conditional: true }],
} satisfies ApiConfig;

export const handler: Handlers['Send from TypeScript'] = async (req, ctx) => { // wrong: answer
  if (req.pathParams.shop === 'mistakes') await mistakes(ctx);
  if (req.pathParams.shpo === 'mistakes') return { status: 200, body: { path: null } }; // wrong: parameter
  if (req.pathParams.shop === 'no') return { status: 200, body: { path: 5 } };
  if (req.pathParams.shop === 'unnamed') return { status: 404, body: { path: null } };
  console.log(req.queryParams.sort?.[0]?.toUpperCase(), req.queryParams.other?.length);
  if (req.pathParams.shop === 'mistakes') console.log(req.queryParams.sort.length); // wrong: it may not be there
  try {
    await ctx.emit({ topic: 'order.created', data: req.body.message });
  } catch (error) {
    return { body: { path: (error as { path: string }).path } };
  }
  return { body: { path: null } };
};

async function mistakes({ emit, env }: Contexts['Send from TypeScript']) {
  await emit({ topic: 'order.created', data: { sku: 'a', quantity: 1, size: 'm' } });
  await emit({ topic: 'order.noted', data: { note: null } });
  await emit({ topic: 'order.craeted', data: { sku: 'a', quantity: 1 } }); // wrong: topic
  await emit({ topic: 'order.created', data: { sku: 'a', quantity: '1' } }); // wrong: type
  await emit({ topic: 'order.created', data: { sku: 'a' } }); // wrong: missing
  await emit({ topic: 'order.created', data: { sku: 'a', quantity: 1, colour: 'red' } }); // wrong: extra
  await emit({ topic: 'order.created', data: { sku: 'a', quantity: 1, size: 'xl' } }); // wrong: value
  await emit({ topic: 'order.created', data: { sku: 'a', quantity: 1, to: { street: 3 } } }); // wrong: nested
  await emit({ topic: 'order.noted', data: { note: 5 } }); // wrong: second topic
  console.log(env.SECRET); // wrong: variable
}
