// A cron step: says each hour how many greetings there are.
import type { CronConfig, CronHandler } from '@wistro/sdk';

export const config = {
  type: 'cron',
  name: 'Hourly report',
  flows: ['greetings'],
  cron: '0 * * * *',
  emits: [],
} satisfies CronConfig;

export const handler: CronHandler = async ({ state, logger }) => {
  const total = (await state.get<number>('totals', 'greetings')) ?? 0;
  logger.info('greetings so far', { total });
};
