import type { NoopConfig } from '@wistro/sdk'

export const config: NoopConfig = { type: 'noop', name: 'Broken' }

throw new Error('nothing_of_that_name') // THROWS HERE
