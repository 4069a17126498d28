// Step b: tell the load client, by UDP, that the flow is done.
import dgram from 'node:dgram';

export const config = {
  type: 'event',
  name: 'b',
  subscribes: ['b'],
  emits: [],
  input: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
};

const told = dgram.createSocket('udp4').unref();
const collector = Number(process.env.BENCH_COLLECTOR ?? 9);

export const handler = async (message) => {
  told.send(`${message.id} ${BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6))}`, collector, '127.0.0.1');
};
