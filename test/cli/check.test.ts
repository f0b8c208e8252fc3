import { expect, test } from 'vitest'
import { Store } from '../../inspector/model/store.ts'
import { Playground } from '../../inspector/playground/playground.ts'
import { readSchedule } from '../../inspector/playground/read.ts'
import { type Adapt, endOf } from '../../inspector/playground/session.ts'
import { acceptorMachine } from '../../machines/acceptor.ts'
import { check } from '../../src/checker/check.ts'
import { linkLines, reportLines } from '../../src/cli/check.ts'
import { parseLink } from '../../src/transcript/link.ts'
import { three } from '../checker/bounds.ts'
import { paxos } from './paxos.ts'

test('paxos check searches all that it is told to, and says what it reached', async () => {
  const { code, stdout, stderr } = await paxos('check', '--bounds', 'admission', '--witness', 'newMembers')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^admission: two instances/)
  expect(stdout).toMatch(/\d+ states, \d+ of them done, \d+ transitions, depth \d+, \d+ states\/s, \d+ MiB/)
  expect(stdout).toContain('reached newQuorum, in')
  expect(stdout).toContain('\nservers 2\n')
  expect(stdout).toMatch(/holds: every schedule was tried, \d+ states\n$/)
})

test('bounds of one’s own, as one JSON object', async () => {
  const { code, stdout } = await paxos(
    'check',
    '--servers',
    '2',
    '--ballots',
    '1',
    '--crashes',
    '1',
    '--json',
  )
  const { verdict, bounds, reached } = JSON.parse(stdout)
  expect({ code, verdict }).toEqual({ code: 0, verdict: 'holds' })
  expect(bounds).toMatchObject({ servers: 2, rounds: 1, crashes: 1, crashing: [0, 1] })
  expect(reached.map(({ name }: { name: string }) => name)).toEqual(['chosen', 'afterCrash'])
})

test('a search that is given up holds nothing, and the exit code says so', async () => {
  const { code, stderr } = await paxos('check', '--bounds', 'ballots', '--states', '100')
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^paxos: ballots: stopped at \d+ states: nothing broke so far, and not everything was tried\n$/,
  )
})

test('a witness that is not reached is told of, and the exit code says so', async () => {
  const { code, stdout, stderr } = await paxos('check', '--bounds', 'delayed', '--witness', 'duel')
  expect(stdout).toMatch(/holds: every schedule was tried, \d+ states\n$/)
  expect(stderr).toBe('paxos: delayed: no schedule reaches duel\n')
  expect(code).toBe(1)
})

test.each([
  ['--bounds frobnicate', "There are no bounds 'frobnicate'. Give some of single, "],
  ['--bounds single --servers 3', 'give either --bounds or bounds of your own'],
  ['--servers 2 --proposers 3', 'proposers is 3: there are 2 servers'],
  ['--servers 9', "'--servers <n>' argument '9' is invalid"],
])('paxos check %s', async (args, told) => {
  const { code, stdout, stderr } = await paxos('check', ...args.split(' '))
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain(told)
})

test('what breaks is shown as a transcript', () => {
  const acceptor = acceptorMachine.provide({ guards: { promisedMore: () => false } })
  const report = check({
    bounds: three,
    reaches: [],
    adapt: (settings) => ({ ...settings, machines: { ...settings.machines, acceptor } }),
  })
  const lines = reportLines(report)
  expect(lines.join('\n')).toContain(
    'broken, in 3 events: the acceptor breaks an invariant of its context: the promise has decreased',
  )
  expect(lines.at(-1)).toMatch(/^# It breaks this: the acceptor breaks .*\nservers 3\n/)
})

test('what breaks is linked to: with the fault the page shows the same, without it says that nothing breaks', async () => {
  const acceptor = acceptorMachine.provide({ guards: { promisedMore: () => false } })
  const adapt: Adapt = (settings) => ({ ...settings, machines: { ...settings.machines, acceptor } })
  const { broken } = check({ bounds: three, reaches: [], adapt })
  const [line = ''] = await linkLines({ broken })
  expect(line).toMatch(/^In the playground: #playground&\S+$/)
  const link = line.slice(line.indexOf('#'))
  const { session } = readSchedule((await parseLink(link)).schedule ?? '', adapt)
  expect(session === null ? null : endOf(session).failure).toBe(broken?.message)
  const store = new Store({ kind: 'playground' }, (run) => run())
  const playground = new Playground(store, () => () => undefined)
  await playground.openLink(link)
  expect(playground.state.problem).toContain(`it reports "${broken?.message}", which does not happen here`)
  expect(await linkLines({ broken: null })).toEqual([])
})
