// Finds what may hold the answer.
import { join } from 'node:path';
import type { EventConfig, Handlers } from '@wistro/sdk';
import { z } from 'zod';
import { load, search } from '../lib/search';

const Passage = z.object({ document: z.string(), text: z.string() });

export const config = {
  type: 'event',
  name: 'Retrieve',
  flows: ['questions'],
  subscribes: ['question.asked'],
  emits: [{ topic: 'context.found', schema: z.object({ question: z.string(), passages: z.array(Passage) }) }],
  input: z.object({ question: z.string() }),
} satisfies EventConfig;

export const handler: Handlers['Retrieve'] = async ({ question }, { emit, logger }) => {
  const passages = search(question, load(join(process.cwd(), 'documents')));
  logger.info('passages found', { documents: passages.map(({ document }) => document) });
  await emit({ topic: 'context.found', data: { question, passages } });
};
