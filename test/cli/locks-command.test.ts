/** `paxos lock`, `locks` and `unlock`, as processes, against a server. */
import { afterEach, expect, test, vi } from 'vitest'
import { BuiltPaxos, type Ended } from '../support/built-paxos.ts'
import { Datagrams } from '../support/datagrams.ts'
import { oneServer } from './one-server.ts'
import { paxos } from './paxos.ts'

const server = oneServer()
const started: BuiltPaxos[] = []

afterEach(async () => {
  for (const process of started) process.signal('SIGKILL')
  await Promise.all(started.splice(0).map(({ ended }) => ended))
})

const run = (command: string, ...args: readonly string[]): Promise<Ended> =>
  paxos(command, '--servers', server.address, ...args)

function start(command: string, ...args: readonly string[]): BuiltPaxos {
  const process = new BuiltPaxos([command, '--servers', server.address, ...args])
  started.push(process)
  return process
}

/** Takes the lock in a process that holds it until it is ended. Returns it with the token. */
async function held(name: string, ...args: readonly string[]) {
  const holder = start('lock', name, ...args)
  const [, token = ''] = await holder.said(new RegExp(`^locked ${name} token (\\d+)$`, 'm'))
  return { holder, token }
}

/** The rows of `paxos locks`, without their ages. */
async function listed(prefix: string): Promise<readonly string[]> {
  const { code, stdout } = await run('locks', prefix)
  expect(code).toBe(0)
  const [head = '', ...rows] = stdout.trimEnd().split('\n')
  if (rows.length > 0) expect(head).toMatch(/^LOCK +STATE +SESSION +TOKEN +MODE +AGE +TTL$/)
  return rows.map((row) => row.replaceAll(/ +/g, ' ').replace(/ [\d.]+(ms|m|s|m\d+s)(?= |$)/, ' AGE'))
}

const none = async (prefix: string) =>
  (await run('locks', prefix)).stdout === 'no lock is held or waited for\n'

const node = (script: string) => ['--', process.execPath, '-e', script]

test('a lock is held until Ctrl-C, and listed with those who wait in order', async () => {
  const { holder, token } = await held('h1', '--ttl', '1m30s')
  const waiting = start('lock', 'h1', '--shared')
  await vi.waitFor(async () => expect(await listed('h1')).toHaveLength(2), 20_000)
  expect(await listed('h1')).toEqual([
    expect.stringMatching(new RegExp(`^h1 held \\d+\\.0 ${token} exclusive AGE 1m30s$`)),
    expect.stringMatching(/^h1 waiting \d+\.0 - shared AGE$/),
  ])
  const { locks } = JSON.parse((await run('locks', '--json', 'h1')).stdout)
  expect(locks).toMatchObject([
    { name: 'h1', held: 1, waiting: 1, holders: [{ token: Number(token), ttlMs: 90_000 }] },
  ])
  holder.signal('SIGINT')
  expect(await holder.ended).toEqual({
    code: 0,
    stdout: `locked h1 token ${token}\nunlocked h1\n`,
    stderr: '',
  })
  await waiting.said(/^locked h1 token/m)
  waiting.signal('SIGTERM')
  expect((await waiting.ended).code).toBe(0)
  expect(await none('h1')).toBe(true)
})

test('--try and --wait end with 3 while another client holds the lock', async () => {
  const { token } = await held('t1')
  const busy = await run('lock', 't1', '--try')
  expect(busy).toMatchObject({ code: 3, stdout: '' })
  expect(busy.stderr).toMatch(
    new RegExp(
      `^paxos: the lock "t1" is not free: session \\d+\\.0 holds it with token ${token}; [^\\n]+\\n$`,
    ),
  )
  const json = await run('lock', 't1', '--try', '--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'gaveUp' } })
  expect(await run('lock', 't1', '--wait', '500ms')).toMatchObject({
    code: 3,
    stderr: 'paxos: gave up after 0.5 s (1 of 1 members answer)\n',
  })
  expect(await run('lock', 't1', '--try', ...node('console.log("ran")'))).toMatchObject({
    code: 3,
    stdout: '',
  })
  expect(await listed('t1')).toHaveLength(1)
})

test('a shared lock and permits', async () => {
  await held('s1', '--shared')
  await held('s1', '--shared')
  expect((await listed('s1')).map((row) => row.split(' ')[4])).toEqual(['shared', 'shared'])
  await held('p1', '--permits', '2')
  await held('p1', '--permits', '2')
  expect(await listed('p1')).toEqual([
    expect.stringContaining('one of 2 AGE'),
    expect.stringContaining('one of 2 AGE'),
  ])
  expect((await run('lock', 'p1', '--permits', '2', '--try')).code).toBe(3)
  expect(await run('lock', 'p1')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('in use with 2 permits'),
  })
})

test('--detach leaves the lock held without a process, and unlock --token frees it', async () => {
  const { code, stdout } = await run('lock', 'd1', '--detach', '--ttl', '2h')
  expect(code).toBe(0)
  const [, token = ''] = /^locked d1 token (\d+)\n$/.exec(stdout) ?? []
  expect(await listed('d1')).toEqual([expect.stringMatching(/^d1 held \d+\.0 \d+ exclusive AGE 2h$/)])
  expect(await run('unlock', 'd1')).toMatchObject({ code: 8, stdout: 'd1 was not locked in plain text\n' })
  expect(await run('unlock', 'd1', '--token', '999999')).toMatchObject({ code: 8 })
  expect(await run('unlock', 'd1', '--token', token)).toMatchObject({ code: 0, stdout: 'unlocked d1\n' })
  expect(await none('d1')).toBe(true)
})

