// @ts-check
// GitHub's webhook. Its delivery id makes a redelivery the same call; here it only becomes an event of ours.
const Opened = {
  type: 'object',
  required: ['repository', 'number', 'title', 'body', 'author'],
  properties: {
    repository: { type: 'string' },
    number: { type: 'integer' },
    title: { type: 'string' },
    body: { type: 'string' },
    author: { type: 'string' },
  },
};

/** @satisfies {import('@wistro/sdk').ApiConfig} */
export const config = {
  type: 'api',
  name: 'Receive',
  flows: ['issues'],
  method: 'POST',
  path: '/github',
  auth: { type: 'hmac', preset: 'github', secret: '$GITHUB_SECRET' },
  emits: [{ topic: 'issue.opened', schema: Opened, conditional: true }],
};

/** @type {import('@wistro/sdk').Handlers['Receive']} */
export const handler = async (req, { emit, logger }) => {
  const kind = req.headers['x-github-event'];
  const { action, issue, repository } = req.body ?? {};
  if (kind !== 'issues' || action !== 'opened') {
    logger.debug('not for us', { kind, action });
    return { status: 200, body: { taken: false } };
  }
  await emit({
    topic: 'issue.opened',
    data: {
      repository: repository.full_name,
      number: issue.number,
      title: issue.title,
      body: issue.body ?? '',
      author: issue.user.login,
    },
  });
  return { status: 202, body: { taken: true } };
};
