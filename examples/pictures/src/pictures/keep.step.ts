// Notes each size as it comes. `merge` is applied when it commits, so sizes that come at once do not lose each other.
import { type EventConfig, type Handlers, blobRef } from '@wistro/sdk';
import { shapeOf } from '../lib/png';

const Resized = {
  type: 'object',
  required: ['size', 'picture', 'width', 'height'],
  properties: {
    size: { enum: ['small', 'medium'] },
    picture: blobRef,
    width: { type: 'integer' },
    height: { type: 'integer' },
  },
} as const;

export const config = {
  type: 'event',
  name: 'Keep size',
  flows: ['pictures'],
  subscribes: ['picture.resized'],
  emits: [],
  input: Resized,
} satisfies EventConfig;

export const handler: Handlers['Keep size'] = async ({ size, picture, width, height }, { state, blobs, runId, logger }) => {
  const kept = { width, height, bytes: picture.size, blob: picture };
  await state.update('sizes', `${runId}/${size}`, { set: kept });
  if (size === 'small') {
    const caption = shapeOf(await blobs.get(picture));
    await state.update('pictures', runId, { merge: { caption } });
  }
  logger.info('size kept', { size, width, height, bytes: picture.size });
};
