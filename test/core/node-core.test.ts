/** What a node does around its roles: the same for live actors and for steps. */
import { describe, expect, test } from 'vitest'
import { type Boot, nextBoot, nothingVoted } from '../../machines/boot.ts'
import type { Names, RoleEvent, RoleName } from '../../machines/inbox.ts'
import { defaultLimits } from '../../machines/limits.ts'
import type { NodeMessage } from '../../machines/messages.ts'
import { defaultTiming } from '../../machines/timing.ts'
import type { Driver } from '../../src/core/driver.ts'
import { nothingDurable } from '../../src/core/durable.ts'
import { NodeCore, pageRead } from '../../src/core/node-core.ts'
import { lockService } from '../../src/services/lock.ts'
import { Replica } from '../../src/services/replica.ts'
import type { Service } from '../../src/services/service.ts'
import { batchOf } from '../support/batches.ts'
import { copiedBoots } from '../support/copied-boots.ts'
import { recordingDriver } from '../support/driver.ts'
import { ballot, batch, members } from '../support/role.ts'

const incarnation = 'founder-0'
const prepare: NodeMessage = { type: 'prepare', ballot: ballot(1, 1), from: 0 }
const durable = { ...nothingDurable, promised: ballot(3, 1) }
const settings = { timing: defaultTiming, limits: defaultLimits, randomSeed: 1 }

const removal = batchOf(0, [
  { uid: 'u@0', seq: 1, ackedBelow: 1, command: { kind: 'members', change: { action: 'remove', id: 2 } } },
])

/** Server 0 of three, with a driver that writes down what is asked of it. */
function server(parts: Partial<Driver> = {}) {
  const { driver, asked } = recordingDriver(parts)
  const replica = new Replica({ service: lockService as Service, members: members(3), sessions: ['u@0'] })
  const core = new NodeCore({ self: 0, incarnation }, replica, driver)
  return { core, replica, asked }
}

function hears(sender: number, names: Names) {
  return { type: 'hear', sender, names, from: 'h:9', message: prepare } as const
}

