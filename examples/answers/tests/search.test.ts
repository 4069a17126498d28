// npm test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { search } from '../src/lib/search';
import { cited } from '../src/questions/check.step';

const passages = [
  { document: 'a.md', text: 'Parcels leave within one day' },
  { document: 'b.md', text: 'An invoice is due after 14 days, parcels too' },
];

test('the passage that shares most words comes first', () => {
  assert.deepEqual(
    search('When is an invoice for parcels due?', passages).map(({ document }) => document),
    ['b.md', 'a.md'],
  );
  assert.deepEqual(search('Straße?', passages), []);
});

test('documents are cited in square brackets', () => {
  assert.deepEqual(cited('So it is. [a.md] And so. [b.md]'), ['a.md', 'b.md']);
  assert.deepEqual(cited('I made this up.'), []);
});
