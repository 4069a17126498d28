// @ts-check
// Each Monday: which issues nobody has touched for 30 days.
const DAYS = 30;

/** @satisfies {import('@wistro/sdk').CronConfig} */
export const config = {
  type: 'cron',
  name: 'Find stale',
  flows: ['upkeep'],
  cron: '0 9 * * 1',
  timezone: 'Europe/Berlin',
};

/** @type {import('@wistro/sdk').Handlers['Find stale']} */
export const handler = async ({ state, logger, now }) => {
  const before = now.getTime() - DAYS * 24 * 3600 * 1000;
  const open = await state.list('open');
  const stale = open.filter(([, issue]) => Date.parse(issue.touched_at) < before).map(([key]) => key);
  await state.set('reports', 'stale', { at: now.toISOString(), issues: stale });
  logger.info('stale issues', { count: stale.length });
};
