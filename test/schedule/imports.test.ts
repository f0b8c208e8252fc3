/** Schedules are to run in a page as well: what they are built on, file by file, asks Node.js for nothing but what stands here. */
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

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

test('no part of the platform but a digest', () => {
  const files = filesUnder(join(root, 'src/transcript/run.ts'))
  expect(files.length).toBeGreaterThan(20)
  expect(files).toContain(join(root, 'machines/acceptor.ts'))
  const asked = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => name.startsWith('node:'))
      .map((name) => `${relative(root, file)} ${name}`),
  )
  expect(asked).toEqual(['src/services/digest.ts node:crypto'])
})
