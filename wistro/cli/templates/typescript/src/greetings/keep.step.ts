// An event step: keeps each greeting, and counts them. Both writes count once, however often it is tried.
import type { EventConfig, Handlers } from '@wistro/sdk';
import { z } from 'zod';

const Greeting = z.object({ name: z.string() });

export const config = {
  type: 'event',
  name: 'Keep greeting',
  flows: ['greetings'],
  subscribes: ['greeting.asked'],
  emits: [],
  input: Greeting,
  retries: { max: 3 },
} satisfies EventConfig;

export const handler: Handlers['Keep greeting'] = async (greeting, { state, logger, runId }) => {
  const text = `Hello, ${greeting.name}!`;
  await state.set('greetings', runId, text);
  await state.update('totals', 'greetings', { increment: 1 });
  logger.info('greeting kept', { text });
};
