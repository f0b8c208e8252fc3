import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { freePorts } from '../support/free-ports.ts'
import { paxos } from './paxos.ts'

/** Each wrong use, and what the one line on stderr says of it. */
const wrongUses: readonly (readonly [string, string])[] = [
  ['frobnicate', "unknown command 'frobnicate'"],
  ['status --frobnicate', "unknown option '--frobnicate'"],
  ['lock', "missing required argument 'NAME'"],
  [
    'lock a --servers nowhere',
    "'--servers <A,B,C>' argument 'nowhere' is invalid. 'nowhere' is not an address",
  ],
  ['lock a --try --wait 5s', "'--try' cannot be used with option '--wait <duration>'"],
  ['lock a --shared --permits 2', "'--shared' cannot be used with option '--permits <n>'"],
  ['lock a --detach', '--detach needs --ttl'],
  ['lock a --on-lost kill', '--on-lost ends a command'],
  ['lock a --on-lost burn -- true', "'--on-lost <how>' argument 'burn' is invalid"],
  ['lock a --detach --ttl 5s -- true', '--detach leaves the lock held without a process'],
  ['lock a --ttl 1ms', 'ttl must be a whole number'],
  ['unlock a --now', '--now goes with --force'],
  ['unlock a --force --token 1', "'--force' cannot be used with option '--token <TOKEN>'"],
  ['lock a --timeout soon', "'--timeout <duration>' argument 'soon' is invalid"],
  ['unlock a --token 7.0', "'--token <TOKEN>' argument '7.0' is invalid"],
  ['members add 3', "value '3' is invalid for argument 'ID=HOST:PORT'"],
  ['members remove x', "value 'x' is invalid for argument 'ID'"],
  ['node --data d', "required option '--id <n>' not specified"],
  ['node --id 5 --members 0=a:1,1=b:2 --data d', '--id 5 is not among --members (0, 1)'],
  ['node --id 0 --members 0=a:1,0=b:2 --data d', 'In it the id 0 appears twice'],
  ['node --id 0 --members 0=a:1 --data d --memory', "'--memory' cannot be used with option '--data <dir>'"],
  [
    'node --id 0 --members 0=a:1 --data d --bootstrap --join b:2',
    "'--bootstrap' cannot be used with option '--join",
  ],
  ['node --id 0 --listen a:1 --memory --log-level loud', "'--log-level <level>' argument 'loud' is invalid"],
  [
    'node --id 0 --listen a:1 --memory --supervised',
    '--supervised is for the servers that paxos cluster starts',
  ],
  ['node --id 0 --listen a:1 --memory --allow-faults', '--allow-faults needs --inspect'],
  ['cluster --allow-faults', '--allow-faults needs --inspect'],
  ['cluster --inspect 99999', "'--inspect [PORT]' argument '99999' is invalid"],
  ['inspect a --record b', 'a is shown as it was recorded: leave out --servers and --record'],
  ['cluster --servers 0', "'--servers <n>' argument '0' is invalid"],
  ['cluster --servers 32', "argument '32' is invalid. Give a whole number from 1 to 31"],
  ['cluster --port 65534', '--port 65534 leaves too few ports for --servers 3'],
  ['cluster --host 0.0.0.0', "'--host <host>' argument '0.0.0.0' is invalid"],
]

test.each(wrongUses)('paxos %s', async (args, told) => {
  const { code, stdout, stderr } = await paxos(...args.split(' '))
  expect(stderr).toContain(told)
  expect(stderr).toMatch(/^paxos: [^\n]+\n$/)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
})

test.each([
  ['inspect nowhere.ndjson', 'nowhere.ndjson cannot be read'],
  ['node --id 0 --listen [::]:1 --memory', '--listen is [::]:1, which others cannot reach: give --advertise'],
])('what the files and the addresses of this machine refuse is no wrong use: paxos %s', async (args, told) => {
  const { code, stderr } = await paxos(...args.split(' '))
  expect(code).toBe(1)
  expect(stderr).toMatch(/^paxos: [^\n]+\n$/)
  expect(stderr).toContain(told)
})

test('the help tells the exit codes and how to ask with nc', async () => {
  const { code, stdout, stderr } = await paxos('help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toContain('gave up after --wait')
  expect(stdout.trimEnd().split('\n').at(-1)).toBe(
    `  printf "REQUEST:-1:-1:(21,'LOCK','a')" | nc -u 127.0.0.1 29367`,
  )
})

describe('where no server is', () => {
  test.each([
    'status',
    'lock a',
    'unlock a',
    'members list',
    'members remove 1',
  ])('paxos %s ends with 5 after its timeout', async (command) => {
    const server = `127.0.0.1:${await freePorts(1)}`
    const { code, stdout, stderr } = await paxos(
      ...command.split(' '),
      '--servers',
      server,
      '--timeout',
      '0.3',
    )
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' })
    expect(stderr).toMatch(/^paxos: [^\n]+\n$/)
    expect(stderr).toContain(`no server answered after 0.3 s at ${server}`)
  })
})

test('a value that is too large is wrong use: nothing is sent', async () => {
  const value = 'v'.repeat(33_000)
  const address = `127.0.0.1:${await freePorts(1)}`
  expect(await paxos('kv', 'put', 'k', value, '--servers', address, '--timeout', '20')).toMatchObject({
    ...{ code: 2, stdout: '' },
    stderr: expect.stringContaining('the command takes 33063 bytes of JSON and the limit is 32768'),
  })
})

test('a server with nothing stored starts only when it is told what for, and leaves no directory behind', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'paxos-'))
  const data = join(parent, '0')
  try {
    const address = `127.0.0.1:${await freePorts(1)}`
    const { code, stdout, stderr } = await paxos('node', '--id', '0', '--listen', address, '--data', data)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^paxos: [^\n]+\n$/)
    expect(stderr).toContain(`--data ${data} is empty`)
    expect(await readdir(parent)).toEqual([])
  } finally {
    await rm(parent, { recursive: true })
  }
})
