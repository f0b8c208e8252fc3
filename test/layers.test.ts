/** Which folder may import which: the order of the layers, as ARCHITECTURE.md draws it. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** From the lowest on: a folder imports only those before it. */
const layers = [
  'machines',
  'src/core',
  'src/network',
  'src/messages',
  'src/wire',
  'src/services',
  'src/storage',
  'src/journal',
  'src/inspect/records',
  'src/inspect/report',
  'src/client',
  'src/node',
  'src/verify',
  'src/stepped',
  'src/replay',
  'src/schedule',
  'src/transcript',
  'src/checker',
  'src/simulator',
  'src/inspect/hub',
  'src',
  'src/cli',
  'inspector',
]

/** What a server or a client is made of. It imports nothing that checks, and nothing that shows. */
const production = layers.slice(0, layers.indexOf('src/node') + 1)

function sourcesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => join(folder, file))
}

const sources = ['machines', 'src', 'inspector'].flatMap(sourcesIn)

/** The layer that a file of the project is in: that of the longest folder; `null` when it is in none. */
function layerOf(file: string): string | null {
  const of = layers.filter((layer) =>
    layer === 'src' ? dirname(file) === layer : file.startsWith(`${layer}/`),
  )
  return of.sort((a, b) => b.length - a.length)[0] ?? null
}

interface Import {
  readonly file: string
  readonly imported: string
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const specifiers = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)
  return [...specifiers].map(([, specifier = '']) => ({
    file,
    imported: relative(root, resolve(root, dirname(file), specifier)),
  }))
}

const imports = sources.flatMap(importsOf)

const shown = ({ file, imported }: Import) => `${file} imports ${imported}`

test('every source file is in a layer', () => {
  expect(sources.filter((file) => layerOf(file) === null)).toEqual([])
  expect(imports.length).toBeGreaterThan(1_000)
})

test('a folder imports only those below it, so no two import each other', () => {
  const rank = (file: string) => layers.indexOf(layerOf(file) ?? '')
  const upward = imports.filter(({ file, imported }) => rank(imported) > rank(file))
  expect(upward.map(shown)).toEqual([])
})

test('what runs in production imports nothing that checks it', () => {
  const isIn = (file: string) => production.includes(layerOf(file) ?? '')
  const outside = imports.filter(({ file, imported }) => isIn(file) && !isIn(imported))
  expect(outside.map(shown)).toEqual([])
})

test('what carries messages knows no service', () => {
  const carries = (file: string) => file.startsWith('src/wire/') || file === 'src/node/transport.ts'
  const known = imports.filter(({ file, imported }) => carries(file) && imported.startsWith('src/services/'))
  expect(imports.some(({ file }) => file === 'src/node/transport.ts')).toBe(true)
  expect(known.map(shown)).toEqual([])
})

test('nothing imports a test', () => {
  expect(imports.filter(({ imported }) => imported.startsWith('test/')).map(shown)).toEqual([])
})
