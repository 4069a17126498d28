export const config = { type: 'noop', name: 'Broken' }

throw new Error('nothing_of_that_name') // THROWS HERE
