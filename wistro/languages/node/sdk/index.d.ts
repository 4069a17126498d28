// Types of what a step exports and of what its handler is given.

/** Trying again would not help: the message goes to the dead letters at once. */
export declare class NonRetriable extends Error {}

/** Try again in so many seconds. */
export declare class RetryAfter extends Error {
  constructor(seconds: number, message?: string, options?: ErrorOptions)
  readonly seconds: number
}

/** A documented option that this release does not build; refused, never ignored. */
export declare class NotYet extends Error {}

/** JSON Schema, or a zod schema. */
export type Schema = Record<string, unknown> | { readonly _zod: unknown } | { readonly _def: unknown }

export type Topic = string | { topic: string; schema?: Schema; conditional?: boolean; label?: string }

export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

export interface Retries {
  max?: number
  initial?: Duration
  factor?: number
  cap?: Duration
  jitter?: boolean
}

/** At most `limit` at once: in all, or for each value at `key`, a dotted path into the message. */
export interface Concurrency {
  limit: number
  key?: string
}

/** One after the other, in order, for each value at `key`. */
export interface Fifo {
  key?: string
  onDead?: 'continue' | 'block'
}

/** At most `limit` attempts begin in any `per`: in all, or for each value at `key`. */
export interface RateLimit {
  limit: number
  per: Duration | number
  key?: string
}

export type Auth =
  | { type: 'api_key'; keys: string | string[]; header?: string }
  | { type: 'basic'; users: Record<string, string | string[]>; realm?: string }
  | {
      type: 'oidc'
      issuer: string
      audience: string | string[]
      algorithms?: string[]
      scopes?: string[]
      claims?: Record<string, string | number | boolean | (string | number | boolean)[]>
      leeway?: number
    }
  | {
      type: 'hmac'
      preset: 'github' | 'standard-webhooks' | 'stripe' | 'slack' | 'gitlab' | 'shopify'
      secret: string | string[]
    }
  | {
      type: 'hmac'
      secret: string | string[]
      header: string
      algorithm?: 'sha256' | 'sha384' | 'sha512'
      encoding?: 'hex' | 'base64'
      prefix?: string
      signed?: string
      timestampHeader?: string
      idHeader?: string
      tolerance?: number
    }

interface Common {
  /** What people read; unique in a project. */
  name: string
  description?: string
  flows?: string[]
}

interface Runs extends Common {
  emits?: Topic[]
  retries?: Retries
  timeout?: Duration
}

export interface ApiConfig extends Omit<Runs, 'retries'> {
  type: 'api'
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS'
  /** `/orders/:shop` */
  path: string
  /** Anyone may call it. Without `public` it names its `auth`. */
  public?: boolean
  auth?: Auth | Auth[]
  bodySchema?: Schema
  /** For those who call it; what is in the query is not checked. */
  queryParams?: { name: string; description?: string }[]
  middleware?: ApiMiddleware<any>[]
  responseSchema?: Record<number, Schema>
}

export interface EventConfig extends Runs {
  type: 'event'
  subscribes: string[]
  input?: Schema | null
  /** `false` switches a default of wistro.yml off, here and in the three below. */
  concurrency?: Concurrency | false
  fifo?: Fifo | false
  rateLimit?: RateLimit | false
  delay?: Duration | number | false
}

export interface CronConfig extends Runs {
  type: 'cron'
  cron: string
  timezone?: string
  /** What becomes of ticks that were missed while nothing ran. */
  catchUp?: 'skip' | 'one' | 'all'
  concurrency?: Omit<Concurrency, 'key'> | false
  rateLimit?: Omit<RateLimit, 'key'> | false
}

/** What a No-Op step waits for: one of its answers, each emitted as its form has it. */
export interface Task {
  answers: Record<string, { emits: string; form?: Schema }>
  /** A free label, or an e-mail address. */
  assignee?: string
  timeout?: Duration | number
  /** The answer, or the topic, that follows when nobody answered. */
  onTimeout?: string
}

