// npm test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shapeOf } from '../src/lib/png';

function png(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}

test('the shape follows from the header', () => {
  assert.equal(shapeOf(png(64, 48)), 'landscape, 64 × 48');
  assert.equal(shapeOf(png(48, 64)), 'portrait, 48 × 64');
  assert.equal(shapeOf(png(9, 9)), 'square, 9 × 9');
});

test('other bytes are refused', () => {
  assert.throws(() => shapeOf(new Uint8Array(40)), /no PNG/);
  assert.throws(() => shapeOf(png(1, 1).subarray(0, 20)), /no PNG/);
});
