// POST -> job b by BullMQ and Redis. The endpoint is step a: it hands the message to b's queue.
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'
import { Queue, Worker } from 'bullmq'
import IORedis from 'ioredis'

const told = createSocket('udp4')
const collector = Number(process.env.BENCH_COLLECTOR)
const connection = new IORedis(Number(process.env.BENCH_REDIS_PORT), '127.0.0.1', { maxRetriesPerRequest: null })
const queue = new Queue('b', { connection })
const now = () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6)).toString()

new Worker(
  'b',
  async (job) => {
    told.send(`${job.data.id} ${now()}`, collector, '127.0.0.1')
  },
  { connection, concurrency: 64, removeOnComplete: { count: 0 } },
)

createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', async () => {
    await queue.add('b', JSON.parse(Buffer.concat(parts)), { removeOnComplete: true })
    response.setHeader('content-length', 2)
    response.end('{}')
  })
}).listen(Number(process.argv[2]), '127.0.0.1')
