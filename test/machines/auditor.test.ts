import { describe, expect, test } from 'vitest'
import type { AuditorContext } from '../../machines/auditor.ts'
import { auditorMachine } from '../../machines/auditor.ts'
import type { NodeId } from '../../machines/batch.ts'
import type { AuditorEvent } from '../../machines/inbox.ts'
import { foundingIncarnation, type Member } from '../../machines/members.ts'
import { defaultTiming } from '../../machines/timing.ts'
import { copiedBoots } from '../support/copied-boots.ts'
import { member, members, Role, said, sentBy } from '../support/role.ts'

function auditor(of: readonly Member[] = members(3)): Role<AuditorContext> {
  return new Role(auditorMachine, {
    self: 0,
    incarnation: foundingIncarnation(0),
    members: of,
    timing: defaultTiming,
  })
}

const noticed = (instance: number, ...own: readonly string[]): AuditorEvent => ({
  type: 'difference.noticed',
  instance,
  own,
})
const compare = (sender: NodeId, instance: number, digest: string, own: readonly string[] | null) =>
  ({ type: 'compare', instance, digest, own, ...sentBy(sender) }) as const
const compared = (sender: NodeId, instance: number, ...digests: readonly string[]) =>
  ({ type: 'compared', instance, digests, ...sentBy(sender) }) as const
const asks = (to: NodeId, instance: number, digest: string) =>
  ({ type: 'send', to, message: { type: 'compare', instance, digest } }) as const
const answers = (to: NodeId, instance: number, ...digests: readonly string[]) =>
  ({ type: 'send', to, message: { type: 'compared', instance, digests } }) as const
const doubts = { type: 'doubt', isDoubted: true } as const
const doubtsNoMore = { type: 'doubt', isDoubted: false } as const
const refuses = (instance: number, isFirst: boolean) =>
  ({ type: 'refuse', dispute: { instance, isFirst } }) as const

/** The reason of the halt among `wants`. */
function halts(wants: readonly { readonly type: string }[]): string | null {
  const halt = wants.find(({ type }) => type === 'halt')
  return halt === undefined ? null : (halt as { readonly type: string; readonly reason: string }).reason
}

describe('a difference', () => {
  test('makes it ask every other counted server', () => {
    const role = auditor([...members(3), member(4, null)])
    expect(said(role.hear(noticed(7, 'a', 'b')))).toEqual([doubts, asks(1, 7, 'b'), asks(2, 7, 'b')])
    expect(role.state).toBe('comparing')
  })

  test('that a single server reports halts nobody', () => {
    const role = auditor()
    role.hear(noticed(7, 'a', 'b'))
    expect(said(role.hear(compared(1, 7, 'a', 'c'), compared(1, 7, 'a', 'c')))).toEqual([])
    expect(role.state).toBe('comparing')
  })

  test('from a quorum halts this server, which names the first instance', () => {
    const role = auditor()
    role.hear(noticed(7, 'a', 'b'))
    const wants = said(role.hear(compared(1, 7, 'a', 'c'), compared(2, 7, 'a', 'c')))
    expect(wants).toMatchObject([{ type: 'halt', executedAt: 7 }])
    expect(halts(wants)).toContain('first at instance 7')
    expect(halts(wants)).toContain('c on the servers 1, 2, and b here')
    expect(role.state).toBe('differing')
  })

  test('that began earlier is found among the digests of the answer', () => {
    const role = auditor()
    role.hear(noticed(7, 'a', 'x', 'y'))
    const wants = role.hear(compared(1, 7, 'a', 'b', 'c'), compared(2, 7, 'a', 'b', 'c'))
    expect(said(wants)).toMatchObject([{ executedAt: 6 }])
  })

  test('that began before all compared digests says so', () => {
    const role = auditor()
    role.hear(noticed(7, 'x', 'y'))
    const wants = role.hear(compared(1, 7, 'b', 'c'), compared(2, 7, 'b', 'c'))
    expect(halts(said(wants))).toContain('at instance 6 or before')
  })

  test('of the other server ends when a quorum is like this one', () => {
    const role = auditor()
    role.hear(noticed(7, 'b'))
    expect(said(role.hear(compared(2, 7, 'b')))).toEqual([{ type: 'refuse', dispute: null }, doubtsNoMore])
    expect(role.state).toBe('agreeing')
    expect(role.timers).toEqual([])
  })

  test('is compared once at an instance: servers that differ do not ask each other for ever', () => {
    const role = auditor()
    role.hear(noticed(7, 'b'), compared(2, 7, 'b'))
    expect(said(role.hear(noticed(7, 'b')))).toEqual([])
    expect(said(role.hear(compare(1, 7, 'c', ['b'])))).toEqual([answers(1, 7, 'b')])
    expect(role.state).toBe('agreeing')
    role.hear(noticed(8, 'b'))
    expect(role.state).toBe('comparing')
  })
})

