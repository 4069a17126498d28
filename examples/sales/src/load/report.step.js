// @ts-check
// What was sold, by day and shop, and what could not be read.

/** @satisfies {import('@wistro/sdk').ApiConfig} */
export const config = { type: 'api', name: 'Report', flows: ['sales'], method: 'GET', path: '/report', public: true };

/** @type {import('@wistro/sdk').Handlers['Report']} */
export const handler = async (_, { state }) => {
  const [cents, pieces, wrong] = await Promise.all(['cents', 'pieces', 'wrong'].map((group) => state.list(group)));
  const sold = Object.fromEntries(pieces ?? []);
  const rows = (cents ?? []).map(([key, sum]) => {
    const [day, shop] = key.split('/');
    return { day, shop, euros: (sum / 100).toFixed(2), pieces: sold[key] };
  });
  return { status: 200, body: { rows, wrong: (wrong ?? []).flatMap(([, found]) => found) } };
};
