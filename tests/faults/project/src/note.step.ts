// The middle of the run, in the other language: one effect, one emit.
import { appendFileSync } from 'node:fs';
import type { EventConfig } from '@wistro/sdk';

export const config = {
  type: 'event',
  name: 'Note',
  flows: ['faults'],
  subscribes: ['taken'],
  emits: ['noted'],
  input: { type: 'object', required: ['key'], properties: { key: { type: 'string' } } },
} satisfies EventConfig;

const effects = process.env.FAULTS_EFFECTS;

export const handler = async ({ key }, { emit, state }) => {
  if (effects) appendFileSync(effects, `note ${key}\n`);
  await state.update('noted', key, { increment: 1 });
  await emit({ topic: 'noted', data: { key } });
};
