// The acts of cases.py. `own` holds those that each step does in its own file.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { NonRetriable, RetryAfter, ndjson, sse } from '@wistro/sdk'
import { odd } from './odd.mjs'

export async function act(given, ctx, own) {
  const { blobs, emit, state, logger } = ctx
  const isRequest = given.rawBody !== undefined
  const results = []
  for (const [verb, ...args] of (isRequest ? given.body : given).do) {
    switch (verb) {
      case 'emit':
        await emit({ topic: args[0], data: args[1] })
        break
      case 'emit_unawaited':
        emit({ topic: args[0], data: args[1] })
        break
      case 'emit_with':
        await emit(args[0])
        break
      case 'emit_at_deadline':
        await emit({ topic: args[0], data: args[1], at: ctx.deadline })
        break
      case 'emit_odd':
        await emit({ topic: 't', data: odd(args[0]) })
        break
      case 'emit_caught':
        try {
          await emit({ topic: args[0], data: args[1] })
        } catch ({ code, path }) {
          results.push({ code, path })
        }
        break
      case 'get':
      case 'list':
        results.push(await state[verb](...args))
        break
      case 'get_versioned':
        results.push(await state.getVersioned(...args))
        break
      case 'set_if':
        await state.set(...args)
        break
      case 'set':
      case 'delete':
      case 'clear':
      case 'update':
        await state[verb](...args)
        break
      case 'log':
        logger[args[0]](args[1], args[2])
        break
      case 'log_odd':
        logger.info('odd', { a: Number.NaN })
        break
      case 'print':
        console.log(args[0])
        break
      case 'print_error':
        console.error(args[0])
        break
      case 'write':
        process.stdout.write(args[0])
        break
      case 'blob': {
        const ref = await blobs.put(Buffer.from(args[0]), args[1])
        results.push(ref, Buffer.from(await blobs.get(ref)).toString())
        const pieces = []
        for await (const piece of await blobs.open(ref.blob)) pieces.push(piece)
        results.push(Buffer.concat(pieces).toString(), readFileSync(await blobs.path(ref), 'utf8'))
        break
      }
      case 'blob_stream':
        results.push((await blobs.put(args[0].map((size) => new Uint8Array(size)))).size)
        break
      case 'blob_text':
        await blobs.put(args[0])
        break
      case 'blob_get':
        await blobs.get(args[0])
        break
      case 'stream':
        return { ...args[1], body: itemsOf(args[0]) }
      case 'stream_bare':
        return itemsOf(args[0])
      case 'stream_throws':
        return itemsOf([...args[0], new Error('half-way')])
      case 'sse':
        return { ...args[1], body: sse(itemsOf(args[0])) }
      case 'ndjson':
        return ndjson(itemsOf(args[0]), { last: args[1] })
      case 'context':
        results.push(contextOf(ctx))
        break
      case 'request':
        results.push(requestOf(given))
        break
      case 'return_nothing':
        return undefined
      case 'return':
        return args[0]
      case 'return_bytes':
        return { body: new Uint8Array([0, 255, 104, 105]) }
      case 'return_odd':
        return { body: odd('nan') }
      case 'throw_non_retriable':
        throw new NonRetriable(args[0])
      case 'throw_retry_after':
        throw new RetryAfter(args[0])
      case 'throw_caused':
        throw new Error('outer', { cause: new Error('inner') })
      case 'wait_for_cancel':
        logger.info('waiting')
        await new Promise((resolve) => {
          const timer = setTimeout(resolve, args[0] * 1000)
          ctx.signal.addEventListener('abort', () => resolve(clearTimeout(timer)))
        })
        break
      case 'sleep':
        await new Promise((resolve) => setTimeout(resolve, args[0] * 1000))
        break
      case 'block':
        logger.info('blocking')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, args[0] * 1000)
        break
      case 'end_process':
        process.exit(args[0])
        break
      case 'crash':
        process.abort()
        break
      case 'flood':
        for (let number = 0; number < args[0]; number++) console.log(`line ${number}`)
        break
      case 'throw_later':
        setTimeout(() => {
          throw new Error('thrown later')
        }, 1)
        await new Promise(() => {})
        break
      case 'reject_unhandled':
        Promise.reject(new Error('rejected aside'))
        await new Promise((resolve) => setTimeout(resolve, 1000))
        break
      case 'write_bytes':
        process.stdout.write(Buffer.from([255, 254, ...Buffer.from(' bytes\n')]))
        break
      case 'child':
        execFileSync('/bin/sh', ['-c', args[0]], { stdio: 'inherit' })
        break
      case 'pid':
        results.push(process.pid)
        break
      default:
        own[verb](...args)
    }
  }
  return { status: 200, body: { results } }
}

async function* itemsOf(items) {
  for (const item of items) {
    if (item instanceof Error) throw item
    yield item
  }
}

function contextOf(ctx) {
  return {
    run_id: ctx.runId,
    trace_id: ctx.traceId,
    trace: [ctx.traceparent, ctx.tracestate],
    now: ctx.now.toISOString(),
    attempt: ctx.attempt,
    deadline: ctx.deadline.toISOString(),
    idempotency_key: ctx.idempotencyKey,
    flows: ctx.flows,
    topic: ctx.topic,
    auth: ctx.auth,
    secret: ctx.env.SECRET,
    in_process: process.env.SECRET,
    cancelled: ctx.signal.aborted,
  }
}

function requestOf(req) {
  return {
    method: req.method,
    path: req.path,
    path_params: req.pathParams,
    query_params: req.queryParams,
    headers: req.headers,
    raw: Buffer.from(req.rawBody).toString(),
  }
}
