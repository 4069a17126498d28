// POST -> a -> b by Restate: a sends its message on to b, one way.
import { createSocket } from 'node:dgram'
import * as restate from '@restatedev/restate-sdk'

const told = createSocket('udp4')
const collector = Number(process.env.BENCH_COLLECTOR)
const now = () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6)).toString()

const b = restate.service({
  name: 'b',
  handlers: {
    run: async (_, message) => {
      told.send(`${message.id} ${now()}`, collector, '127.0.0.1')
    },
  },
})
const a = restate.service({
  name: 'a',
  handlers: {
    run: async (ctx, message) => {
      ctx.serviceSendClient(b).run(message)
      return {}
    },
  },
})
restate.serve({ services: [a, b], port: Number(process.argv[2]) })
