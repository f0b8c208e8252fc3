/** Makes docs/api.md from the doc comments of the public interface, with TypeDoc, which has its own version of TypeScript. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const tools = join(root, 'scripts/api-docs')

export const apiFile = join(root, 'docs/api.md')

/** A page that TypeDoc writes, and its section in the document. Its anchors begin with `prefix`, so that no two are the same. */
interface Page {
  readonly file: string
  readonly heading: string
  readonly about: string
  readonly prefix: string
}

const pages: readonly Page[] = [
  {
    file: 'index/README.md',
    heading: 'The package',
    about:
      'Import from `paxos-made-simpler`. The client alone, without servers, is in `paxos-made-simpler/client`.',
    prefix: '',
  },
  {
    file: 'index/namespaces/sortedMap.md',
    heading: 'The sorted map',
    about: 'Import `sortedMap` from `paxos-made-simpler`: a map for the state of a service.',
    prefix: 'map-',
  },
  {
    file: 'testing.md',
    heading: 'Helpers for tests',
    about: 'Import from `paxos-made-simpler/testing`.',
    prefix: 'testing-',
  },
]

const head = `<!-- Written by npm run docs:api from the doc comments of the source. Change those, and run it again. -->

# The programming interface

The types, functions and errors of the package, from the comments of its source. [clients.md](clients.md), [locks.md](locks.md) and
[services.md](services.md) explain how to use them. [embedding.md](embedding.md) has the interface of \`paxos-made-simpler/core\`. The seed is
[the document](paxos-made-simple-made-simpler.md) from which the project grew.
`

/** The text of docs/api.md. Takes some seconds. */
export async function apiDocument(): Promise<string> {
  const out = await mkdtemp(join(tmpdir(), 'paxos-api-'))
  try {
    const typedoc = join(tools, 'node_modules/typedoc/bin/typedoc')
    await promisify(execFile)(process.execPath, [typedoc, '--options', tools, '--out', out], { cwd: root })
    const sections = await Promise.all(
      pages.map(async (page) => sectionOf(page, await readFile(join(out, page.file), 'utf8'))),
    )
    return [head, ...sections].join('\n')
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

function sectionOf({ heading, about, prefix }: Page, text: string): string {
  const body = text
    .replaceAll('<a id="', `<a id="${prefix}`)
    .replaceAll('](#', `](#${prefix}`)
    .replaceAll(
      /\]\((?:\.\.\/)*namespaces\/sortedMap\.md(?:#([^)]*))?\)/g,
      (_, id) => `](#${id === undefined ? 'the-sorted-map' : `map-${id}`})`,
    )
    .replaceAll(/\]\([./]*(?:index\/)?README\.md#([^)]*)\)/g, '](#$1)')
    .replaceAll('__namedParameters', 'options')
    .replaceAll(/^###### (.*)$/gm, '**$1**')
    .replaceAll(/^#(#+ )/gm, '##$1')
    .trim()
  return `## ${heading}\n\n${about}\n\n${body}\n`
}
