/**
 * What it takes to add a message: an imaginary one is added to a copy of the sources, and the compiler reports the places that CONTRIBUTING.md
 * lists, and no other.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folders = ['machines', 'src', 'inspector', 'scenarios', 'test', 'bench', 'scripts']

/** A type check of everything at once may take this long on a busy machine. */
const compileMs = 240_000

let copy = ''

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'imaginary-message-'))
  for (const folder of folders) cpSync(join(root, folder), join(copy, folder), { recursive: true })
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  cpSync(join(root, 'tsconfig.json'), join(copy, 'tsconfig.json'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir')
  const everything = { extends: './inspector/tsconfig.json', include: folders, exclude: [] }
  writeFileSync(join(copy, 'tsconfig.everything.json'), JSON.stringify(everything))
})

afterAll(() => rmSync(copy, { recursive: true, force: true }))

/** The places of the table in CONTRIBUTING.md that the rows of `union` name. */
function listedPlaces(union: string): string[] {
  const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
  const section = text.slice(text.indexOf('## To add a message'))
  let current = ''
  return section.split('\n').flatMap((line) => {
    const [, named, place] = /^\| (?:`(\w+)`)?[^|]*\| `([^`]+)`/.exec(line) ?? []
    current = named ?? current
    return place !== undefined && current === union ? [place] : []
  })
}

/** The files that do not compile once `union` has one message more. */
async function brokenFiles(union: string): Promise<string[]> {
  const original = readFileSync(join(root, 'machines/messages.ts'), 'utf8')
  const declared = `export type ${union} =`
  expect(original).toContain(declared)
  writeFileSync(
    join(copy, 'machines/messages.ts'),
    original.replace(
      new RegExp(`${declared}(\\s*\\|)?`),
      `export interface Imaginary { readonly type: 'imaginary' }\n${declared} Imaginary |`,
    ),
  )
  const tsc = join(root, 'node_modules/.bin/tsc')
  const output = await new Promise<string>((resolve) => {
    // Several threads check the same types again, and the other tests have work for them.
    const options = ['--noEmit', '--pretty', 'false', '--singleThreaded', '-p', 'tsconfig.everything.json']
    execFile(tsc, options, { cwd: copy, maxBuffer: 2 ** 26 }, (_, stdout) => resolve(stdout))
  })
  return [...new Set(output.split('\n').flatMap((line) => /^([^\s(]+)\(\d/.exec(line)?.[1] ?? []))].sort()
}

test.each([
  'NodeMessage',
  'ServerMessage',
])('a new %s breaks the places that CONTRIBUTING.md lists, and no other', {
  timeout: compileMs,
}, async (union) => {
  const places = listedPlaces(union)
  const files = await brokenFiles(union)
  const placeOf = (file: string) => places.find((place) => file.startsWith(place)) ?? file
  expect([...new Set(files.map(placeOf))].sort()).toEqual([...places].sort())
})
