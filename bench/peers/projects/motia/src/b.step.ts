import { createSocket } from 'node:dgram'

export const config = { type: 'event', name: 'b', subscribes: ['b'], emits: [], flows: ['bench'], input: null }
export const handler = async (message: any) => {
  const at = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6)).toString()
  const told = createSocket('udp4')
  await new Promise((sent) => told.send(`${message.id} ${at}`, Number(process.env.BENCH_COLLECTOR), '127.0.0.1', sent))
  told.close()
}
