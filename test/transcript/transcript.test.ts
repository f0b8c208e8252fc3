import { describe, expect, test } from 'vitest'
import { acceptorMachine } from '../../machines/acceptor.ts'
import { roleMachines } from '../../src/core/roles.ts'
import type { ClusterSettings } from '../../src/schedule/cluster.ts'
import { runTranscript } from '../../src/transcript/file.ts'
import { grammar, parseCommand } from '../../src/transcript/parse.ts'
import { writeTranscript } from '../../src/transcript/write.ts'

const failureOf = (...lines: string[]) => runTranscript(lines.join('\n')).failure

describe('the commands of a transcript', () => {
  test('are read with either arrow, and with the spaces that somebody likes', () => {
    expect(parseCommand('deliver 0->1 accept')).toEqual(parseCommand('  deliver   0→1  accept '))
  })

  test.each([
    'servers 3',
    'servers 3 kv',
    'servers 3 ttl 10000 a',
    'servers 3 kv ttl 10000 a',
    'request a→0 touch',
    'wait 500',
    'request a→0 lock x',
    'request a→0 unlock x 3.0',
    'request a→0 members remove 1',
    'request a→0 {"action":"put","key":"a  ->b","value":1}',
    'give-up a#1',
    'resend a#1→2',
    'resend a#1→2, not for server 0',
    'request a→0 lock x, not for server 1',
    'deliver 0→1 accept #2',
    'deliver all',
    'deliver all 0→1',
    'deliver all prepare',
    'drop a→0 request',
    'duplicate 0→a response',
    'sync 0',
    'fail-sync 0 keeping 1',
    'timer 0 proposer.retransmitInterval',
    'timer a askInterval',
    'crash 2',
    'crash 2 keeping all',
    'restart 2',
    'join 3',
    'join 3 via 0',
    'greet 3 via 0',
    'cut 0 from 1 2',
    'cut 0→1',
    'heal',
    'settle',
    'settle with timers quietly',
    'expect 0 proposer leading',
    'expect a idle',
    'show',
  ])('%s', (line) => {
    const { verb } = parseCommand(line)
    const word = line.split(' ')[0]
    expect(word === verb || ['one', 'all', 'event'].includes(verb)).toBe(true)
    expect(grammar).toContain(String(word))
  })

  test.each([
    'deliver',
    'deliver 0→1',
    'deliver accept',
    'deliver 0→1 accept #0',
    'deliver all 0→1 accept now',
    'timer 0 clerk.interval',
    'expect 0 leading',
    'expect a client idle',
    'expect a#1 idle',
    'crash x',
    'crash 1 keeping',
    'join 3 with 0',
    'request 0→1 lock x',
    'request a→b lock x',
    'request a→0',
    'servers 3 chubby',
    'servers 3 kv lock',
    'servers 3 ttl 10000',
    'servers 3 ttl 10000 a b',
    'servers 3 ttl a',
    'servers 3 ttl 10000 operator',
    'wait',
    'settle down',
    'resend a#1',
    'give-up 0#1',
    'vote 0',
  ])('%s is refused by its own words', (line) => {
    expect(() => parseCommand(line)).toThrow(line)
  })

  test.each([
    'timer a#1 askInterval',
    'expect a#1 answered',
  ])('%s of an earlier version is refused by name', (line) => {
    expect(() => parseCommand(line)).toThrow(`"${line}" is of an earlier version`)
  })

  test('a server that the client has left is not part of the command', () => {
    expect(parseCommand('request a→0 {"put":", not for server 2"}, not for server 1')).toEqual({
      verb: 'request',
      client: 'a',
      server: 0,
      words: '{"put":", not for server 2"}',
      avoid: 1,
    })
    expect(parseCommand('resend a#1→0, not for server 1')).toEqual({
      verb: 'event',
      event: { type: 'resend', client: 'a', seq: 1, server: 0, avoid: 1 },
    })
  })

  test('JSON stays as it was written', () => {
    expect(parseCommand('request a→0  {"action":"put","key":"x -> y","value":"two  spaces"}')).toMatchObject({
      words: '{"action":"put","key":"x -> y","value":"two  spaces"}',
    })
  })
})

describe('a transcript', () => {
  test('ends where it cannot go on, and says where', () => {
    expect(failureOf('sync 0')).toContain('line 1, "sync 0": a transcript begins with: servers 3')
    expect(failureOf('servers 3', 'deliver 0→1 accept')).toContain('line 2, "deliver 0→1 accept": no such')
    expect(failureOf('servers 3', 'servers 3')).toContain('founded already')
    expect(failureOf('servers 0')).toContain('at least one server')
    expect(failureOf('servers 3', '', '# a comment', 'expect 0 proposer leading')).toContain(
      'line 4, "expect 0 proposer leading": 0 proposer is idle, but should be leading',
    )
    expect(failureOf('servers 3', 'timer 0 proposer.backoff')).toContain('no such timer is armed')
    expect(failureOf('servers 3', 'request a→0 sing x')).toContain('"sing x" is not a command of a client')
  })

  test('leaves out what is indented, keeps comments, and goes no further than what failed', () => {
    const { text, failure } = runTranscript('# About.\n\nservers 1\n  an old line\n\nsync 0\n\nshow\n')
    expect(failure).toContain('line 6')
    expect(text).toBe(
      '# About.\n\nservers 1\n  0 starts with an empty disk\n\nsync 0\n  failed: no sync is under way\n\nshow\n',
    )
  })

  test('may run the key-value store', () => {
    const { text, failure } = runTranscript(
      'servers 1 kv\nrequest a→0 {"action":"put","key":"x","value":1}\nsettle\nexpect a idle',
    )
    expect(failure).toBeNull()
    expect(text).toContain('executed at 0.0, version 1')
  })

  test('shows what a fault breaks', () => {
    const forgetful = (settings: ClusterSettings): ClusterSettings => ({
      ...settings,
      machines: {
        ...roleMachines,
        acceptor: acceptorMachine.provide({ guards: { promisedMore: () => false } }),
      },
    })
    const commands = [
      'servers 3',
      'request a→0 lock x',
      'deliver a→0 request',
      'request b→1 lock x',
      'deliver b→1 request',
      'sync 1',
      'deliver 1→2 prepare',
      'sync 2',
      'deliver 0→2 prepare',
      'sync 2',
    ].join('\n')
    expect(runTranscript(commands).failure).toContain('no sync is under way')
    const { failure } = runTranscript(commands, { adapt: forgetful })
    expect(failure).toContain('the acceptor breaks an invariant of its context: the promise has decreased')
  })

  test('is written from events that name a datagram by what it is', () => {
    const { text, failure } = writeTranscript({
      servers: 3,
      about: ['One prepare.'],
      events: [
        {
          type: 'request',
          client: 'a',
          server: 0,
          command: { kind: 'service', body: { action: 'lock', name: 'x' } },
        },
        { type: 'deliver', flight: 1 },
        {
          type: 'deliver',
          from: 0,
          to: 2,
          message: { type: 'prepare', ballot: { round: 1, node: 0 }, from: 0 },
        },
      ],
    })
    expect(failure).toBeNull()
    expect(text).toMatch(/^# One prepare\.\nservers 3\n/)
    expect(text).toContain('\ndeliver 0→2 prepare\n  2: acceptor → persisting\n')
  })
})
