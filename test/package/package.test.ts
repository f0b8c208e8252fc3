/** What a program gets that has the package as a dependency: it compiles as strictly as can be, runs, and loads no more than it needs. */
import { execFile } from 'node:child_process'
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BuiltPaxos } from '../support/built-paxos.ts'
import { freePorts } from '../support/free-ports.ts'
import { compilePrograms, installed, packageIn, root, withNode, withoutNode } from './installed.ts'

const run = promisify(execFile)
let folder: string

/** The code of a page, as one program. */
async function programOf(page: string, blocks: number): Promise<string> {
  const text = await readFile(join(root, page), 'utf8')
  const codes = [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code)
  expect(codes).toHaveLength(blocks)
  return codes.join('\n')
}

async function embeddingProgram(firstPort: number): Promise<string> {
  return (await programOf('docs/embedding.md', 2)).replace('29_460', String(firstPort))
}

async function servicesProgram(firstPort: number): Promise<string> {
  const program = await programOf('docs/services.md', 6)
  return program.replace('29_490', String(firstPort)).replace('29493', String(firstPort + 3))
}

const examples = ['counter.ts', 'cron.ts', 'fencing.ts', 'job-queue.ts', 'leader-election.ts', 'lock.ts']

/** A program that names every public type, so that each is compiled. */
const everyType = `
import type * as main from 'paxos-made-simpler'
import type * as client from 'paxos-made-simpler/client'
import type * as core from 'paxos-made-simpler/core'
import type * as testing from 'paxos-made-simpler/testing'
const options: main.NodeOptions = { id: 0, listen: '127.0.0.1:1', dataDir: null }
const executed: Promise<main.ExecutedRequest> | undefined = undefined
const timing: client.ConnectOptions = { timing: { askIntervalMs: 1 } }
const logger: main.Logger | undefined = undefined
const effect: core.CoreEffect | undefined = undefined
type Watched = ReturnType<typeof testing.readOnly>
export { effect, executed, logger, options, timing, type Watched }
`

