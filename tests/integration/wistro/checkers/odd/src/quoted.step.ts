const topics = ['odd', 'tree.x', 'json', 'kinds', '付款', 'Request', 'untyped', 'tagged/it\'s_"q"'];
export const config = { type: 'event', name: 'It\'s "odd" */ {x}\\', subscribes: topics, emits: [] };
export const handler = () => {};
