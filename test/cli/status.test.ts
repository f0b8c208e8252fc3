import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Answer, unknownMembers } from '../../src/cli/inquire.ts'
import { formatStatus, headings } from '../../src/cli/status.ts'
import { readReport } from '../../src/cli/status-report.ts'

const members = [
  { id: 0, address: '127.0.0.1:1', counted: true },
  { id: 1, address: '127.0.0.1:2', counted: false },
]

function statusOf(id: number, changes = {}) {
  return {
    id,
    address: `127.0.0.1:${id + 1}`,
    cluster: 'c',
    pid: 7,
    state: 'running',
    counted: true,
    roles: {
      acceptor: 'listening',
      proposer: 'accepting.proposing',
      learner: 'following',
      requestQueue: 'empty',
    },
    ballot: { round: 4, node: id },
    promised: null,
    firstUnchosen: 12,
    clockMs: 10_500,
    deadlineMs: null,
    queue: { length: 3, delayed: 2 },
    sessions: 1,
    members,
    datagrams: { received: 1, sent: 2, dropped: { garbage: 1 } },
    ...changes,
  }
}

function answer(server: string, status: Answer['status']): Answer {
  return { server, status, report: readReport(status) }
}

test('a report of another version is not read', () => {
  expect(readReport(statusOf(0))?.id).toBe(0)
  expect([null, {}, 'x', statusOf(0, { queue: 3 })].map(readReport)).toEqual([null, null, null, null])
})

test('what is used of what is allowed has a table of its own, below the members', () => {
  const usage = { members: { used: 3, allowed: 31 }, resultBytes: { used: 5, allowed: 256 } }
  const answers = [
    answer('127.0.0.1:1', statusOf(0, { usage })),
    answer('127.0.0.1:2', statusOf(1, { usage: { members: { used: 2, allowed: 31 } } })),
    answer('127.0.0.1:3', statusOf(2, { usage: { resultBytes: { used: 7, allowed: 512 } } })),
  ]
  expect(formatStatus(answers).split('\n').slice(4)).toEqual([
    '',
    'cluster c, members 0=127.0.0.1:1 1=127.0.0.1:2 (joining)',
    '',
    'USED          SERVER 0  SERVER 1  SERVER 2  ALLOWED',
    'members       3         2         -         31',
    'result bytes  5/256     -         7/512',
  ])
})

test('status is a table with a row a server, and the members', () => {
  const answers = [
    answer('127.0.0.1:1', statusOf(0)),
    answer('127.0.0.1:2', statusOf(1, { counted: false, ballot: null, deadlineMs: 12_000 })),
    answer('127.0.0.1:3', null),
    answer('127.0.0.1:4', { version: 99 }),
  ]
  expect(formatStatus(answers).split('\n')).toEqual([
    'SERVER  ADDRESS      STATE                                  ACCEPTOR   PROPOSER             LEARNER    QUEUE  BALLOT  UNCHOSEN  SNAPSHOT  HELD  DELAYED  SESSIONS  DEADLINE',
    '0       127.0.0.1:1  running                                listening  accepting.proposing  following  empty  4.0     12        -         3     2        1         -',
    '1       127.0.0.1:2  running, not counted                   listening  accepting.proposing  following  empty  -       12        -         3     2        1         1.5 s',
    '-       127.0.0.1:3  no answer',
    '-       127.0.0.1:4  answers with another version of paxos',
    '',
    'cluster c, members 0=127.0.0.1:1 1=127.0.0.1:2 (joining)',
  ])
})

test('servers of different clusters are told apart by a warning', () => {
  const lines = formatStatus([
    answer('127.0.0.1:1', statusOf(0)),
    answer('127.0.0.1:2', statusOf(1, { cluster: 'anew' })),
    answer('127.0.0.1:3', statusOf(2)),
  ]).split('\n')
  expect(lines).toContain(
    'warning: these servers belong to different clusters: server 0 at 127.0.0.1:1, server 2 at 127.0.0.1:3 to c; ' +
      'server 1 at 127.0.0.1:2 to anew. A client of all of them uses the one that answers first: stop the servers of the wrong cluster',
  )
  expect(formatStatus([answer('127.0.0.1:1', statusOf(0))])).not.toContain('warning')
})

test('a dispute is shown once for all servers that agree about its place, below the members', () => {
  const dispute = { instance: 17, isFirst: true }
  const answers = [
    answer('127.0.0.1:1', statusOf(0, { dispute })),
    answer('127.0.0.1:2', statusOf(1, { dispute: { instance: 9, isFirst: false } })),
    answer('127.0.0.1:3', statusOf(2, { dispute })),
    answer('127.0.0.1:4', statusOf(3, { dispute: null })),
  ]
  expect(formatStatus(answers).split('\n').slice(-3)).toEqual([
    'server 0, 2: requests for the service are refused, because outcomes differ since instance 17 and no quorum agrees',
    'server 1: requests for the service are refused, because outcomes differ at instance 9 or before and no quorum agrees',
    'a server that joins now takes the state of the server that --join names, and is counted with it: choose the one whose answers are to hold',
  ])
})

test('a member that nobody can send to is shown with what is wrong, and the others are asked', () => {
  const strange = [
    { id: 0, address: '127.0.0.1:1', counted: true },
    { id: 1, address: '[::ffff:7f00:1]:2', counted: true },
    { id: 2, address: 'nonsense', counted: true },
    { id: 3, address: '0.0.0.0:5\u001b[2J', counted: true },
    { id: 4, address: '0.0.0.0:5', counted: true },
  ]
  const answers = [answer('127.0.0.1:1', statusOf(0, { members: strange }))]
  const { others, faulty } = unknownMembers(answers)
  expect(others).toEqual(['127.0.0.1:2'])
  expect(faulty.map(({ server }) => server)).toEqual(['nonsense', '0.0.0.0:5\\x1b[2J', '0.0.0.0:5'])
  const text = formatStatus([...answers, ...faulty])
  expect(text).toContain('nonsense  ')
  expect(text).toContain("server 0 has server 2 there: 'nonsense' is not an address: give HOST:PORT")
  expect(text).toContain(
    "server 0 has server 4 there: '0.0.0.0:5' is not an address to send to: other machines cannot send to it",
  )
  expect(text).not.toContain('\u001b')
})

test('no server has this program ask thousands of others', () => {
  const many = Array.from({ length: 10_000 }, (_, id) => ({
    id,
    address: `10.0.0.1:${id + 1}`,
    counted: true,
  }))
  const { others } = unknownMembers([answer('127.0.0.1:1', statusOf(0, { members: many }))])
  expect(others).toHaveLength(100)
})

test('members are told apart where servers know different ones', () => {
  const lines = formatStatus([
    answer('127.0.0.1:1', statusOf(0)),
    answer('127.0.0.1:2', statusOf(1, { members: members.slice(0, 1) })),
    answer('127.0.0.1:3', statusOf(2)),
  ]).split('\n')
  expect(lines.slice(-2)).toEqual([
    'server 0, 2: cluster c, members 0=127.0.0.1:1 1=127.0.0.1:2 (joining)',
    'server 1: cluster c, members 0=127.0.0.1:1',
  ])
})

test('README explains each column', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  const legend = readme.split('### What `paxos status` shows')[1]?.split('\n## ')[0]
  for (const heading of headings.slice(2)) expect(legend).toContain(`\`${heading}\``)
})
