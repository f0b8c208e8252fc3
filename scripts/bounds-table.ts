/** Writes into docs/verification.md what the searches of the model checker found, from where it is recorded. `npm run charts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { namedBounds } from '../src/checker/named-bounds.ts'

const document = fileURLToPath(new URL('../docs/verification.md', import.meta.url))

/** The text of the document as it is, and as it should be. */
export function boundsDocument(): { readonly present: string; readonly wanted: string } {
  const present = readFileSync(document, 'utf8')
  const wanted = present.replace(
    /(<!-- bounds -->\n)[\s\S]*?(<!-- \/bounds -->)/,
    (_, open: string, close: string) => `${open}\n${table()}\n\n${close}`,
  )
  return { present, wanted }
}

function table(): string {
  const rows = namedBounds.map(
    ({ name, about, counted }) =>
      `| ${name} | ${about} | ${counted?.states.toLocaleString('en') ?? 'not whole'} | ${counted?.depth ?? ''} |`,
  )
  return ['| bounds | what is in them | states | depth |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(document, boundsDocument().wanted)
