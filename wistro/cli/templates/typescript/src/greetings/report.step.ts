// A cron step: says each hour how many greetings there are.
import type { CronConfig, Handlers } from '@wistro/sdk';

export const config = {
  type: 'cron',
  name: 'Hourly report',
  flows: ['greetings'],
  cron: '0 * * * *',
  emits: [],
} satisfies CronConfig;

export const handler: Handlers['Hourly report'] = async ({ state, logger }) => {
  const total = (await state.get<number>('totals', 'greetings')) ?? 0;
  logger.info('greetings so far', { total });
};
