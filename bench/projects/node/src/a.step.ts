// Step a: take the POST, emit it.
export const config = {
  type: 'api',
  name: 'a',
  method: 'POST',
  path: '/a',
  public: true,
  bodySchema: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
  emits: ['b'],
};

export const handler = async (req, { emit }) => {
  await emit({ topic: 'b', data: req.body });
  return { status: 200, body: {} };
};
