/** `paxos lock NAME -- COMMAND`, as a process, against a server that answers from a script. */
import { spawnSync } from 'node:child_process'
import { afterEach, expect, test, vi } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { executed, FakeServer, response, type Script } from '../client/fake-server.ts'
import { BuiltPaxos, type Ended } from '../support/built-paxos.ts'

const token = 42
const open: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

interface Granting {
  /** What it answers when the lock is to be freed. */
  readonly freed?: boolean
  /** False as long as it lets these wait. */
  readonly answers?: (action: string) => boolean
}

/** A server that grants the lock. */
async function granting({ freed = true, answers = () => true }: Granting = {}): Promise<FakeServer> {
  const server = await FakeServer.start(0)
  const script: Script = (message) => {
    if (message.type !== 'request' || message.command.kind !== 'service') return []
    const { action } = message.command.body as { readonly action: string }
    if (!answers(action)) return []
    return [response(message, executed(action === 'lock' ? { token } : { freed }))]
  }
  server.script = script
  open.push(() => server.stop())
  return server
}

/** Without a terminal, also where the tests have one. */
const noTerminal = process.platform === 'linux' ? ['setsid'] : []

function running(server: FakeServer, ...command: readonly string[]): BuiltPaxos {
  return runningUnder(noTerminal, server, ...command)
}

function runningUnder(
  under: readonly string[],
  server: FakeServer,
  ...command: readonly string[]
): BuiltPaxos {
  const paxos = new BuiltPaxos(['lock', 'a', '--servers', server.address, '--', ...command], { under })
  open.push(async () => {
    paxos.signal('SIGKILL')
    await paxos.ended
  })
  return paxos
}

const node = (script: string) => [process.execPath, '-e', script]

/** The commands for the service. The machine may be busy, and then a client asks again: each counts once. */
function asked(server: FakeServer): readonly Json[] {
  const bodies = server.commands.flatMap((command) => (command.kind === 'service' ? [command.body] : []))
  return bodies.filter((body, place) => JSON.stringify(body) !== JSON.stringify(bodies[place - 1]))
}

/** The lock was taken, and freed with its token. */
function expectFreed(server: FakeServer): void {
  expect(asked(server)).toEqual([
    { action: 'lock', name: 'a' },
    { action: 'unlock', name: 'a', token },
  ])
}

test('the command has the token and the outputs, its exit code counts, and the lock is freed after it', async () => {
  const server = await granting()
  const script = 'console.log(process.env.PAXOS_LOCK_TOKEN); console.error("no"); process.exitCode = 7'
  const ended = await running(server, ...node(script)).ended
  expect(ended).toEqual({ code: 7, stdout: '42\n', stderr: 'no\n' })
  expectFreed(server)
})

test('its arguments are its own, also those that look like options', async () => {
  const server = await granting()
  const { code, stdout } = await running(
    server,
    ...node('console.log(process.argv.slice(1).join())'),
    '--',
    '--json',
    '-h',
  ).ended
  expect({ code, stdout }).toEqual({ code: 0, stdout: '--json,-h\n' })
})

test.each([
  ['SIGTERM', 143],
  ['SIGKILL', 137],
])('a command that %s ends has the exit code of the shell', async (signal, code) => {
  const server = await granting()
  expect(await running(server, ...node(`process.kill(process.pid, '${signal}')`)).ended).toMatchObject({
    code,
  })
  expectFreed(server)
})

test.each([
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
] as const)('%s goes to the command, which may end as it likes', async (signal) => {
  const server = await granting()
  const paxos = running(
    server,
    ...node(
      `process.on('${signal}', () => process.exit(3)); setInterval(() => {}, 1000); console.log('ready')`,
    ),
  )
  await paxos.said(/ready/)
  expect(asked(server)).toHaveLength(1)
  paxos.signal(signal)
  expect(await paxos.ended).toMatchObject({ code: 3, stderr: '' })
  expectFreed(server)
})

