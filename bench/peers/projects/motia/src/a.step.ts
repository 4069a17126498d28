export const config = {
  type: 'api',
  name: 'a',
  method: 'POST',
  path: '/a',
  emits: ['b'],
  flows: ['bench'],
}
export const handler = async (request: any, { emit }: any) => {
  await emit({ topic: 'b', data: request.body })
  return { status: 200, body: {} }
}