/** Work done outside the system: drawn, and waited for when it has a `task`. */
export interface NoopConfig extends Common {
  type: 'noop'
  subscribes?: string[]
  input?: Schema | null
  task?: Task
  virtualSubscribes?: string[]
  virtualEmits?: string[]
}

export type StepConfig = ApiConfig | EventConfig | CronConfig | NoopConfig

export type Fields = Record<string, unknown>

export interface Logger {
  debug(message: string, fields?: Fields): void
  info(message: string, fields?: Fields): void
  warn(message: string, fields?: Fields): void
  error(message: string, fields?: Fields): void
}

export type StateOp = { set: unknown } | { increment: number } | { append: unknown } | { merge: Record<string, unknown> }

/** Writes leave when the attempt commits; reads see the latest commit and the attempt's own writes. */
export interface State {
  get<T = any>(group: string, key: string): Promise<T | null>
  /** The value, and its version, which is "0" when there is none. */
  getVersioned<T = any>(group: string, key: string): Promise<{ value: T | null; version: string }>
  /** With `ifVersion` it counts only if nobody has changed the value since; else the attempt is run again. */
  set(group: string, key: string, value: unknown, ifVersion?: string): Promise<void>
  delete(group: string, key: string): Promise<void>
  list<T = any>(group: string): Promise<[key: string, value: T][]>
  /** The values without their keys, as Motia gives them. */
  getGroup<T = any>(group: string): Promise<T[]>
  clear(group: string): Promise<void>
  update(group: string, key: string, op: StateOp): Promise<void>
}

export interface Emitted {
  topic: string
  data?: unknown
  /** `'30s'`, or a number of seconds: delivered so long after the attempt has committed. */
  delay?: Duration | number
  /** Delivered then; a text has its zone: `'2030-01-02T03:04:05Z'`. */
  at?: Date | string
  /** Its lane at subscribers with `fifo`, in place of what their `fifo.key` finds. */
  key?: string
  /** Counts once in 7 days on its topic, in the whole environment. */
  id?: string
  /** Leaves at once, whatever becomes of the attempt; on disk when the promise resolves. */
  now?: boolean
}

/** A body that is sent while the step works. What it emitted and wrote is on disk once its last event is there. */
export interface Streamed {
  readonly headers: Record<string, string>
}

/** What an endpoint may give in the place of an answer: its body in pieces. */
export type Streaming = Streamed | AsyncIterable<string | Uint8Array>

export interface ServerSentEvent {
  event?: string
  data?: unknown
  id?: string | number
  retry?: number
}

type Items<T> = AsyncIterable<T> | IterableIterator<T>

/** Server-sent events. `last` comes after the commit: by default `event: done` with the run's id. */
export declare function sse(
  events: Items<ServerSentEvent | string | unknown>,
  options?: { last?: unknown | ((runId: string) => unknown) },
): Streamed

/** One JSON a line. `last` comes after the commit: by default `{"done": true, "run_id": …}`. */
export declare function ndjson(items: Items<unknown>, options?: { last?: unknown | ((runId: string) => unknown) }): Streamed

/** A blob's reference: what stands in a message in the place of bytes. */
export interface BlobRef {
  readonly blob: string
  readonly size: number
  type?: string
  name?: string
}

/** The JSON Schema of a BlobRef, for `input`, `schema` and `bodySchema`. */
export declare const blobRef: Record<string, unknown>

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** Bytes beside the messages. A blob goes with the last run that names it. */
export interface Blobs {
  put(content: Uint8Array | ArrayBuffer | Blob | Chunks, options?: { type?: string; name?: string }): Promise<BlobRef>
  /** All of it. */
  get(blob: BlobRef | string): Promise<Uint8Array>
  /** A stream of it. */
  open(blob: BlobRef | string): Promise<AsyncIterable<Uint8Array> & { destroy(): void }>
  /** Where it lies on this machine, read-only, while the step runs. */
  path(blob: BlobRef | string): Promise<string>
}

