// The documents whose words the question shares, best first. A real one would ask an index; the flow stays the same.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Passage = { document: string; text: string };

const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? []);

export function load(folder: string): Passage[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((document) => ({ document, text: readFileSync(join(folder, document), 'utf8') }));
}

export function search(question: string, passages: Passage[], limit = 2): Passage[] {
  const asked = words(question);
  return passages
    .map((passage) => ({ passage, shared: [...words(passage.text)].filter((word) => asked.has(word)).length }))
    .filter(({ shared }) => shared > 0)
    .sort((one, other) => other.shared - one.shared || one.passage.document.localeCompare(other.passage.document))
    .slice(0, limit)
    .map(({ passage }) => passage);
}
