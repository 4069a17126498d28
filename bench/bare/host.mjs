// The bare host in Node: the same frames as host.py.
import dgram from 'node:dgram';
import net from 'node:net';

const told = dgram.createSocket('udp4');
const collector = Number(process.env.BENCH_COLLECTOR);
const socket = new net.Socket({ fd: Number(process.argv[2]) });
const steps = {
  a: async (message) => message,
  b: async (message) => {
    told.send(`${message.id} ${BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6))}`, collector, '127.0.0.1');
    return null;
  },
};
let buffer = Buffer.alloc(0);
let out = [];

const write = (value) => {
  const frame = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(frame.length);
  if (out.length === 0) setImmediate(() => { socket.write(Buffer.concat(out)); out = []; });
  out.push(head, frame);
};

socket.on('data', (data) => {
  buffer = buffer.length ? Buffer.concat([buffer, data]) : data;
  let at = 0;
  while (buffer.length - at >= 4) {
    const size = buffer.readUInt32BE(at);
    if (buffer.length - at - 4 < size) break;
    const [number, step, message] = JSON.parse(buffer.toString('utf8', at + 4, at + 4 + size));
    at += 4 + size;
    steps[step](message).then((emitted) => write([number, emitted]));
  }
  buffer = buffer.subarray(at);
});
socket.on('end', () => process.exit(0));