export interface Context {
  /** The message is checked at once and leaves when the attempt commits. */
  readonly emit: (event: Emitted) => Promise<void>
  readonly state: State
  readonly blobs: Blobs
  readonly logger: Logger
  readonly runId: string
  readonly traceId: string
  /** W3C trace context: pass both on with the step's own calls. */
  readonly traceparent: string
  readonly tracestate: string
  readonly now: Date
  readonly attempt: number
  /** Stable over attempts: for effects outside. */
  readonly idempotencyKey: string
  /** The caller's verified claims. */
  readonly auth: Readonly<Record<string, any>> | null
  readonly deadline: Date
  /** Aborted at the deadline, or when the run is cancelled. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string>>
  readonly flows: readonly string[]
  readonly topic: string | null
}

/** An emit of one topic: what `Emitted` may say besides, with the topic's own message. */
export type Emit<Topic extends string, Data> = Omit<Emitted, 'topic' | 'data'> &
  (undefined extends Data ? { topic: Topic; data?: Data } : { topic: Topic; data: Data })

/** The context of one step: it emits what its config names, `Emits` by topic. */
export interface StepContext<Emits = any, Heard extends string | null = string | null, Env = Readonly<Record<string, string>>>
  extends Omit<Context, 'emit' | 'env' | 'topic'> {
  /** The message is checked at once and leaves when the attempt commits. */
  readonly emit: (event: { [Topic in keyof Emits & string]: Emit<Topic, Emits[Topic]> }[keyof Emits & string]) => Promise<void>
  readonly env: Readonly<Env>
  readonly topic: Heard
}

/** The values are those of the wire. */
export interface ApiRequest<
  Body = any,
  PathParams = Readonly<Record<string, string>>,
  QueryParams = Readonly<Record<string, string[]>>,
> {
  readonly method: string
  readonly path: string
  readonly pathParams: PathParams
  readonly queryParams: QueryParams
  readonly headers: Readonly<Record<string, string>>
  readonly body: Body
  readonly rawBody: Uint8Array
}

export interface ApiResponse<Body = unknown> {
  status?: number
  body?: Body
  headers?: Record<string, string | number>
}

/** One of the answers that an endpoint's `responseSchema` names. */
export type Answer<Status extends number, Body> = Omit<ApiResponse, 'status' | 'body'> &
  (200 extends Status ? { status?: Status } : { status: Status }) &
  (undefined extends Body ? { body?: Body } : { body: Body })

type Returned<T> = T | Promise<T>

export type EndpointHandler<Request, Ctx, Response> = (req: Request, ctx: Ctx) => Returned<Response>
export type ApiHandler<Body = any> = EndpointHandler<
  ApiRequest<Body>,
  Context,
  ApiResponse | Streaming | void
>

/** Runs around an endpoint's handler; one that does not call `next` answers in its place. */
export type ApiMiddleware<Ctx = Context> = (
  req: ApiRequest & Record<string, any>,
  ctx: Ctx,
  next: () => Promise<any>,
) => Returned<ApiResponse | Streaming | void>
export type EventHandler<Message = any, Ctx = Context> = (message: Message, ctx: Ctx) => Returned<void>
export type CronHandler<Ctx = Context> = (ctx: Ctx) => Returned<void>

/** `Handlers['Charge card']`. Until `wistro lock` has written a project's types, every name has the untyped handler. */
export interface Handlers {
  [name: string]: (...args: any[]) => any
}

/** Motia's names for the types above: its files need no other change than where they import from. */
export type ApiRouteConfig = ApiConfig
export type FlowContext<_Emits = unknown> = Context
export type ApiRouteHandler<Body = any, _Answer = unknown, _Emits = unknown> = ApiHandler<Body>
export type StepHandler<_Config = unknown> = (...args: any[]) => any
