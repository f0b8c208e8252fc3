import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import type { NodeId } from '../../machines/batch.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import type { SentMessage } from '../../src/core/driver.ts'
import type { FaultRule } from '../../src/inspect/records/control.ts'
import { isControlCommand } from '../../src/inspect/records/control-check.ts'
import { ruleText } from '../../src/inspect/records/rules.ts'
import { type Fate, Faults } from '../../src/node/faults.ts'
import type { Receiver } from '../../src/node/receiver.ts'
import { dropAll } from '../support/fault-rule.ts'
import { ballot } from '../support/role.ts'

const accepted: NodeMessage = { type: 'accepted', ballot: ballot(1, 0), instance: 3 }
const learn: NodeMessage = { type: 'learn', from: 3 }

const names = { incarnation: 'founder-1', addressee: 'founder-0' }

function sent(to: NodeId, message: NodeMessage): SentMessage {
  return { to, address: `127.0.0.1:${to + 1}`, message, names }
}

/** Server 1, and what of its saying and hearing gets through. */
function serverWith(rules: readonly FaultRule[]) {
  const passed: string[] = []
  const fates: Fate[] = []
  const faults = new Faults(1, (fate) => fates.push(fate))
  faults.setRules(rules)
  const outbound = faults.outbound({
    send: ({ to, message }) => passed.push(`${message.type} to ${to}`),
    respond: (to, { type }) => passed.push(`${type} to ${to}`),
    heard: () => undefined,
    lastHeard: () => undefined,
    flag: () => undefined,
    flush: () => undefined,
    close: () => passed.push('close'),
  })
  const inner: Receiver = {
    hear: (sender, { type }) => passed.push(`hears ${type} of ${sender}`),
    request: ({ type }, from) => passed.push(`hears ${type} of ${from}`),
    ask: ({ type }, from) => passed.push(`hears ${type} of ${from}`),
    join: ({ type }, sender) => passed.push(`hears ${type} of ${sender}`),
    invited: ({ type }, sender) => passed.push(`hears ${type} of ${sender}`),
    found: ({ type }, sender) => passed.push(`hears ${type} of ${sender}`),
    founder: ({ type }, sender) => passed.push(`hears ${type} of ${sender}`),
    silent: (reason) => passed.push(`silent: ${reason}`),
    addressOf: () => undefined,
    leaving: () => 7,
  }
  return { passed, fates, faults, outbound, receiver: faults.receiver(inner) }
}

afterEach(() => {
  vi.useRealTimers()
})

test('a rule holds for its link, its kind and its number of messages, and is reported', () => {
  const { passed, fates, outbound } = serverWith([
    { ...dropAll, from: 1, to: 0, message: 'accepted', count: 2 },
  ])
  outbound.send(sent(0, learn))
  outbound.send(sent(2, accepted))
  for (let time = 0; time < 3; time += 1) outbound.send(sent(0, accepted))
  expect(passed).toEqual(['learn to 0', 'accepted to 2', 'accepted to 0'])
  const fate: Fate = {
    from: 1,
    to: 0,
    message: accepted,
    fate: 'dropped',
    reason: 'rule: drop accepted from server 1 to server 0, 2 times',
  }
  expect(fates).toEqual([fate, fate])
})

test('a rule from another server is none of this server', () => {
  const { passed, outbound, receiver } = serverWith([{ ...dropAll, from: 0 }])
  outbound.send(sent(0, accepted))
  receiver.hear(0, accepted, names, '127.0.0.1:1', 1)
  expect(passed).toEqual(['accepted to 0', 'hears accepted of 0'])
})

test('clients are met where they are heard, and where they are answered', () => {
  const { passed, fates, outbound, receiver } = serverWith([{ ...dropAll, from: 'client', to: 1 }])
  receiver.ask({ type: 'hello' }, '127.0.0.1:9')
  receiver.hear(0, accepted, names, '127.0.0.1:1', 1)
  outbound.respond('127.0.0.1:9', { type: 'queued', uid: 'a', seqs: [1] })
  expect(passed).toEqual(['hears accepted of 0', 'queued to 127.0.0.1:9'])
  expect(fates.map(({ from, to, fate }) => ({ from, to, fate }))).toEqual([
    { from: '127.0.0.1:9', to: 1, fate: 'dropped' },
  ])
  const answered = serverWith([{ ...dropAll, to: 'client', message: 'queued' }])
  answered.outbound.respond('127.0.0.1:9', { type: 'queued', uid: 'a', seqs: [1] })
  answered.outbound.send(sent(0, accepted))
  expect(answered.passed).toEqual(['accepted to 0'])
})

