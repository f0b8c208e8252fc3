/** The documents hold together: their links lead somewhere, and what they name exists. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

function filesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file))
    .map((file) => join(folder, file))
}

const textOf = (file: string) => readFileSync(join(root, file), 'utf8')

/** The source document stands as its authors wrote it. */
const seed = 'docs/paxos-made-simple-made-simpler.md'

const documents = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'machines/README.md'],
  ...filesIn('docs', /\.md$/).filter((file) => file !== seed),
]

/** The anchors of a document: those that GitHub makes of its headings, and its own. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
  return [...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)]
}

interface Link {
  readonly path: string
  readonly anchor: string | undefined
}

/** The links of a document to files of the project. */
function linksOf(text: string): Link[] {
  const links = /(?:\]\(|^\[\w+\]: )(?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)?/gm
  return [...text.matchAll(links)].map(([, path = '', anchor]) => ({
    path,
    anchor,
  }))
}

test.each(documents)('the links of %s lead to files and headings that exist', (document) => {
  const text = textOf(document)
  const broken = linksOf(text).filter(({ path, anchor }) => {
    const file = path === '' ? document : join(dirname(document), path)
    return (
      !existsSync(join(root, file)) || (anchor !== undefined && !anchorsOf(textOf(file)).includes(anchor))
    )
  })
  expect(broken).toEqual([])
})

const paper = 'https://lamport.azurewebsites.net/pubs/paxos-simple.pdf'

test.each(documents)('where %s cites the paper or the seed document, it has a link', (document) => {
  const text = textOf(document)
  if (/[_*]Paxos Made Simple[_*]/.test(text)) expect(text).toContain(paper)
  if (/[Tt]he seed(,|'s| document)/.test(text)) expect(text).toContain(basename(seed))
})

test('a file that a document names exists', () => {
  const made = ['test/screenshots/']
  const missing = documents.flatMap((document) =>
    [...textOf(document).matchAll(/`((?:machines|src|inspector|scripts|test|bench|scenarios)\/[\w./-]+)`/g)]
      .map(([, file = '']) => file)
      .filter((file) => !made.includes(file) && !existsSync(join(root, file)))
      .map((file) => `${document}: ${file}`),
  )
  expect(missing).toEqual([])
})

test('ARCHITECTURE.md can be read in one sitting', () => {
  expect(textOf('ARCHITECTURE.md').trimEnd().split('\n').length).toBeLessThanOrEqual(250)
})

const code = ['machines', 'src', 'test']
  .flatMap((folder) => filesIn(folder, /\.ts$/))
  .map(textOf)
  .join('\n')

/** The numbered claims of the argument, each with its paragraphs. */
const claims = textOf('docs/safety.md')
  .split(/^## /m)
  .filter((section) => section.startsWith('Why it is safe'))
  .flatMap((section) => section.split(/^(?=\d+\. \*\*)/m).slice(1))
  .map((claim) => [claim.split('\n', 1)[0] ?? '', claim] as const)

test('the argument has its claims', () => {
  expect(claims.length).toBeGreaterThanOrEqual(19)
})

test.each(claims)('the claim "%s" names code that holds it, and that code exists', (_, claim) => {
  const names = [...claim.matchAll(/`(#?[a-z]\w+)`/g)].map(([, name = '']) => name)
  const paths = [...claim.matchAll(/`([\w/-]+\.ts)`/g)].map(([, path = '']) => path)
  expect([...names, ...paths]).not.toEqual([])
  expect(names.filter((name) => !new RegExp(`${name}\\b`).test(code))).toEqual([])
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([])
})
