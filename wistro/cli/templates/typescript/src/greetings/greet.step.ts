// An endpoint: POST /greetings {"name": "Ada"} answers at once, and lets others do the rest.
import type { ApiConfig, Handlers } from '@wistro/sdk';
import { z } from 'zod';

const Greeting = z.object({ name: z.string() });

export const config = {
  type: 'api',
  name: 'Greet',
  description: "Takes a name and answers with the run's id",
  flows: ['greetings'],
  method: 'POST',
  path: '/greetings',
  public: true,
  bodySchema: Greeting,
  emits: [{ topic: 'greeting.asked', schema: Greeting }],
} satisfies ApiConfig;

export const handler: Handlers['Greet'] = async (req, { emit, logger, runId }) => {
  await emit({ topic: 'greeting.asked', data: { name: req.body.name } });
  logger.info('greeting asked', { name: req.body.name });
  return { status: 202, body: { id: runId } };
};
