/** Writes the recorded counts of the model checker's searches into docs/verification.md. `npm run charts`. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { namedBounds } from '../src/checker/named-bounds.ts'

const document = fileURLToPath(new URL('../docs/verification.md', import.meta.url))

/** The present text of the document, and the wanted text. */
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
      `| ${name} | ${about} | ${counted?.states.toLocaleString('en') ?? 'not complete'} | ${counted?.depth ?? ''} |`,
  )
  return ['| bounds | content | states | depth |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(document, boundsDocument().wanted)