test.each<[title: string, command: string, code: number, why: RegExp]>([
  [
    'is not there',
    'no-such-command-here',
    127,
    /the command no-such-command-here cannot be started: .*ENOENT/,
  ],
  ['cannot be run', '/', 126, /the command \/ cannot be started: .*EACCES/],
  ['is below a file', '/etc/passwd/x', 126, /the command \/etc\/passwd\/x cannot be started: .*ENOTDIR/],
  ['is empty', '', 127, /the command '' cannot be started: its name is empty/],
])('a command that %s: the exit code of the shell, and the lock is freed', async (_, command, code, why) => {
  const server = await granting()
  const ended: Ended = await running(server, command).ended
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: '' })
  expect(ended.stderr).toMatch(why)
  expectFreed(server)
})

test('a lock that somebody else freed meanwhile is reported, and the exit code is that of the command', async () => {
  const server = await granting({ freed: false })
  const { code, stderr } = await running(server, ...node('')).ended
  expect(code).toBe(0)
  expect(stderr).toBe('paxos: the lock a token 42 was no longer held when it was to be freed\n')
})

const count = `let count = 0
process.on('SIGINT', () => { count += 1; setTimeout(() => process.exit(10 + count), 500) })
setInterval(() => {}, 1000)
`
const inTerminal = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'
const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0

// The terminal sends Ctrl-C to all processes of its foreground process group.
test.runIf(process.platform === 'linux' && hasPython).each([
  ['', []],
  [', with stdin from a file', ['sh', '-c', 'exec "$@" < /dev/null', 'sh']],
])('Ctrl-C in a terminal reaches the command once%s', async (_, under) => {
  const server = await granting()
  const paxos = runningUnder(
    ['python3', '-c', inTerminal, ...under],
    server,
    ...node(`${count}process.kill(0, 'SIGINT')`),
  )
  expect(await paxos.ended).toMatchObject({ code: 11 })
  expectFreed(server)
})

test.each([
  'SIGUSR1',
  'SIGUSR2',
] as const)('%s does not end it while it waits for the lock', async (signal) => {
  let mayLock = false
  const server = await granting({ answers: () => mayLock })
  const paxos = running(server, ...node('console.log("ran")'))
  await vi.waitFor(() => expect(asked(server)).not.toEqual([]), 20_000)
  paxos.signal(signal)
  mayLock = true
  expect(await paxos.ended).toMatchObject({ code: 0, stdout: 'ran\n' })
  expect(asked(server).at(-1)).toEqual({ action: 'unlock', name: 'a', token })
})

test.each([
  'SIGINT',
  'SIGQUIT',
  'SIGUSR1',
] as const)('%s does not keep it from freeing the lock', async (signal) => {
  let mayUnlock = false
  const server = await granting({ answers: (action) => action === 'lock' || mayUnlock })
  const paxos = running(server, ...node('process.exitCode = 7'))
  await vi.waitFor(() => expect(asked(server).length).toBeGreaterThan(1), 20_000)
  paxos.signal(signal)
  if (signal !== 'SIGUSR1') await paxos.said(/lock a token 42 is being freed; a further signal ends this/)
  mayUnlock = true
  expect(await paxos.ended).toMatchObject({ code: 7 })
})

test('a second signal while the lock is being freed ends it, with how to free the lock', async () => {
  const server = await granting({ answers: (action) => action === 'lock' })
  const paxos = running(server, ...node(''))
  await vi.waitFor(() => expect(asked(server).length).toBeGreaterThan(1), 20_000)
  paxos.signal('SIGINT')
  await paxos.said(/being freed/)
  await new Promise((next) => setTimeout(next, 600))
  paxos.signal('SIGINT')
  const { code, stderr } = await paxos.ended
  expect(code).toBe(130)
  expect(stderr).toContain(
    'paxos: the lock a token 42 may still be held for up to 30s, and paxos unlock a --token 42 frees it\n',
  )
})

test('-- without a command is refused before the lock is taken', async () => {
  const server = await granting()
  const { code, stderr } = await running(server).ended
  expect(code).toBe(2)
  expect(stderr).toMatch(/^paxos: no command follows --: give one/)
  expect(asked(server)).toEqual([])
})

test('--json is refused with a command', async () => {
  const { code, stdout, stderr } = await new BuiltPaxos(['lock', 'a', '--json', '--', 'true']).ended
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
  expect(JSON.parse(stdout)).toMatchObject({ error: { message: expect.stringContaining('--json') } })
})