test('what is delayed goes on later, what is duplicated goes on twice, and what is held when it closes never does', () => {
  vi.useFakeTimers()
  const { passed, fates, outbound } = serverWith([
    { ...dropAll, to: 0, action: 'delay', delayMs: 200 },
    { ...dropAll, to: 2, action: 'duplicate' },
  ])
  outbound.send(sent(0, accepted))
  outbound.send(sent(2, accepted))
  expect(passed).toEqual(['accepted to 2', 'accepted to 2'])
  vi.advanceTimersByTime(199)
  expect(passed).toHaveLength(2)
  vi.advanceTimersByTime(1)
  expect(passed).toEqual(['accepted to 2', 'accepted to 2', 'accepted to 0'])
  outbound.send(sent(0, accepted))
  outbound.close()
  vi.advanceTimersByTime(1_000)
  expect(passed.slice(3)).toEqual(['close'])
  expect(fates.map(({ fate }) => fate)).toEqual(['delayed', 'duplicated', 'delayed'])
  expect(vi.getTimerCount()).toBe(0)
})

test('a rule that was there goes on counting when others come and go; one that was away begins anew', () => {
  const once: FaultRule = { ...dropAll, to: 0, count: 1 }
  const { passed, faults, outbound } = serverWith([once])
  outbound.send(sent(0, accepted))
  faults.setRules([{ ...dropAll, to: 2 }, { ...once }])
  outbound.send(sent(0, accepted))
  expect(passed).toEqual(['accepted to 0'])
  faults.setRules([])
  faults.setRules([once])
  outbound.send(sent(0, accepted))
  expect(passed).toEqual(['accepted to 0'])
})

test('property: without a rule that fits, all goes on as it is; with some, the first that fits and is not used up holds', () => {
  const party = fc.constantFrom<FaultRule['from']>(0, 1, 2, 'client', 'any')
  const rules = fc.array(
    fc.record<FaultRule>({
      from: party,
      to: party,
      message: fc.constantFrom<FaultRule['message']>('accepted', 'learn', 'queued', 'any'),
      action: fc.constantFrom<FaultRule['action']>('drop', 'duplicate'),
      delayMs: fc.constant(0),
      count: fc.option(fc.integer({ min: 1, max: 3 })),
    }),
    { maxLength: 5 },
  )
  const said = fc.array(fc.record({ to: fc.constantFrom(0, 2), message: fc.constantFrom(accepted, learn) }), {
    maxLength: 20,
  })
  fc.assert(
    fc.property(rules, said, (given, messages) => {
      const { passed, fates, outbound } = serverWith(given)
      const used = given.map(() => 0)
      const expected: string[] = []
      let met = 0
      for (const { to, message } of messages) {
        outbound.send(sent(to, message))
        const place = given.findIndex(
          (known, index) =>
            ['any', 1].includes(known.from) &&
            (known.to === 'any' || known.to === to) &&
            ['any', message.type].includes(known.message) &&
            (known.count === null || (used[index] ?? 0) < known.count),
        )
        const holds = given[place]
        if (holds !== undefined) {
          used[place] = (used[place] ?? 0) + 1
          met += 1
        }
        const times = holds === undefined ? 1 : holds.action === 'drop' ? 0 : 2
        for (let time = 0; time < times; time += 1) expected.push(`${message.type} to ${to}`)
      }
      expect(passed).toEqual(expected)
      expect(fates).toHaveLength(met)
    }),
  )
})

test('only commands in every part are taken for commands', () => {
  const good = [
    { type: 'rules', rules: [] },
    { type: 'rules', rules: [{ ...dropAll, from: 'client', action: 'delay', delayMs: 60_000, count: 3 }] },
    { type: 'timer', node: 0, role: 'proposer', id: 'xstate.after.backoff.proposer.backingOff' },
    { type: 'pause', node: 2 },
    { type: 'request', action: 'lock', name: 'a' },
  ]
  for (const command of good) expect(isControlCommand(command)).toBe(true)
  const bad = [
    null,
    'pause',
    {},
    { type: 'pause' },
    { type: 'pause', node: -1 },
    { type: 'pause', node: 0, more: 1 },
    { type: 'rules', rules: [{ ...dropAll, delayMs: 1e9 }] },
    { type: 'rules', rules: [{ ...dropAll, count: 0 }] },
    { type: 'rules', rules: [{ ...dropAll, message: 'nonsense' }] },
    { type: 'rules', rules: Array.from({ length: 201 }, () => dropAll) },
    { type: 'timer', node: 0, role: 'king', id: 'x' },
    { type: 'request', action: 'steal', name: 'a' },
    { type: 'request', action: 'lock', name: '' },
  ]
  for (const command of bad) expect(isControlCommand(command)).toBe(false)
})

test('a rule is written as a sentence', () => {
  expect(ruleText({ ...dropAll, from: 'client', to: 2, action: 'delay', delayMs: 200, count: 3 })).toBe(
    'delay any message from clients to server 2 by 200 ms, 3 times',
  )
})