describe('answers', () => {
  test('of other directories and servers that are not counted do not count', () => {
    const role = auditor()
    role.hear(noticed(7, 'b'))
    const foreign = { ...compared(1, 7, 'c'), incarnation: 'another' }
    expect(said(role.hear(foreign, compared(2, 7, 'c'), compared(9, 7, 'c')))).toEqual([])
    expect(role.context.answers.map(({ node }) => node)).toEqual([0, 2])
  })

  test('about another instance do not count', () => {
    const role = auditor()
    role.hear(noticed(7, 'b'))
    expect(said(role.hear(compared(1, 6, 'c'), compared(2, 6, 'c')))).toEqual([])
    expect(role.context.answers.map(({ node }) => node)).toEqual([0])
  })

  test('of servers that were removed meanwhile are forgotten', () => {
    const role = auditor(members(5))
    role.hear(noticed(7, 'b'), compared(1, 7, 'c'), compared(2, 7, 'c'))
    role.hear({ type: 'members.changed', members: members(5).filter(({ id }) => id !== 2) })
    expect(role.context.answers.map(({ node }) => node)).toEqual([0, 1])
    expect(role.state).toBe('comparing')
  })

  test('that are lost are asked for again, and then given up until the next difference', () => {
    const role = auditor()
    role.hear(noticed(7, 'b'), compared(1, 7, 'b'.repeat(2)))
    expect(said(role.pass('askInterval'))).toEqual([asks(2, 7, 'b')])
    const silent = auditor()
    silent.hear(noticed(7, 'b'))
    for (let tries = 0; tries <= defaultTiming.patientTries; tries += 1) silent.pass('askInterval')
    expect(silent.state).toBe('agreeing')
    expect(silent.timers).toEqual([])
    // Nobody has judged the instance, so it is compared again.
    expect(said(silent.hear(noticed(7, 'b')))[0]).toEqual(doubts)
  })
})

describe('a dispute', () => {
  test('begins when no quorum can agree, and names the first difference to any server', () => {
    const role = auditor()
    role.hear(noticed(7, 'a', 'b', 'c'))
    expect(said(role.hear(compared(1, 7, 'a', 'b', 'x'), compared(2, 7, 'a', 'z', 'y')))).toEqual([
      refuses(6, true),
      doubtsNoMore,
    ])
    expect(role.state).toBe('disputed')
    expect(role.timers).toEqual([])
  })

  test('begins without the silent servers after a quorum has answered', () => {
    const role = auditor()
    role.hear(noticed(7, 'b'), compared(1, 7, 'c'))
    for (let tries = 0; tries < defaultTiming.patientTries; tries += 1) role.pass('askInterval')
    expect(said(role.pass('askInterval'))).toEqual([refuses(7, false), doubtsNoMore])
    expect(role.state).toBe('disputed')
  })

  test('keeps its first difference, and is compared at the next one', () => {
    const role = auditor()
    role.hear(noticed(7, 'a', 'b'), compared(1, 7, 'a', 'c'), compared(2, 7, 'a', 'd'))
    expect(said(role.hear(noticed(8, 'b', 'e')))).toEqual([doubts, asks(1, 8, 'e'), asks(2, 8, 'e')])
    expect(said(role.hear(compared(1, 8, 'c', 'f'), compared(2, 8, 'd', 'g')))).toEqual([
      refuses(7, true),
      doubtsNoMore,
    ])
  })

  test('ends when a quorum is like this server', () => {
    const role = auditor()
    role.hear(noticed(7, 'b'), compared(1, 7, 'c'), compared(2, 7, 'd'))
    const wants = said(role.hear(compare(1, 8, 'e', ['b', 'f']), compared(2, 8, 'b', 'f')))
    expect(wants.slice(-2)).toEqual([{ type: 'refuse', dispute: null }, doubtsNoMore])
    expect(role.state).toBe('agreeing')
  })

  test('ends when those who differ are removed, and a quorum of the others agrees', () => {
    const role = auditor()
    role.hear(noticed(7, 'b'), compared(1, 7, 'c'), compared(2, 7, 'd'))
    expect(said(role.hear({ type: 'members.changed', members: [member(0), member(2)] }))).toEqual([])
    expect(role.state).toBe('disputed')
    expect(said(role.hear({ type: 'members.changed', members: [member(0)] }))).toEqual([
      { type: 'refuse', dispute: null },
    ])
    expect(role.state).toBe('agreeing')
  })

  test('halts this server when the others agree after a removal', () => {
    const role = auditor(members(5))
    role.hear(
      noticed(7, 'b'),
      compared(1, 7, 'c'),
      compared(2, 7, 'd'),
      compared(3, 7, 'd'),
      compared(4, 7, 'e'),
    )
    expect(role.state).toBe('disputed')
    const wants = said(role.hear({ type: 'members.changed', members: [member(0), member(2), member(3)] }))
    expect(halts(wants)).toContain('differ from those of a quorum')
    expect(role.state).toBe('differing')
  })
})

