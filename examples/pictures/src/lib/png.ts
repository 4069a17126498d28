// What can be said of a PNG from its header alone.
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** `landscape, 64 × 48`; throws when the bytes are no PNG. */
export function shapeOf(png: Uint8Array): string {
  if (png.length < 24 || SIGNATURE.some((byte, index) => png[index] !== byte)) throw new Error('no PNG');
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const shape = width > height ? 'landscape' : width < height ? 'portrait' : 'square';
  return `${shape}, ${width} × ${height}`;
}