test('--detach: the lock is free when its ttl has run', async () => {
  const { stdout } = await run('lock', 'd2', '--detach', '--ttl', '1s', '--json')
  expect(JSON.parse(stdout)).toEqual({ name: 'd2', token: expect.any(Number), ttlMs: 1_000 })
  const next = await timed(() => run('lock', 'd2', '--wait', '20s', ...node('console.log("mine")')))
  expect(next).toMatchObject({ code: 0, stdout: 'mine\n' })
  expect(next.tookMs).toBeLessThan(1_000 + leewayMs + (await commandMs()))
})

test('after kill -9 of paxos lock, the lock is free when its ttl has run', async () => {
  // No living process is kept from touching its session for so long, also on a busy machine.
  const { holder, token } = await held('k1', '--ttl', '3s')
  await new Promise((next) => setTimeout(next, 3_500))
  expect((await run('lock', 'k1', '--try', ...node(''))).code).toBe(3)
  holder.signal('SIGKILL')
  await holder.ended
  const printsToken = node('console.log(process.env.PAXOS_LOCK_TOKEN)')
  const next = await timed(() => run('lock', 'k1', '--wait', '20s', ...printsToken))
  expect(next.code).toBe(0)
  expect(Number(next.stdout)).toBeGreaterThan(Number(token))
  expect(next.tookMs).toBeLessThan(3_000 + leewayMs + (await commandMs()))
})

/** A lock whose holder is gone is free so long after the ttl, in milliseconds, and after what the command itself takes. */
const leewayMs = 2_000

/** What a command with a command of its own takes now, in milliseconds: on a busy machine each process takes seconds to start. */
async function commandMs(): Promise<number> {
  const { tookMs, code } = await timed(() => run('lock', 'free', ...node('')))
  expect(code).toBe(0)
  return tookMs
}

async function timed<Result extends object>(
  work: () => Promise<Result>,
): Promise<Result & { readonly tookMs: number }> {
  const startMs = performance.now()
  const result = await work()
  return { ...result, tookMs: performance.now() - startMs }
}

test.each([
  ['term', 'process.on("SIGTERM", () => { console.log("told"); process.exit(0) });', 'told\n'],
  ['kill', 'process.on("SIGTERM", () => console.log("told"));', ''],
])('--on-lost %s: unlock --force ends the command, before the lock is granted to another', async (policy, script, out) => {
  const name = `f-${policy}`
  const holder = start(
    'lock',
    name,
    '--ttl',
    '3s',
    '--on-lost',
    policy,
    ...node(`${script} console.error("ready"); setInterval(() => {}, 1000)`),
  )
  await holder.said(/ready/)
  const waiting = start('lock', name)
  await vi.waitFor(async () => expect(await listed(name)).toHaveLength(2), 20_000)
  const forced = await run('unlock', name, '--force')
  expect(forced).toMatchObject({ code: 0, stderr: '' })
  expect(forced.stdout).toMatch(
    new RegExp(`^revoked the holders of ${name}: session \\d+\\.0 \\(token \\d+\\)\\. It is free within 3s`),
  )
  const { code, stdout, stderr } = await holder.ended
  expect({ code, stdout }).toEqual({ code: 9, stdout: out })
  expect(stderr).toMatch(/may belong to another client now: .* revoked/)
  await waiting.said(/^locked/m)
})

test('a lock that is held until Ctrl-C ends with 9 when it is lost', async () => {
  const { holder } = await held('l1', '--ttl', '2s')
  await run('unlock', 'l1', '--force')
  expect(await holder.ended).toMatchObject({ code: 9, stderr: expect.stringContaining('revoked') })
})

test('unlock --force --now frees the lock at once, and says what that risks', async () => {
  await held('n1', '--ttl', '1h')
  const forced = await run('unlock', 'n1', '--force', '--now')
  expect(forced.code).toBe(0)
  expect(forced.stdout).toMatch(
    /^freed n1, which was held by session \d+\.0 \(token \d+\)\. Its holder may still/,
  )
  expect(await none('n1')).toBe(true)
  expect(await run('unlock', 'n1', '--force')).toMatchObject({ code: 8, stdout: 'n1 is not held\n' })
  const json = await run('unlock', 'n1', '--force', '--json')
  expect(JSON.parse(json.stdout)).toEqual({ name: 'n1', holders: [], more: 0, freed: false })
})

test('a lock of plain text is listed with the address of its client, and freed by force at once', async () => {
  const plain = await Datagrams.open()
  try {
    await plain.ask(server.address, "REQUEST:-1:-1:(1,'LOCK','x1')")
    expect(await listed('x1')).toEqual([
      expect.stringMatching(/^x1 held \S*127\.0\.0\.1\S* \d+ exclusive AGE none$/),
    ])
    expect((await run('unlock', 'x1', '--force')).stdout).toMatch(/^freed x1, which was held by session \S+/)
    expect(await none('x1')).toBe(true)
  } finally {
    await plain.close()
  }
})

test('locks --watch lists again what has changed', async () => {
  const watching = start('locks', '--watch', '--json', 'w')
  await watching.said(/^\{"locks":\[\]\}\n/)
  await held('w1')
  await watching.said(/^\{"locks":\[\]\}\n\{"locks":\[\{"name":"w1",.*\}\]\}\n$/)
  await new Promise((next) => setTimeout(next, 2_500))
  watching.signal('SIGINT')
  const { code, stdout } = await watching.ended
  expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 130, lines: 3 })
})
