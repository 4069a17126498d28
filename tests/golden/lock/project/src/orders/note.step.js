export const config = {
  type: 'event',
  name: 'Note payment',
  flows: ['orders'],
  subscribes: ['payment.done', 'payment.failed', 'report.due', 'stock.changed'],
  emits: [],
};

export const handler = async () => {};
