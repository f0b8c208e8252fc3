/** Schedules and simulated runs are to go in a page as well: what they are built on, file by file, asks nothing of Node.js. */
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { modulesOfThePage } from '../../scripts/build-inspector.ts'

const root = join(import.meta.dirname, '../..')

/** Every file that `entry` imports, itself included, but for those that only give types. */
function filesUnder(entry: string): string[] {
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const name of importsOf(file)) if (name.startsWith('.')) visit(join(dirname(file), name))
  }
  visit(entry)
  return [...seen]
}

function importsOf(file: string): string[] {
  const statements = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export)\s(?!type\b)[^'"]*?from '([^']+)'|^import '([^']+)'/gm,
  )
  return [...statements].map(([, from, bare]) => from ?? bare ?? '')
}

/** What is there in Node.js without an import, and not in a browser. */
const globals = /(?<![\w.'/#-])(?:Buffer\.|process\.|setImmediate\(|require\()/

test.each([
  'src/transcript/file.ts',
  'src/transcript/write.ts',
  'src/schedule/records.ts',
  'src/simulator/run.ts',
  'inspector/playground/playground.ts',
])('%s asks for nothing of Node.js', (entry) => {
  const files = filesUnder(join(root, entry))
  expect(files).toContain(join(root, 'machines/acceptor.ts'))
  const asked = files.flatMap((file) => [
    ...importsOf(file).filter((name) => name.startsWith('node:') && !(name in modulesOfThePage)),
    ...readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(?:\/?\*|\/\/)/.test(line) && globals.test(line))
      .map((line) => `${relative(root, file)} ${line}`),
  ])
  expect(asked).toEqual([])
})
