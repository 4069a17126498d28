import type { CronConfig, Handlers } from '@wistro/sdk';

export const config = {
  type: 'cron',
  name: 'Nightly report',
  flows: ['reports'],
  cron: '0 2 * * *',
  timezone: 'Europe/Berlin',
  emits: [],
} satisfies CronConfig;

export const handler: Handlers['Nightly report'] = async ({ state, logger }) => {
  const payments = await state.list('payments');
  const cents = payments.reduce((sum, [, payment]) => sum + payment.cents, 0);
  logger.info('takings so far', { payments: payments.length, cents });
};
