/** The guided tour says nothing that the machines do not do. */
import { describe, expect, test } from 'vitest'
import { readSchedule } from '../../inspector/playground/read.ts'
import { happened } from '../../inspector/playground/session.ts'
import { paceMs, tourStretches, tourText } from '../../inspector/tour/schedule.ts'
import { type TourStep, tourSteps } from '../../inspector/tour/steps.ts'
import { acceptorMachine } from '../../machines/acceptor.ts'
import { clientMachine } from '../../machines/client.ts'
import { learnerMachine } from '../../machines/learner.ts'
import type { Member } from '../../machines/members.ts'
import { proposerMachine } from '../../machines/proposer.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { requestQueueMachine } from '../../machines/request-queue.ts'
import { statesOf } from '../../src/core/chart-edges.ts'
import { serverOf } from '../../src/schedule/cluster.ts'
import { parseCommand } from '../../src/transcript/parse.ts'
import { TranscriptRun } from '../../src/transcript/run.ts'

interface RunStep {
  readonly step: TourStep
  readonly run: TranscriptRun
  readonly told: readonly string[]
}

/** The tour up to the end of a step, numbered from 1, and what that step made happen. */
function runTo(count: number): RunStep {
  const run = new TranscriptRun()
  const steps = tourSteps.slice(0, count)
  const told = steps.map(({ lines }) => {
    const said: string[] = []
    for (const line of lines) run.run(line, (text) => said.push(text.trim()))
    return said
  })
  return { step: steps.at(-1)!, run, told: told.at(-1)! }
}

const chartStates = [acceptorMachine, proposerMachine, learnerMachine, requestQueueMachine, clientMachine]
  .flatMap(({ root }) => statesOf(root))
  .map(({ id }) => id)

test('twelve steps, and each role is where they say that it is', () => {
  expect(tourSteps).toHaveLength(12)
  const { run } = runTo(12)
  expect(run.events.length).toBeGreaterThan(100)
})

test.each(tourSteps.map((step, place) => [place + 1, step] as const))('step %i', (number, step) => {
  const verbs = step.lines.map((line) => parseCommand(line).verb)
  expect(verbs, 'something happens').toContainEqual(expect.not.stringMatching(/^(expect|servers)$/))
  expect(verbs, 'something is claimed of it').toContain('expect')
  for (const look of step.look) if (look.kind === 'state') expect(chartStates).toContain(look.id)
  for (const paragraph of [...step.text, step.seen]) expect(paragraph.length).toBeLessThan(420)
  // What it shows is where a role is said to be in this step, or was at the end of the one before.
  const claims = [...(tourSteps[number - 2]?.lines ?? []), ...step.lines].filter((line) =>
    /^expect/.test(line),
  )
  for (const look of step.look) {
    if (look.kind !== 'state') continue
    const [machine, ...path] = look.id.split('.')
    const isClaimed = (line: string) =>
      line.endsWith(` ${path.join('.')}`) &&
      (machine === 'client' ? /^expect [a-z]\w* \S+$/.test(line) : line.includes(` ${machine} `))
    expect(claims.some(isClaimed), look.id).toBe(true)
  }
})

test('2 and 3: nothing is promised before the sync', () => {
  expect(runTo(2).told.join('\n')).not.toContain('promise')
  const { told } = runTo(3)
  const [synced, said] = [told.indexOf('1 has on disk: promised 1.0'), told.findIndex(isPromiseOf(1))]
  expect(synced).toBeGreaterThanOrEqual(0)
  expect(said).toBeGreaterThan(synced)
})

function isPromiseOf(server: number): (line: string) => boolean {
  return (line) => line.startsWith(`${server}→`) && line.includes(' promise ')
}

test('4: the batch is proposed on the promises of servers 0 and 1', () => {
  const { told, run } = runTo(4)
  expect(told).toContainEqual('0→0,1,2 accept 1.0 instance 0 [a#1 lock x]')
  expect(serverOf(run.state, 2).node.running?.roles.acceptor.context.promised).toBeNull()
})

test('5: chosen by servers 0 and 1; server 2 has not heard of it', () => {
  const { told, run } = runTo(5)
  const accepting = told.filter((line) => line.includes('has on disk: accepted [a#1 lock x] at 1.0'))
  expect(accepting.map((line) => line[0])).toEqual(['1', '0'])
  expect(serverOf(run.state, 2).node.running?.roles.acceptor.context.accepted).toEqual([])
})

