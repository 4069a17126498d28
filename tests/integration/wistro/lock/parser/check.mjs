// node check.mjs FILE…: what the parser finds wrong in each, as JSON.
import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'

const parser = new Parser()
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, 'utf8'))
  const wrong = diagnostics.filter((one) => one.severity <= 1).map((one) => `${one.path.join('.')}: ${one.message}`)
  console.log(JSON.stringify({ channels: document?.channels().all().length ?? null, wrong }))
}