beforeAll(async () => {
  folder = await installed()
  await writeFile(join(folder, 'embedding.ts'), await embeddingProgram(await freePorts(3)))
  await writeFile(join(folder, 'services.ts'), await servicesProgram(await freePorts(4)))
  await writeFile(join(folder, 'every-type.ts'), everyType)
  for (const example of examples) await copyFile(join(root, 'examples', example), join(folder, example))
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

interface Found {
  readonly files: readonly string[]
  readonly packages: readonly string[]
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`. */
const imports =
  /^(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm

/** What the module `entry` of the package loads, directly or not. `suffix` is `.js`, or `.d.ts` for types. */
async function graphOf(entry: string, suffix: '.js' | '.d.ts'): Promise<Found> {
  const files = new Set<string>()
  const packages = new Set<string>()
  const open = [join(packageIn(folder), entry)]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue
    files.add(file)
    const text = await readFile(file, 'utf8')
    for (const [, from, bare, dynamic] of text.matchAll(imports)) {
      const named = from ?? bare ?? dynamic ?? ''
      if (named.startsWith('.')) open.push(resolve(dirname(file), named.replace(/(\.js|\.ts)$/, suffix)))
      else if (!named.startsWith('node:')) packages.add(named)
    }
  }
  return { files: [...files].map((file) => relative(packageIn(folder), file)), packages: [...packages] }
}

const entries = ['src/index', 'src/client/index', 'src/embedding', 'src/testing'] as const

test('the examples are all known here', async () => {
  const files = (await readdir(join(root, 'examples'))).filter((file) => file.endsWith('.ts'))
  expect(files.sort()).toEqual(examples)
})

test('the public types compile under the strictest options', async () => {
  await compilePrograms(folder, ['every-type.ts'], withoutNode)
})

test.each(entries)('the types of %s need no other package', async (entry) => {
  const { files, packages } = await graphOf(`dist/${entry}.d.ts`, '.d.ts')
  expect(files.length).toBeGreaterThan(0)
  expect(packages).toEqual([])
})

const isOfStore = (file: string) => file.startsWith('dist/src/storage/')

test('the client loads no store, logger, WebSocket or inspector', async () => {
  const { files, packages } = await graphOf('dist/src/client/index.js', '.js')
  expect(packages.toSorted()).toEqual([
    '@noble/hashes/sha2.js',
    '@noble/hashes/utils.js',
    '@sinclair/typebox',
    '@sinclair/typebox/compiler',
    'ipaddr.js',
    'xstate',
  ])
  const heavy = files.filter((file) =>
    /^dist\/src\/(node|storage|simulator|checker|inspect\/(hub|report))\//.test(file),
  )
  expect(heavy).toEqual([])
  const main = await graphOf('dist/src/index.js', '.js')
  expect(main.packages).toContain('ws')
  expect(main.files.filter(isOfStore)).toContain('dist/src/storage/log-storage.js')
})

test('the core loads no store, logger, WebSocket or inspector', async () => {
  const { files, packages } = await graphOf('dist/src/embedding.js', '.js')
  for (const name of ['pino', 'ws', '@statelyai/inspect']) expect(packages).not.toContain(name)
  expect(files.filter(isOfStore)).toEqual([])
})

test('source maps contain the sources', async () => {
  const map = JSON.parse(await readFile(join(packageIn(folder), 'dist/src/client/client.js.map'), 'utf8'))
  expect(map.sourcesContent[0]).toContain('export class Client')
  const program = `import { connect } from 'paxos-made-simpler/client'\nconnect({ servers: [] })\n`
  await writeFile(join(folder, 'wrong.js'), program)
  const failed = await run(process.execPath, ['--enable-source-maps', join(folder, 'wrong.js')]).catch(
    (error: { readonly stderr: string }) => error,
  )
  expect(failed.stderr).toMatch(/client\/options\.ts:\d+:\d+/)
})

describe('programs that were compiled', () => {
  beforeAll(() => compilePrograms(folder, ['embedding.ts', 'services.ts', ...examples], withNode), 120_000)

  const started = (name: string, ...args: string[]) =>
    run(process.execPath, [join(folder, 'out', name), ...args])

  test('docs/embedding.md: three embedded servers agree', async () => {
    const { stdout } = await started('embedding.js')
    expect(stdout).toContain("value: 'green'")
  })

  test('docs/services.md: its service runs, passes its property test and is composed with another', async () => {
    const { stdout } = await started('services.js')
    expect(stdout).toBe(
      'the third guest is seated: true\nthe property holds\n' +
        "kv+room: { key: 'room', value: { seated: true }, version: 1 }\n",
    )
  })

  test('examples/counter.ts: a service of one’s own', async () => {
    const { stdout } = await started('counter.js', String(await freePorts(3)))
    expect(stdout).toBe('visits: 1\nvisits: 2\nvisits: 3\nthe request that waited got 3\n')
  })

  test('examples/job-queue.ts: a job that was not done in time is given to another worker', async () => {
    const { stdout } = await started('job-queue.js', String(await freePorts(3)))
    const job = '{"id":"0000000000000001","job":"wash"}'
    expect(stdout).toBe(
      `the slow worker takes ${job}, and is never done with it\nthe diligent worker is given ${job}\ndone: true\n`,
    )
  })

  test('examples/fencing.ts: a holder that was paused beyond its ttl is refused, as docs/locks.md shows', async () => {
    const page = await readFile(join(root, 'docs/locks.md'), 'utf8')
    const blocksOf = (kind: string) =>
      [...page.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
        ([, text = '']) => text,
      )
    const [code = '', ...others] = blocksOf('ts')
    expect(others).toEqual([])
    expect(await readFile(join(root, 'examples/fencing.ts'), 'utf8')).toContain(code)
    const { stdout } = await started('fencing.js', String(await freePorts(3)))
    // On a busy machine a session of a second may end before the first grant is noticed; then the tokens are higher.
    const tokens = [...new Set([...stdout.matchAll(/token (\d+)/g)].map(([, token]) => Number(token)))]
    expect(tokens).toEqual([...tokens].sort((one, other) => one - other))
    const shown = stdout.replace(/token (\d+)/g, (_, token) => `token ${tokens.indexOf(Number(token)) + 1}`)
    expect(shown).toContain('token 1: refused')
    expect(blocksOf('text')).toEqual([shown])
  })

  test('examples/leader-election.ts: another candidate leads after the leader was killed', async () => {
    const { stdout } = await started('leader-election.js', String(await freePorts(3)))
    const led =
      /^(\w+) leads, with token (\d+)\n\1 is killed\n(\w+) leads, with token (\d+)\nleaders: 1, candidates that wait: 1\n$/
    expect(stdout).toMatch(led)
    const [, first, token, second, later] = led.exec(stdout) ?? []
    expect(second).not.toBe(first)
    // On a busy machine a session of a second may end before its grant is noticed; then the tokens are higher.
    expect(Number(later)).toBeGreaterThan(Number(token))
  })

  test('examples/cron.ts: each tick runs once, on one of three machines', async () => {
    const { stdout } = await started('cron.js', String(await freePorts(3)))
    const ticks = stdout.trim().split('\n')
    expect(ticks.map((line) => /^tick (\d): machine [123] writes the report$/.exec(line)?.[1])).toEqual([
      '1',
      '2',
      '3',
    ])
  })

  test('examples/lock.ts, at a server that runs from source as README says', async () => {
    const address = `127.0.0.1:${await freePorts(1)}`
    const [line = ''] = /^npx tsx .*$/m.exec(await readFile(join(root, 'README.md'), 'utf8')) ?? []
    expect(line).toContain('src/cli/main.ts node --id 0 ')
    const [, , , ...args] = line.replace('127.0.0.1:29390', address).split(' ')
    const tsx = createRequire(import.meta.url).resolve('tsx/cli')
    const server = new BuiltPaxos(args, { program: [tsx, join(root, 'src/cli/main.ts')] })
    await server.said(/^server 0 ready/m)
    const { stdout } = await started('lock.js', address)
    expect(stdout).toMatch(/^locked invoices, token \d+\nunlocked invoices\n$/)
    server.signal('SIGTERM')
    expect((await server.ended).code).toBe(0)
  })
})