test('6: no prepare; the others execute instance 0 by the accept for instance 1, and do not know of instance 1', () => {
  const { told, run } = runTo(6)
  const second = told.slice(told.findIndex((line) => line.includes('b#1')))
  expect(second.filter((line) => /^\d→.* prepare /.test(line))).toEqual([])
  for (const server of [1, 2]) {
    const heard = second.indexOf(`deliver 0→${server} accept`)
    expect(second[heard + 1]).toContain(`${server} executes instance 0`)
    expect(firstUnchosen(run, server)).toBe(1)
  }
  expect(firstUnchosen(run, 0)).toBe(2)
})

function firstUnchosen(run: TranscriptRun, server: number): number | undefined {
  return serverOf(run.state, server).node.running?.roles.learner.context.firstUnchosen
}

test('7: what is accepted by servers 0 and 2 is chosen, and nobody knows it', () => {
  const { told, run } = runTo(7)
  const accepting = told.filter((line) => line.includes('accepted [a#2 lock z] at 1.0 in instance 2'))
  expect(
    isQuorum(
      [0, 1, 2],
      accepting.map((line) => Number(line[0])),
    ),
  ).toBe(true)
  for (const server of [0, 1, 2]) expect(firstUnchosen(run, server)).toBeLessThanOrEqual(2)
  expect(told.join('\n')).toMatch(/1→0 denial of 1\.0 .*promised 2\.1/)
})

test('8: the batch of client a is carried on before that of client c', () => {
  const { told } = runTo(8)
  expect(told).toContain('1→0,1,2 accept 2.1 instance 2 [a#2 lock z]')
  expect(told).toContain('1→0,1,2 accept 2.1 instance 3 [c#1 lock x]')
})

test('9: every server that executes instance 3 finds the request delayed', () => {
  expect(runTo(9).told).toContain('1 executes instance 3 [c#1 lock x]: c#1 delayed, waits for c@0#1')
})

test('10: the request was chosen twice, and is executed once', () => {
  const { told } = runTo(10)
  expect(told).toContain('1 executes instance 5 [c#1 lock x]: c#1 executed at 5.0, token 4')
})

test('11: a write is lost with the crash, and nothing that was said', () => {
  const { told } = runTo(11)
  expect(told).toContain('0 is gone, and 1 of its writes with it')
  const restarted = told.find((line) => line.startsWith('0 starts with'))
  expect(restarted).toContain('promised 2.1')
  expect(restarted).toContain(
    'accepted [a#3 unlock x] at 2.1 in instance 4, [c#1 lock x] at 2.1 in instance 5',
  )
  expect(told).toContainEqual(
    expect.stringMatching(/^1→0 chosen from instance 4: (\[[^\]]*\] ?){4}, all chosen below 8$/),
  )
})

test('12: server 3 is counted, by itself and by server 1', () => {
  const { run } = runTo(12)
  for (const server of [1, 3]) {
    const members = serverOf(run.state, server).node.running?.roles.acceptor.context.members
    expect(members.map((member: Member) => member.id)).toEqual([0, 1, 2, 3])
  }
})

describe('in the playground', () => {
  const { session, problem } = readSchedule(tourText)

  test('the tour can be opened, and each step is found in it', () => {
    expect(problem).toBeNull()
    const stretches = tourStretches(session!)
    const ends = tourSteps.map((_, step) => runTo(step + 1).run.events.length)
    expect(stretches?.map((stretch) => stretch.ends)).toEqual(ends)
    expect(stretches?.map((stretch) => stretch.begins)).toEqual([0, ...ends.slice(0, -1)])
  })

  test('a reader who takes another way has left it', () => {
    const elsewhere = happened({ ...session!, at: 5 }, { type: 'crash', server: 2, survived: 0 })
    expect(tourStretches(elsewhere)).toBeNull()
  })

  test('no step takes longer than a quarter of a minute, and none rushes', () => {
    for (const stretch of tourStretches(session!) ?? []) {
      const events = stretch.ends - stretch.begins
      expect(events).toBeGreaterThan(0)
      expect(paceMs(stretch)).toBeGreaterThanOrEqual(250)
      expect(events * paceMs(stretch)).toBeLessThanOrEqual(15_000)
    }
  })
})
