import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { drawnEvent, type Odds, usualOdds } from '../../../inspector/playground/chance.ts'
import { choicesIn } from '../../../inspector/playground/choices.ts'
import { readSchedule } from '../../../inspector/playground/read.ts'
import { scenarios } from '../../../inspector/playground/scenarios.ts'
import {
  begun,
  endOf,
  happened,
  here,
  mostEvents,
  movedTo,
  placeAt,
  type Session,
  scheduleText,
  switchedTo,
} from '../../../inspector/playground/session.ts'
import { emptyPicture, pictureAfter } from '../../../src/inspect/records/picture.ts'
import { possibleEvents } from '../../../src/schedule/possible.ts'
import { runTranscript } from '../../../src/transcript/file.ts'
import { mutations } from '../../mutations/all.ts'

const root = join(import.meta.dirname, '../../..')
const textOf = (file: string) => readFileSync(join(root, 'scenarios', file), 'utf8')

const asked = (session: Session, client = 'a') =>
  happened(session, {
    type: 'request',
    client,
    server: 0,
    command: { kind: 'service', body: { action: 'lock', name: 'x' } },
  })

/** The only message that flies is delivered. */
function delivered(session: Session): Session {
  const flying = here(session).state.flying[0]
  if (flying === undefined) throw new Error('nothing flies')
  return happened(session, { type: 'deliver', flight: flying.id })
}

describe('back, again, and another way', () => {
  const start = begun({ servers: 3, service: 'lock' })
  const two = delivered(asked(start))

  test('back is where it was, and again is the same point', () => {
    const back = movedTo(two, 1)
    expect(here(back)).toBe(two.path[1])
    expect(here(movedTo(two, -3))).toBe(start.path[0])
    const again = delivered(back)
    expect(again.path).toEqual(two.path)
    expect(here(again)).toBe(here(two))
    expect(again.ends).toHaveLength(1)
  })

  test('another event begins a branch, and the first is still there', () => {
    const forked = happened(movedTo(two, 1), { type: 'drop', flight: 1 })
    expect(forked.ends).toEqual([endOf(two), endOf(forked)])
    expect(here(forked).line).toBe('drop a→0 request')
    const home = switchedTo(forked, endOf(two))
    expect(home.path).toEqual(two.path)
    // What the other branch did is gone to, and not done a second time.
    const across = happened(movedTo(home, 1), { type: 'drop', flight: 1 })
    expect(here(across)).toBe(here(forked))
    expect(across.ends).toHaveLength(2)
  })

  test('a place is found by the records that are shown', () => {
    const [founded, request, delivery] = two.path.map(({ recordsEnd }) => recordsEnd)
    expect(placeAt(two, founded ?? 0)).toBe(0)
    expect(placeAt(two, (request ?? 0) - 1)).toBe(0)
    expect(placeAt(two, request ?? 0)).toBe(1)
    expect(placeAt(two, delivery ?? 0)).toBe(2)
    expect(placeAt(two, 0)).toBe(0)
  })

  test('what cannot happen is refused, and changes nothing', () => {
    expect(() => happened(start, { type: 'deliver', flight: 9 })).toThrow('no datagram 9')
    expect(() => happened(start, { type: 'sync', server: 0 })).toThrow('no sync is under way')
    expect(() => begun({ servers: 8, service: 'lock' })).toThrow(RangeError)
    expect(start.path).toHaveLength(1)
  })
})

describe('a schedule that is read', () => {
  test.each(scenarios)('$name ends where its transcript does, and is written so that it does so again', ({
    file,
  }) => {
    const { session, problem } = readSchedule(textOf(file))
    expect(problem).toBeNull()
    if (session === null) throw new Error('no session')
    const { run } = runTranscript(textOf(file))
    expect(endOf(session).state).toEqual(run.state)
    expect(session.path.slice(1).map(({ event }) => event)).toEqual(run.events)
    expect(session.path.some(({ note }) => note.length > 0)).toBe(true)
    const again = readSchedule(scheduleText(session)).session
    expect(again && endOf(again).state).toEqual(endOf(session).state)
    expect(again?.path[0]?.note).toEqual(session.path[0]?.note)
  })

  test.each([
    ['', 'no cluster is founded'],
    ['servers 3\nfly away', 'line 2, "fly away": "fly away" is not a command of a transcript'],
    ['servers 99', 'line 1, "servers 99": 99 servers'],
    ['sync 0', 'a transcript begins with: servers 3'],
    ['servers 3\nsync 0', 'line 2, "sync 0": no sync is under way'],
    ['servers 3\ncrash 7', 'there is no server 7'],
    ['servers 3\nrequest a→0 {"action":', 'is not JSON'],
    ['servers 3\nexpect 0 proposer leading', 'should be leading'],
    ['\u0000\u0001PNG\ufffd', 'is not a command'],
  ])('%j says what is wrong', (text, expected) => {
    expect(readSchedule(text).problem).toContain(expected)
  })

  test('a comment is kept at the event that it is about', () => {
    const { session } = readSchedule('# About.\nservers 3\n# It asks.\nrequest a→0 lock x\nsettle\n')
    expect(session?.path.slice(0, 3).map(({ note }) => note)).toEqual([['About.'], ['It asks.'], []])
  })
})

