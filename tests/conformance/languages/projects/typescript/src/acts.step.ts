import { type ApiRequest, type Context, type Handlers, type NoopConfig, NonRetriable } from '@wistro/sdk'
import { act } from './acts.mjs'

export const config = { type: 'noop', name: 'Acts' } satisfies NoopConfig

enum Verb {
  Throw = 'throw',
}

interface Given {
  do: [verb: string, ...args: unknown[]][]
}

const own: Record<string, (message: string) => never> = {
  [Verb.Throw]: (message: string): never => {
    if (message === '') throw new NonRetriable('a step says what is wrong')
    throw new Error(message) // THROWS HERE
  },
}

export const handler: Handlers['Acts'] = async (given: ApiRequest<Given> | Given, ctx: Context) =>
  act(given, ctx, own)
