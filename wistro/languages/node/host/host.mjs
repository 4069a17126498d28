// The process that runs JavaScript steps (TypeScript ones as built). Started by the engine, its socket on descriptor 3.
import { pathToFileURL } from 'node:url'
import { answerOf } from './answers.mjs'
import { Channel, FrameTooLarge } from './channel.mjs'
import { Attempt, Context, droppedLines, logRest, Request } from './context.mjs'
import { failedRest } from './failures.mjs'
import { through } from './middleware.mjs'
import { attributeOutput, current, writeRest } from './output.mjs'
import { stream, streamedOf } from './streams.mjs'
import { encode } from './values.mjs'

const PROTOCOL = 1
const SOCKET = 3

let root = ''
let steps = {}
let env = Object.freeze({})
let isStopping = false
const attempts = new Map()
const handlers = new Map()
const middlewares = new Map()

const channel = new Channel(SOCKET, (frame) => {
  switch (frame.frame) {
    case 'call':
      return void call(frame)
    case 'reply':
      return attempts.get(frame.call)?.answer(frame)
    case 'cancel':
      return cancel(frame)
    case 'hello':
      return hello(frame)
    case 'stop':
      return stop(frame.grace_s)
  }
})

function hello(frame) {
  root = frame.root
  steps = frame.steps
  env = Object.freeze({ ...frame.env })
  Object.assign(process.env, frame.env)
  const ready = { frame: 'ready', protocol: PROTOCOL, language: 'node', runtime: process.versions.node, pid: process.pid }
  channel.send(JSON.stringify(ready))
}

function cancel({ call, reason }) {
  const attempt = attempts.get(call)
  attempt?.tell('heard', '')
  attempt?.cancel(reason)
}

async function call(frame) {
  const attempt = new Attempt(frame.call, channel)
  attempts.set(frame.call, attempt)
  try {
    const rest = await current.run(attempt, handle, attempt, frame)
    if (attempt.waiting.size > 0 || attempt.hasRefusals) await attempt.settleRest()
    end(attempt, 'done', rest)
  } catch (error) {
    end(attempt, 'failed', failedRest(error, root))
  }
}

async function handle(attempt, frame) {
  const handler = handlers.get(frame.step) ?? (await load(frame.step))
  const context = new Context(frame.context, attempt, env)
  if (frame.kind === 'api') {
    const request = new Request(frame.input)
    const around = middlewares.get(frame.step)
    const returned = await (around === undefined ? handler(request, context) : through(around, request, context, handler))
    const streamed = streamedOf(returned)
    if (streamed !== null) return stream(attempt, streamed, context.runId)
    return `,"answer":${encode(answerOf(returned))}`
  }
  await (frame.kind === 'cron' ? handler(context) : handler(frame.input ?? null, context))
  return ''
}

function end(attempt, kind, rest) {
  if (attempt.isOver) return
  writeRest(attempt)
  try {
    attempt.tell(kind, rest)
  } catch (error) {
    if (!(error instanceof FrameTooLarge)) throw error
    attempt.tell('failed', failedRest(error, root))
  }
  attempt.isOver = true
  attempts.delete(attempt.number)
  if (isStopping && attempts.size === 0) leave()
}

class UnknownStep extends Error {
  name = 'UnknownStep'
}

class NotBuilt extends Error {
  name = 'NotBuilt'
}

class NoHandler extends Error {
  name = 'NoHandler'
}

async function load(step) {
  const code = steps[step]
  if (code === undefined) throw new UnknownStep(`this host has no step \`${step}\``)
  const file = code.built ?? code.file
  if (!/\.[cm]?js$/.test(file)) throw new NotBuilt(`${file} is TypeScript and has not been built`)
  const module = await import(pathToFileURL(`${root}/${file}`).href)
  const handler = module.handler ?? module.default?.handler
  if (typeof handler !== 'function') throw new NoHandler(`${code.file} exports no function \`handler\``)
  const around = (module.config ?? module.default?.config)?.middleware
  if (Array.isArray(around) && around.length > 0) middlewares.set(step, around)
  handlers.set(step, handler)
  return handler
}

function stop(graceS) {
  isStopping = true
  if (attempts.size === 0) leave()
  else setTimeout(leave, graceS * 1000)
}

function leave() {
  channel.flush()
  process.exit(0)
}

// What a step left behind: of a call that still runs, it fails that call; else it is a log line. The host stays.
function stray(error, what) {
  const attempt = current.getStore()
  if (attempt !== undefined && !attempt.isOver) {
    return end(attempt, 'failed', failedRest(error, root))
  }
  const text = `${what}: ${error instanceof Error ? error.stack : String(error)}`
  channel.send(`{"frame":"log"${logRest('error', text, undefined, 'stderr')}}`)
  channel.flush()
}

process.on('uncaughtException', (error) => stray(error, 'an exception outside of any call'))
process.on('unhandledRejection', (error) => stray(error, 'a rejection that nobody handled'))
process.on('SIGINT', () => {})
setInterval(() => {
  if (droppedLines.count === 0 || channel.isCrowded) return
  const message = `${droppedLines.count} log lines dropped: faster than they could be sent`
  channel.send(`{"frame":"log"${logRest('warn', message, undefined, 'logger')}}`)
  droppedLines.count = 0
}, 1000).unref()
attributeOutput()
