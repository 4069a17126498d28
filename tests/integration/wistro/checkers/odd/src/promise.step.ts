const tree = {
  $ref: '#/$defs/t',
  $defs: { t: { type: 'object', required: ['below'], properties: { below: { type: 'array', items: { $ref: '#/$defs/t' } } } } },
};
export const config = {
  type: 'api', name: 'Promise', method: 'POST', path: '/b/:class', public: true, bodySchema: tree,
  queryParams: [{ name: 'größe' }, { name: 'a-b' }], responseSchema: { 200: tree, 404: {} }, emits: ['odd', 'untyped'],
};
export const handler = () => {};
