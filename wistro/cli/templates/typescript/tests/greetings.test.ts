// Steps are functions: call them with a context that writes down what they do. Run: npm test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiResponse, Contexts, Emitted, Requests } from '@wistro/sdk';
import { handler as greet } from '../src/greetings/greet.step';
import { handler as keep } from '../src/greetings/keep.step';

function recorder<Step extends keyof Contexts>() {
  const emitted: Emitted[] = [];
  const kept = new Map<string, unknown>();
  const context = {
    runId: 'run_test',
    emit: async (event: Emitted) => void emitted.push(event),
    logger: { info: () => {} },
    state: {
      set: async (group: string, key: string, value: unknown) => void kept.set(`${group}/${key}`, value),
      update: async (group: string, key: string, op: unknown) => void kept.set(`${group}/${key}`, op),
    },
  } as unknown as Contexts[Step];
  return { context, emitted, kept };
}

test('greet emits the name', async () => {
  const { context, emitted } = recorder<'Greet'>();

  const answer = (await greet({ body: { name: 'Ada' } } as Requests['Greet'], context)) as ApiResponse;

  assert.equal(answer.status, 202);
  assert.deepEqual(emitted, [{ topic: 'greeting.asked', data: { name: 'Ada' } }]);
});

test('keep writes the greeting and counts it', async () => {
  const { context, kept } = recorder<'Keep greeting'>();

  await keep({ name: 'Ada' }, context);

  assert.equal(kept.get('greetings/run_test'), 'Hello, Ada!');
  assert.deepEqual(kept.get('totals/greetings'), { increment: 1 });
});