describe('a question', () => {
  test('is answered with the digests, and shows a difference too', () => {
    const role = auditor()
    expect(said(role.hear(compare(1, 7, 'c', ['a', 'c'])))).toEqual([answers(1, 7, 'a', 'c')])
    expect(role.state).toBe('agreeing')
    expect(said(role.hear(compare(1, 8, 'd', ['c', 'e'])))).toEqual([
      answers(1, 8, 'c', 'e'),
      doubts,
      asks(1, 8, 'e'),
      asks(2, 8, 'e'),
    ])
  })

  test('about an instance that is unknown here is not answered', () => {
    const role = auditor()
    expect(role.hear(compare(1, 7, 'c', null))).toEqual([])
    expect(role.state).toBe('agreeing')
  })

  test('of a server that is not counted is not answered', () => {
    expect(auditor().hear(compare(5, 7, 'c', ['d']))).toEqual([])
  })
})

describe('a proof that a directory was copied or put back', () => {
  const exposure = (sender: NodeId, node: NodeId = 0, directory = foundingIncarnation(node)) =>
    ({ type: 'exposure', node, directory, ...copiedBoots, ...sentBy(sender) }) as const

  test('silences the server that it is about, and halts it when a quorum has it', () => {
    const role = auditor()
    expect(said(role.hear(exposure(1)))).toEqual([
      { type: 'withdraw', reason: expect.stringContaining('boot 1 (one)') },
    ])
    expect(role.state).toBe('reported')
    expect(said(role.hear(exposure(1)))).toEqual([])
    const reason = halts(said(role.hear(exposure(2))))
    expect(reason).toContain('the servers 1, 2 have proof that this directory was copied or put back')
    expect(reason).toContain('let it join again with an empty directory')
    expect(role.state).toBe('exposed')
  })

  test.each([
    ['agreeing', []],
    ['comparing', [noticed(7, 'a', 'b')]],
    ['disputed', [noticed(7, 'a'), compared(1, 7, 'b'), compared(2, 7, 'c')]],
  ] as const)('silences a server that is %s', (state, before) => {
    const role = auditor()
    role.hear(...before)
    expect(role.state).toBe(state)
    expect(said(role.hear(exposure(1)))).toMatchObject([{ type: 'withdraw' }])
    expect(role.timers).toEqual([])
  })

  test('of a server that is not counted does nothing', () => {
    const role = auditor()
    expect(said(role.hear(exposure(7), { ...exposure(1), incarnation: 'another' }))).toEqual([])
    expect(role.state).toBe('agreeing')
  })

  test('about another server, or an earlier directory of this one, makes it distrust that directory', () => {
    const role = auditor()
    const distrusts = (node: NodeId, incarnation: string) => ({
      type: 'distrust',
      node,
      incarnation,
      ...copiedBoots,
    })
    expect(said(role.hear(exposure(1, 2)))).toEqual([distrusts(2, foundingIncarnation(2))])
    expect(said(role.hear(exposure(1, 0, 'earlier')))).toEqual([distrusts(0, 'earlier')])
    expect(role.state).toBe('agreeing')
  })

  test('is sent to those who must know of it', () => {
    const message = { type: 'exposure', node: 1, directory: foundingIncarnation(1), ...copiedBoots } as const
    const wants = said(auditor().hear({ type: 'exposure.wanted', to: [1, 2], exposures: [message] }))
    expect(wants).toEqual([1, 2].map((to) => ({ type: 'send', to, message })))
  })
})