test('an invariant that a planted fault breaks is shown as broken, and nothing comes after it', () => {
  const fault = mutations.find(({ name }) => name === 'takes what it accepted at another ballot for chosen')
  if (fault === undefined) throw new Error('there is no such fault')
  const text = readFileSync(join(root, 'test/mutations/schedules/losers-implied.txt'), 'utf8')
  expect(readSchedule(text).problem).toBeNull()
  const { session } = readSchedule(text, fault.plant)
  if (session === null) throw new Error('no session')
  const { failure } = endOf(session)
  expect(failure).toMatch(/^invariant \d/)
  const picture = session.path.flatMap(({ records }) => records).reduce(pictureAfter, emptyPicture)
  const broken = picture.invariants.filter(({ standing }) => standing === 'broken')
  expect(broken.map(({ text: said }) => said)).toEqual([failure])
  expect(() => asked(movedTo(session, Number.POSITIVE_INFINITY))).toThrow('no event can follow a failure')
})

test('all that is possible can be picked, by names that differ', () => {
  let session = asked(asked(begun({ servers: 3, service: 'lock' })), 'b')
  const odds: Odds = { ...usualOdds, crash: 5, drop: 10 }
  for (let i = 0; i < 150; i += 1) {
    const { state, depth } = here(session)
    const rows = choicesIn(state).flatMap((group) => group.rows)
    const choices = rows.flatMap((row) => row.choices)
    const offered = choices.map(({ event }) => JSON.stringify(event))
    for (const event of possibleEvents(state)) expect(offered).toContain(JSON.stringify(event))
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length)
    // Each can be done.
    const some = choices[depth % choices.length]
    if (some !== undefined) happened(session, some.event)
    const event = drawnEvent(here(session), 'lock', 5, odds)
    if (event === null) throw new Error('chance has nothing left')
    session = happened(session, event)
  }
})

test('what is said of a choice is said in words', () => {
  const session = happened(asked(begun({ servers: 3, service: 'lock' })), { type: 'deliver', flight: 1 })
  const titles = choicesIn(here(session).state).flatMap(({ rows }) =>
    rows.flatMap(({ choices }) => choices.map(({ title }) => title)),
  )
  expect(titles).toContain('Deliver prepare 1.0 from instance 0 from server 0 to server 2')
  expect(titles).toContain('Crash, 0 of 1 kept: server 0')
})

describe('chance', () => {
  const play = (seed: number, service: 'lock' | 'kv', count: number) => {
    let session = begun({ servers: 3, service })
    for (let i = 0; i < count; i += 1) {
      const event = drawnEvent(here(session), service, seed, usualOdds)
      if (event === null) throw new Error('chance has nothing left')
      session = happened(session, event)
      expect(here(session).failure).toBeNull()
    }
    return session
  }

  test('brings the same for the same seed, and other things for another', () => {
    expect(scheduleText(play(3, 'lock', 80))).toBe(scheduleText(play(3, 'lock', 80)))
    expect(scheduleText(play(3, 'lock', 80))).not.toBe(scheduleText(play(4, 'lock', 80)))
  })

  test.each(['lock', 'kv'] as const)('brings everything in time, service %s', (service) => {
    const types = new Set(play(8, service, 500).path.map(({ event }) => event?.type))
    for (const type of [
      'request',
      'deliver',
      'drop',
      'duplicate',
      'sync',
      'crash',
      'restart',
      'timer',
    ] as const) {
      expect(types).toContain(type)
    }
  })

  test('has nothing left at rest when nobody asks', () => {
    const odds: Odds = { drop: 0, duplicate: 0, crash: 0, restart: 0, timer: 0, request: 0 }
    expect(drawnEvent(here(begun({ servers: 3, service: 'lock' })), 'lock', 1, odds)).toBeNull()
  })
})

test('a schedule has an end', () => {
  let session = begun({ servers: 1, service: 'lock' })
  for (let i = 0; i < mostEvents; i += 1) session = happened(session, { type: 'heal' })
  expect(() => happened(session, { type: 'heal' })).toThrow('at most 5000 events')
})
