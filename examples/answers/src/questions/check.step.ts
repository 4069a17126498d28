// An answer must name a document that it was given: what was made up is not told to anybody.
import type { EventConfig, Handlers } from '@wistro/sdk';
import { z } from 'zod';

export const config = {
  type: 'event',
  name: 'Check answer',
  flows: ['questions'],
  subscribes: ['answer.drafted'],
  emits: [],
  input: z.object({ answer: z.string(), documents: z.array(z.string()) }),
} satisfies EventConfig;

export function cited(answer: string): string[] {
  return [...answer.matchAll(/\[([^\]]+)\]/g)].map(([, document]) => document ?? '');
}

export const handler: Handlers['Check answer'] = async ({ answer, documents }, { state, runId, logger }) => {
  const sources = cited(answer);
  const isGrounded = sources.length > 0 && sources.every((one) => documents.includes(one));
  if (!isGrounded) logger.warn('not told: it names no document that was given', { sources });
  await state.update('questions', runId, {
    merge: isGrounded ? { status: 'answered', answer, sources } : { status: 'unknown', answer: null, sources: [] },
  });
  await state.update('totals', isGrounded ? 'answered' : 'unknown', { increment: 1 });
};
