// Values that may not leave, by name.
export function odd(kind) {
  return { a: [0, VALUES[kind]()] }
}

const VALUES = {
  nan: () => Number.NaN,
  infinity: () => Number.NEGATIVE_INFINITY,
  big: () => 2 ** 53,
  bigint: () => 1n,
  undefined: () => undefined,
  promise: () => Promise.resolve(1),
  surrogate: () => '\ud83d',
  'surrogate key': () => ({ '\ud83d': 1 }),
  function: () => odd,
  set: () => new Set([1]),
  bytes: () => Buffer.from('hi'),
  cycle: () => {
    const cycle = []
    cycle.push(cycle)
    return cycle
  },
  deep: () => {
    let deep = []
    for (let level = 0; level < 200; level++) deep = [deep]
    return deep
  },
  huge: () => 'x'.repeat(17 * 1024 * 1024),
}