describe('what arrives', () => {
  test('from a member goes to the role that hears it', () => {
    const { core, asked } = server()
    core.take(hears(1, { incarnation: 'founder-1', addressee: incarnation }))
    expect(asked).toEqual([
      ['heard', 1, { address: 'h:9', incarnation: 'founder-1' }, true],
      ['deliver', 'acceptor', { ...prepare, sender: 1, incarnation: 'founder-1', knowsUs: true, atMs: 0 }],
    ])
  })

  test('from a server that is no member, and knows this one, is heard as such', () => {
    const { core, asked } = server()
    core.take(hears(7, { incarnation: 'new', addressee: incarnation }))
    expect(asked[0]).toEqual(['heard', 7, { address: 'h:9', incarnation: 'new' }, false])
    expect(asked[1]?.[0]).toBe('deliver')
  })

  test('from an earlier boot of a member is dropped, and from a copy exposes it to the proposer', () => {
    const { core, asked } = server()
    const from = (boot: Boot) =>
      core.take(
        hears(1, {
          incarnation: 'founder-1',
          addressee: incarnation,
          boot: { ...boot, voted: nothingVoted },
        }),
      )
    const first = nextBoot(null, 'a')
    const second = nextBoot(first, 'b')
    const copy = nextBoot(first, 'copy')
    for (const boot of [second, first, copy, second]) from(boot)
    const [one, other] = [second, copy].map((boot) => ({
      boot: { ...boot, voted: nothingVoted },
      voted: nothingVoted,
    }))
    const exposure = { type: 'exposure', node: 1, directory: 'founder-1', one, other }
    const known = { node: 1, incarnation: 'founder-1', latest: one, isMet: true, distrust: null }
    expect(asked.map(([what, ...given]) => (what === 'deliver' ? given : [what, given[0]]))).toEqual([
      ['keepTrust', [known]],
      ['heard', 1],
      ['acceptor', { ...prepare, sender: 1, incarnation: 'founder-1', knowsUs: true, atMs: 0 }],
      ['flag', 'late'],
      ['keepTrust', [{ ...known, distrust: { one, other } }]],
      ['flag', 'copied'],
      ['proposer', { type: 'server.exposed', sender: 1 }],
      ['auditor', { type: 'exposure.wanted', to: [1, 2], exposures: [exposure] }],
      ['flag', 'copied'],
      ['auditor', { type: 'exposure.wanted', to: [1], exposures: [exposure] }],
    ])
    expect(core.memory.trust).toMatchObject([{ node: 1, distrust: expect.anything() }])
    // A server whose boot is heard for the first time may not know of it.
    core.take(
      hears(2, {
        incarnation: 'founder-2',
        addressee: incarnation,
        boot: { ...first, random: 'c', voted: nothingVoted },
      }),
    )
    expect(asked).toContainEqual([
      'deliver',
      'auditor',
      { type: 'exposure.wanted', to: [2, 1], exposures: [exposure] },
    ])
  })

  test('that exposes a directory makes the core distrust it, and tell its server, once', () => {
    const { core, asked } = server()
    const distrust = { type: 'distrust', node: 1, incarnation: 'founder-1', ...copiedBoots } as const
    core.carryOut(distrust)
    const exposure = { type: 'exposure', node: 1, directory: 'founder-1', ...copiedBoots }
    const known = { node: 1, incarnation: 'founder-1', latest: null, isMet: false, distrust: copiedBoots }
    expect(asked).toEqual([
      ['keepTrust', [known]],
      ['flag', 'copied', 1],
      ['deliver', 'proposer', { type: 'server.exposed', sender: 1 }],
      ['deliver', 'auditor', { type: 'exposure.wanted', to: [1], exposures: [exposure] }],
    ])
    core.carryOut(distrust)
    core.carryOut({ ...distrust, incarnation: 'a directory that is not counted' })
    expect(asked).toHaveLength(4)
    core.take(hears(1, { incarnation: 'founder-1', addressee: incarnation }))
    expect(asked[4]).toEqual(['flag', 'copied', 1])
  })

  test('is dropped by a server that has withdrawn, which sends nothing, unless it exposes a directory', () => {
    const { core, asked } = server()
    core.carryOut({ type: 'withdraw', reason: 'a copy' })
    const sender = { incarnation: 'founder-1', addressee: incarnation }
    core.take(hears(1, sender))
    core.take({
      type: 'request',
      message: { type: 'request', uid: 'u', ackedBelow: 1, requests: [] },
      replyTo: 'h:1',
      timeMs: 0,
    })
    core.carryOut({ type: 'send', to: 1, message: prepare })
    core.carryOut({ type: 'send', to: 0, message: prepare })
    core.carryOut({ type: 'respond', to: 'h:1', message: { type: 'queued', uid: 'u', seqs: [1] } })
    expect(asked).toEqual([['withdrawn', 'a copy']])
    const message = { type: 'exposure', node: 0, directory: incarnation, ...copiedBoots } as const
    core.take({ ...hears(1, sender), message })
    expect(asked.at(-1)).toMatchObject(['deliver', 'auditor', { type: 'exposure', sender: 1 }])
  })

  test('from a stranger is dropped, and nothing of it is kept', () => {
    const { core, asked } = server()
    core.take(hears(1, { incarnation: 'another', addressee: null }))
    expect(asked).toEqual([['flag', 'stranger', 1]])
  })
})

describe('what a role sends', () => {
  const sent = (to: number, meant?: string) =>
    ({ type: 'send', to, ...(meant !== undefined && { incarnation: meant }), message: prepare }) as const

  test('goes to the address of the member, after it was reported', () => {
    const { core, asked } = server()
    core.carryOut(sent(1))
    const names = { incarnation, addressee: 'founder-1' }
    expect(asked).toEqual([
      ['observe', { type: 'said', node: 0, to: 1, message: prepare }],
      ['send', { to: 1, address: members(3)[1]?.address, message: prepare, names }],
    ])
  })

  test('to itself comes back, and does not leave', () => {
    const { core, asked } = server()
    core.carryOut(sent(0))
    expect(asked.map(([what]) => what)).toEqual(['observe', 'deliver'])
    expect(asked[1]).toEqual([
      'deliver',
      'acceptor',
      { ...prepare, sender: 0, incarnation, knowsUs: true, atMs: 0 },
    ])
  })

  test('to a server that is no member goes to where it was heard from, or nowhere', () => {
    const { core, asked } = server({
      lastHeard: (id) => (id === 7 ? { address: 'h:7', incarnation: 'new' } : undefined),
    })
    core.carryOut(sent(7, 'new'))
    core.carryOut(sent(8, 'new'))
    expect(asked.map(([what]) => what)).toEqual(['observe', 'send', 'observe'])
    expect(asked[1]).toMatchObject(['send', { to: 7, address: 'h:7' }])
  })
})

describe('a write', () => {
  const write = { by: 'acceptor', promised: durable.promised, accepted: [] } as const

  test('of the acceptor is answered when it has ended, and what the disk holds is reported', () => {
    const { core, asked } = server({ durable: () => durable })
    const event = core.eventAfter(write)
    expect(event).toEqual({ type: 'synced' })
    if (event !== null) core.take(event)
    expect(asked).toEqual([
      ['observe', { type: 'synced', node: 0, durable }],
      ['deliver', 'acceptor', { type: 'persisted' }],
    ])
  })

  test('of the learner is answered by nothing', () => {
    expect(
      server().core.eventAfter({ by: 'learner', chosen: [{ instance: 0, batch: batch('a') }] }),
    ).toBeNull()
  })

  test('is answered also where nobody follows what the disk holds', () => {
    const { core, asked } = server({ durable: () => null })
    core.take({ type: 'synced' })
    expect(asked).toEqual([['deliver', 'acceptor', { type: 'persisted' }]])
  })
})

test('an execution is reported, and the roles receive new members before it, the proposer after the queue', () => {
  const { core, asked } = server()
  core.carryOut({ type: 'execute', instance: 0, batch: removal })
  const [observed, ...delivered] = asked
  expect(observed).toMatchObject(['observe', { type: 'executed', node: 0, instance: 0, digest: null }])
  expect(delivered.map(([, role, event]) => [role, (event as RoleEvent).type])).toEqual([
    ['acceptor', 'members.changed'],
    ['learner', 'members.changed'],
    ['requestQueue', 'members.changed'],
    ['timekeeper', 'members.changed'],
    ['auditor', 'members.changed'],
    ['reader', 'members.changed'],
    ['requestQueue', 'batch.executed'],
    ['proposer', 'batch.executed'],
    ['reader', 'batch.executed'],
  ])
})

test('a page is read by the driver, and the learner receives it', () => {
  const { core, asked } = server()
  const page = { to: 1, incarnation: 'founder-1', from: 4 }
  core.carryOut({ type: 'read', ...page })
  core.take(pageRead(page, [batch('a')]))
  expect(asked).toEqual([
    ['read', page],
    ['deliver', 'learner', { type: 'chosen.read', ...page, batches: [batch('a')] }],
  ])
})

test('what follows from an event comes after those that wait already', () => {
  const order: string[] = []
  const tell = (role: RoleName) => core.take({ type: 'tell', role, event: { type: 'persisted' } })
  const { core } = server({
    deliver: (role) => {
      order.push(role)
      if (role === 'learner') tell('requestQueue')
    },
  })
  core.enter(() => {
    tell('learner')
    tell('proposer')
  })
  expect(order).toEqual(['learner', 'proposer', 'requestQueue'])
})

test('a server begins with the members after what it executed again, and reports that before it', () => {
  const { core, replica, asked } = server()
  const again = core.recover([removal])
  const stored = { ...durable, firstUnchosen: 1 }
  core.started(stored, again)
  expect(replica.members).not.toEqual(members(3))
  expect(asked).toEqual([
    ['observe', { type: 'started', node: 0, incarnation, durable: stored, members: replica.members }],
    ['observe', again[0]],
  ])
  for (const input of Object.values(core.inputs(stored, settings))) {
    expect(input.members).toEqual(replica.members)
  }
})
